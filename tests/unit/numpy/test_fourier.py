"""numpy.fft."""

import numpy as np
import pytest

from .case import Table

TABLE = Table(rtol=1e-10)
numbers = np.random.default_rng(7)

z5 = numbers.normal(size=(3, 5)) + 1j * numbers.normal(size=(3, 5))
R = numbers.normal(size=(3, 4))
R5 = numbers.normal(size=(3, 5))
for f in (np.fft.fft, np.fft.ifft, np.fft.hfft, np.fft.irfft):
    for nm in (None, "ortho", "forward"):
        TABLE.add(f, z5, norm=nm)
    TABLE.add(f, R5)
    TABLE.add(f, z5, 4)
    TABLE.add(f, z5, 9, axis=0)
    TABLE.add(f, z5, 3, 0)
for f in (np.fft.rfft, np.fft.ihfft):
    for nm in (None, "ortho", "forward"):
        TABLE.add(f, R, norm=nm)
        TABLE.add(f, R5, norm=nm)
    TABLE.add(f, R, 7)
    TABLE.add(f, R5, 3, axis=0)
    TABLE.add(f, R5, 2)
for f in (np.fft.fft2, np.fft.ifft2, np.fft.fftn, np.fft.ifftn, np.fft.irfft2, np.fft.irfftn):
    TABLE.add(f, z5)
    TABLE.add(f, z5, s=(4, 4), axes=(0, 1))
    TABLE.add(f, z5, axes=(1, 0), norm="ortho")
for f in (np.fft.rfft2, np.fft.rfftn):
    TABLE.add(f, R5)
    TABLE.add(f, R5, s=(4, 4), axes=(0, 1))
    TABLE.add(f, R, axes=(1, 0))
    TABLE.add(f, R5[None], axes=(0, 1, 2) if f is np.fft.rfftn else (0, 1))
TABLE.add(np.fft.fftn, numbers.normal(size=(2, 3, 4)), axes=(0, 2))
TABLE.add(np.fft.fftshift, R5)
TABLE.add(np.fft.ifftshift, R5)
TABLE.add(np.fft.fftshift, R5, axes=1)
TABLE.add(np.fft.ifftshift, R5, axes=(0,))


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)
