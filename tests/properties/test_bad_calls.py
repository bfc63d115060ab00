"""Bad calls of compiled functions: each gives what NumPy gives, or a Python exception; the interpreter survives all of them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg

SETTINGS = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Subclass(np.ndarray):
    pass


def plain(x, y):
    return np.sum(x * y) + x[0] * 2.0


def rows(x, y):
    return x[::-1] - y, np.sin(x)


def solved(x, y):
    return np.linalg.solve(x.reshape(2, 2) + 3 * np.eye(2), y[:2])


FUNCTIONS = (plain, rows, solved)
GRADIENT = wg.jit(wg.grad(plain, argnums=(0, 1)))
COMPILED = {f: wg.jit(f) for f in FUNCTIONS}


@st.composite
def arguments(draw):
    n = draw(st.sampled_from((0, 1, 3, 4, 4, 4, 4)))
    dtype = draw(st.sampled_from(("f8", "f8", "f4", "c16", "i8", "b1", "u1", "f2", ">f8", "g", "O", "S3", "M8[s]", "i4,f8")))
    value = np.zeros(2 * n + 3, "f8") + 0.5
    value[: n + 3] = np.linspace(0.1, 1.7, n + 3)
    try:
        value = value.astype(dtype)
    except (TypeError, ValueError):
        value = np.zeros(2 * n + 3, dtype)
    layout = draw(st.integers(0, 9))
    if layout == 0:
        value = value[: 2 * n : 2]
    elif layout == 1:
        value = value[:n][::-1]
    elif layout == 2:
        value = np.lib.stride_tricks.as_strided(value, (n,), (0,))
    elif layout == 3:
        value = np.asfortranarray(np.broadcast_to(value[: max(n, 1)], (2, max(n, 1))))
    elif layout == 4:
        value = np.frombuffer(b"\0" + value.tobytes(), np.uint8)[1:].view(value.dtype)[:n] if value.dtype != object else value[:n]
    else:
        value = value[:n].copy()
    if draw(st.integers(0, 4)) == 0:
        value.flags.writeable = False
    wrapped = draw(st.integers(0, 12))
    if wrapped == 0:
        return value.view(Subclass)
    if wrapped == 1 and value.dtype != object:
        return np.ma.masked_array(value)
    if wrapped == 2:
        return draw(st.sampled_from((None, "four", 1.5, 2, True, [0.1, 0.2, 0.3, 0.4], {}, object(), memoryview(b"1234"), float, np.nan)))
    return value


def outcome(f, x, y):
    try:
        with np.errstate(all="ignore"):
            return f(x, y)
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@SETTINGS
@given(x=arguments(), y=arguments(), extra=st.integers(0, 8))
def test_a_bad_call_is_answered_as_numpy_does_or_refused(f, x, y, extra):
    compiled = COMPILED[f]
    if extra == 0:
        assert isinstance(outcome(lambda a, b: compiled(a), x, y), Exception)
    if extra == 1:
        assert isinstance(outcome(lambda a, b: compiled(a, b, a), x, y), Exception)
    if extra == 2:
        outcome(lambda a, b: compiled(x=a, y=b, z=a), x, y)
    got, wanted = outcome(compiled, x, y), outcome(f, x, y)
    outcome(GRADIENT, x, y)
    if "unsupported in linalg" in str(wanted):  # half and extended precision, which SciPy casts
        return
    if isinstance(got, Exception):
        assert str(got) or type(got) is type(wanted)
        return
    assert not isinstance(wanted, Exception), f"NumPy refuses with {wanted!r}"
    for a, b in zip(got if isinstance(got, tuple) else (got,), wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        precision = 1e-2 if np.asarray(b).dtype.char in "ef" else 1e-10
        np.testing.assert_allclose(np.asarray(a, complex), np.asarray(b, complex), rtol=precision, atol=precision)


@pytest.mark.filterwarnings("ignore")
@SETTINGS
@given(x=arguments(), out=arguments(), overlap=st.integers(0, 4))
def test_an_array_to_write_into_is_checked(x, out, overlap):
    f = wg.jit(np.sin)
    base = np.linspace(0.0, 1.0, 12)
    if overlap == 0:
        x, out = base[:8], base[2:10]
    if overlap == 1:
        x, out = base[::2], base[::-2]
    try:
        with np.errstate(all="ignore"):
            wanted = np.sin(x)
    except Exception:
        wanted = None
    answer = outcome(f.into, out, x)
    if isinstance(answer, Exception):
        assert str(answer)
    elif 0 not in out.strides:  # else all elements are one, and the last that was written stays, as in NumPy
        np.testing.assert_allclose(np.asarray(out, complex), np.asarray(wanted, complex), rtol=1e-2)
