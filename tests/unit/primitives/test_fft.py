"""Fourier transforms: values against NumPy, transposes against explicit matrices, both parities and all norms."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ShapeError
from wengert.ir.builder import Builder, building
from wengert.ir.types import type_of
from wengert.ir.values import Var
from wengert.primitives import load
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import vjp

load("fft")

from wengert.primitives import fft as F  # noqa: E402

NORMS = ("backward", "ortho", "forward")


def pullback(f, x, ct):
    builder = Builder()
    var = Var(type_of(x))
    with building(builder):
        function = builder.build([var], [f(var)], "f")
    return evaluate(vjp(function, (True,)), [x, ct])[1]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_transposes_are_those_of_the_matrices(n, norm, rng):
    z = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    for kind in ("fft", "ifft"):
        matrix = getattr(np.fft, kind)(np.eye(n), axis=0, norm=norm)
        np.testing.assert_allclose(pullback(F.Fft(kind, n, 0, norm), z, z), matrix.T @ z, atol=1e-13)
    half = rng.standard_normal(n // 2 + 1) + 1j * rng.standard_normal(n // 2 + 1)
    real_to_half = np.fft.rfft(np.eye(n), axis=0, norm=norm)
    np.testing.assert_allclose(pullback(F.Fft("rfft", n, 0, norm), z.real, half), (real_to_half.T @ half).real, atol=1e-13)
    # irfft is linear over the reals: by its real and imaginary parts
    by_real = np.fft.irfft(np.eye(n // 2 + 1), n, axis=0, norm=norm)
    by_imag = np.fft.irfft(1j * np.eye(n // 2 + 1), n, axis=0, norm=norm)
    expected = by_real.T @ z.real - 1j * (by_imag.T @ z.real)
    np.testing.assert_allclose(pullback(F.Fft("irfft", n, 0, norm), half, z.real), expected, atol=1e-13)


@pytest.mark.parametrize("norm", NORMS)
def test_compositions_equal_numpy(norm, rng):
    z = rng.standard_normal((3, 4, 5)) + 1j * rng.standard_normal((3, 4, 5))
    x, axes = z.real, (2, 0, 1)
    pairs = [
        (F.fftn(z, axes, norm), np.fft.fftn(z, axes=axes, norm=norm)),
        (F.ifftn(z, axes, norm), np.fft.ifftn(z, axes=axes, norm=norm)),
        (F.rfftn(x, axes, norm), np.fft.rfftn(x, axes=axes, norm=norm)),
        (F.hfft(z, 9, 2, norm), np.fft.hfft(z, 9, 2, norm)),
        (F.ihfft(x, 2, norm), np.fft.ihfft(x, 5, 2, norm)),
    ]
    for ours, reference in pairs:
        np.testing.assert_allclose(ours, reference, atol=1e-12)


def test_irfftn_equals_numpy(rng):
    z = rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))
    for n in (6, 7):
        np.testing.assert_allclose(F.irfftn(z, n, (0, 1)), np.fft.irfftn(z, s=(3, n), axes=(0, 1)), atol=1e-13)


def test_lengths_are_strict():
    with pytest.raises(ShapeError, match="needs a complex array with 3 elements"):
        F.Fft("irfft", 4, 0).type(type_of(np.zeros(4, complex)))
    with pytest.raises(ShapeError, match="needs a real array with 4 elements"):
        F.Fft("rfft", 4, 0).type(type_of(np.zeros(4, complex)))


def test_single_precision_stays():
    assert F.rfft(np.ones(4, np.float32), 0).dtype == np.complex64
    assert pullback(F.Fft("rfft", 4, 0), np.ones(4, np.float32), np.ones(3, np.complex64)).dtype == np.float32


@pytest.mark.parametrize("shape, axis", [((8,), 0), ((7,), 0), ((1,), 0), ((3, 8), 1), ((8, 3), 0), ((2, 5, 9), 1), ((4, 1, 6), 1)])
@pytest.mark.parametrize("kind", ["fft", "ifft", "rfft", "irfft"])
def test_native_transforms_are_numpys(kind, shape, axis, rng):
    """Along any axis, of arrays that lie otherwise in memory, in both precisions."""
    if kind == "irfft" and shape[axis] == 1:
        return
    for norm in NORMS:
        for code, tolerance in (("d", 1e-15), ("f", 1e-6)):
            x = rng.standard_normal(shape).astype(code)
            x = x if kind == "rfft" else x + 1j * rng.standard_normal(shape).astype(code)
            f = lambda x, norm=norm: getattr(np.fft, kind)(x, axis=axis, norm=norm)
            expected, made = f(x), wg.jit(f)(x)
            assert made.dtype == expected.dtype
            np.testing.assert_allclose(made, expected, rtol=0, atol=tolerance * np.max(np.abs(expected)))
    f = lambda x: getattr(np.fft, kind)(x.T, axis=-1 - axis)
    np.testing.assert_allclose(wg.jit(f)(x), f(x), atol=1e-5)


def test_native_transforms_call_no_python():
    loops = wg.jit(lambda x: np.fft.irfft(np.fft.rfft(x))).lower(np.ones(8)).loops
    assert "python" not in loops and "fft.irfft" in loops
