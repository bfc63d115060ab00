"""`wengert.scipy.signal`: SciPy's values, derivatives against differences."""

import numpy as np
import pytest
import scipy.signal as ss

import wengert as wg
from wengert.scipy import signal as ws

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=7), RNG.normal(size=3)
P, Q = RNG.normal(size=(5, 4)), RNG.normal(size=(2, 3))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("pair", [(X, Y), (Y, X), (P, Q)], ids=["7 and 3", "3 and 7", "planes"])
def test_convolution(name, mode, method, pair, agree):
    agree(lambda x, y: getattr(ws, name)(x, y, mode, method), lambda x, y: getattr(ss, name)(x, y, mode, method), *pair, rtol=1e-10)


def test_fftconvolve(agree):
    agree(ws.fftconvolve, ss.fftconvolve, X, Y, rtol=1e-10)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_planes(mode, agree):
    agree(lambda x, y: ws.convolve2d(x, y, mode), lambda x, y: ss.convolve2d(x, y, mode), P, Q, rtol=1e-10)
    agree(lambda x, y: ws.correlate2d(x, y, mode), lambda x, y: ss.correlate2d(x, y, mode), P, Q, rtol=1e-10)


def test_lfilter(agree):
    agree(ws.lfilter, ss.lfilter, np.array([0.5, 1.0, 0.2]), np.array([2.0, -0.5, 0.3]), X, rtol=1e-10)
    agree(lambda x: ws.lfilter([1.0, 0.5], [1.0, -0.9], x, axis=0), lambda x: ss.lfilter([1.0, 0.5], [1.0, -0.9], x, axis=0), P, rtol=1e-10)


def test_detrend(agree):
    agree(ws.detrend, ss.detrend, P, rtol=1e-10)
    agree(lambda x: ws.detrend(x, axis=0, type="constant"), lambda x: ss.detrend(x, axis=0, type="constant"), P, rtol=1e-10)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_correlation_of_complex_planes(mode):
    z = P + 1j * P[::-1]
    for x, y in ((z, Q), (Q, z), (z, Q * (1 - 2j))):
        value, tangent = wg.jvp(lambda x, y: ws.correlate2d(x, y, mode), (x, y), (x * 1j if x is z else x, y))
        np.testing.assert_allclose(value, ss.correlate2d(x, y, mode), rtol=1e-12)
        turned = ss.correlate2d(x * 1j, y, mode) if x is z else value
        np.testing.assert_allclose(tangent, turned + value, rtol=1e-12)
