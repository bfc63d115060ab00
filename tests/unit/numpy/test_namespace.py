"""`wengert.numpy` as a drop-in: plain values go to NumPy, traced ones to a rule or a refusal, by name."""

import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
import wengert.numpy as wnp
from wengert.errors import UnknownFunctionError
from wengert.numpy.table import IMPLEMENTATIONS

NO_MEANING = {
    *["busday_count", "busday_offset", "datetime_as_string", "is_busday", "isnat"],
    *["packbits", "unpackbits", "save", "savetxt", "savez", "savez_compressed"],
}


def dispatching(module):
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if isinstance(value, np.ufunc) or type(value).__name__ == "_ArrayFunctionDispatcher":
            yield name, value


@pytest.mark.parametrize("module", [np, np.linalg, np.fft], ids=lambda m: m.__name__)
def test_every_dispatching_function_is_known(module):
    known_later = {"bitwise_count"}
    missing = [name for name, f in dispatching(module) if f not in IMPLEMENTATIONS and name not in NO_MEANING | known_later]
    assert not missing


def test_plain_values_pass_through():
    assert wnp.pi is np.pi
    assert wnp.float64 is np.float64
    np.testing.assert_array_equal(wnp.fft.fftfreq(4), np.fft.fftfreq(4))
    assert wnp.linalg.LinAlgError is np.linalg.LinAlgError
    assert isinstance(wnp.sum([1, 2]), np.integer)
    assert {"linalg", "sum", "pi"} <= set(dir(wnp))


def test_arrays_of_traced_numbers():
    def f(x):
        m = wnp.array([[x, 1.0], [x**2, 2]])
        return wnp.linalg.det(m) + wnp.asarray(x) * len(wnp.zeros(3)) + wnp.full((2,), x)[0]

    assert wg.grad(f)(3.0) == pytest.approx(2 - 6 + 3 + 1)


def test_dtypes_follow_numpy():
    x = np.ones(3, np.float32)
    for f in (
        lambda x: np.where(x > 0, x, 0.0),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.mean(x),
        lambda x: np.std(x),
        lambda x: np.concatenate([x, np.ones(2, np.float32)]),
        lambda x: np.linalg.norm(x),
        lambda x: np.fft.rfft(x),
        lambda x: np.median(x),
        lambda x: np.sum(x > 0),
        lambda x: np.argmax(x),
        lambda x: np.linspace(x[0], 2.0, 3),
    ):
        assert np.asarray(wg.jvp(f, (x,), (x,))[0]).dtype == np.asarray(f(x)).dtype


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: np.union1d(x, x), "union1d"),
        (lambda x: np.packbits(x), "packbits"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones(3), method="inverted_cdf"), "quantile"),
        (lambda x: np.pad(x, 1, "linear_ramp"), "pad"),
    ],
)
def test_refused_by_name(f, name):
    with pytest.raises(UnknownFunctionError, match=name):
        wg.grad(f)(np.ones(3))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sum(x * x, axis=0, keepdims=True, out=np.zeros(1))[0], [2, 4, 6]),
        (lambda x: np.sum(np.add(x, x, out=np.zeros(3)) * x), [4, 8, 12]),
        (lambda x: np.add.at(x, [0, 0], x[1]) or np.sum(x**2), [10, 2 * 5 * 2 + 4, 6]),
        (lambda x: np.put(x, 0, x[1] ** 2) or np.sum(x), [0, 5, 1]),
    ],
)
def test_what_writes_into_an_array(f, expected):
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(wg.grad(f)(x), expected, rtol=1e-14)
    plain, taped, native = (x.copy() for x in [np.array([1.0, 2.0, 3.0])] * 3)
    assert wg.value_and_grad(f)(taped)[0] == wg.jit(f)(native) == f(plain)
    np.testing.assert_array_equal(taped, plain)
    np.testing.assert_array_equal(native, plain)


def test_errors_are_numpys():
    x = np.ones((2, 3))
    for f in (
        lambda x: np.sum(x, axis=2),
        lambda x: np.reshape(x, (4, -1)),
        lambda x: np.concatenate([x, np.ones((2, 2, 2))]),
        lambda x: np.dot(x, x),
        lambda x: np.broadcast_to(x, (2, 2)),
        lambda x: np.linalg.inv(x),
        lambda x: np.squeeze(x, axis=0),
        lambda x: np.stack([x, x[0]]),
        lambda x: np.cumulative_sum(x),
        lambda x: np.split(x, 2, axis=1),
        lambda x: np.max(np.zeros((0,)) * x[0, 0]),
    ):
        with pytest.raises(ValueError):
            f(x)
        with pytest.raises(ValueError):
            wg.vjp(f, x)


def test_empty_and_0d():
    e = np.zeros((0, 3))
    for f in (np.sum, np.prod, np.linalg.norm, lambda x: x.T @ x, lambda x: np.concatenate([x, x]), np.ravel, np.sort, np.cumsum, np.flip):
        value, pullback = wg.vjp(f, e)
        np.testing.assert_array_equal(value, f(e), strict=True)
        assert pullback(np.zeros_like(value))[0].shape == (0, 3)
    for f in (np.sum, np.max, np.mean, np.std, np.ravel, np.atleast_2d, np.median, np.linalg.norm, np.argmax):
        assert np.shape(wg.vjp(f, 2.0)[0]) == np.shape(f(2.0))


def test_importing_is_cheap():
    code = "import sys, wengert; sys.exit(bool({'scipy', 'opt_einsum', 'wengert.primitives.linalg'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0
