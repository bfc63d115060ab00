"""Addresses by name."""

import ctypes
import ctypes.util
import math

import pytest

from wengert.runtime import cpu, symbols


def test_libm():
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(symbols.address("tanh"))
    assert f(0.3) == pytest.approx(math.tanh(0.3), rel=1e-15)


def test_scipys_special_functions():
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(symbols.address("special.gammaln"))
    assert f(5.0) == pytest.approx(math.log(24))
    assert "gammaln" in symbols.capsule_names("special")


def test_scipys_blas():
    f = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_void_p] * 5)(symbols.address("blas.ddot"))
    n, one, x = ctypes.c_int(3), ctypes.c_int(1), (ctypes.c_double * 3)(1, 2, 3)
    assert f(ctypes.addressof(n), ctypes.addressof(x), ctypes.addressof(one), ctypes.addressof(x), ctypes.addressof(one)) == 14.0
    assert symbols.exists("lapack.dpotrf")


@pytest.mark.parametrize(
    "name", ["no_such_function", "blas.nothing", "special.nothing", "numpy.nothing", "numpy.descr.nothing", "PyNothing", "wengert.nothing"]
)
def test_a_name_that_nobody_has(name):
    assert not symbols.exists(name)
    with pytest.raises(LookupError, match=f"no native symbol '{name}'"):
        symbols.address(name)


def test_our_own_names():
    cell = ctypes.c_double(1.5)
    symbols.define("test.cell", ctypes.addressof(cell), cell)
    assert ctypes.c_double.from_address(symbols.address("wengert.test.cell")).value == 1.5


def test_vector_math_is_known():
    assert symbols.has_vector_math() == (symbols.exists("_ZGVbN2v_exp") or symbols.exists("__svml_exp2"))


def test_processor():
    assert cpu.cores() >= 1
    assert set(cpu.cache_sizes()) >= {"L1", "L2", "L3"}
    assert cpu.fingerprint() == cpu.fingerprint()
    assert "\n" not in cpu.fingerprint()
