"""Special functions in native code are what their `evaluate` is, at the edges too: 0, signs, infinities, NaN."""

import itertools

import numpy as np
import pytest

from tests.native import kernel, program, values
from wengert.codegen.lower import lower
from wengert.ir.operation import OPERATIONS
from wengert.loops.nest import Call, If, While, walk
from wengert.primitives import load
from wengert.primitives.arith import Gcd, Lcm
from wengert.primitives.math import SincDerivative
from wengert.primitives.special import airy, base, bessel, capi
from wengert.primitives.special.capi import CFunction, c_function

load("special")

SPECIAL = sorted(name for name, cls in OPERATIONS.items() if cls.__module__.startswith("wengert.primitives.special."))
HOSTED = {"lambertw": "scipy.special.cython_special has no C function for it"}
# One line, without a branch or a call of a C function, so that loops over it vectorise.
FLAT = [
    *("entr", "erf", "erfc", "expit", "huber", "kl_div", "log_expit", "logit", "ndtr", "pseudo_huber", "rel_entr"),
    *("round_to_even", "softplus", "xlog1py", "xlogy"),
]
EDGES = np.array([-np.inf, -100.3, -7.0, -2.5, -1.0, -0.5, -1e-9, -0.0, 0.0, 1e-300, 0.1, 0.5, 1.0, 2.0, 3.7, 20.0, 100.2, np.inf, np.nan])
FEW = np.array([-2.5, -1.0, 0.0, 0.1, 0.5, 1.0, 3.7, 20.0, np.inf, np.nan])
TOLERANCE = 2e-13
NOISE = {"betainc_by_ab": 1e-13, "gammainc_by_a": 1e-13}  # sums of hundreds of terms of either sign
# Where `evaluate` loses digits in a tail or does not return, or the integral does not exist.
APART = {
    "hyp1f1": lambda a, b, x: np.isinf(x),
    "elliptic_moment": lambda phi, m: m >= 1,
    "erfc": lambda x: x > 26,
    "ndtr": lambda x: x < -35,
}


def grid(count):
    edges = EDGES if count < 3 else FEW if count == 3 else FEW[[0, 2, 3, 5, 6, 7, 9]]
    return [np.array(x) for x in zip(*itertools.product(edges, repeat=count), strict=True)]


def agree(got, expected, tolerance, what, operands, noise=0.0):
    """Equal but for a relative error, or a part of the largest value."""
    finite = np.abs(expected[np.isfinite(expected)])
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(expected), 1e-290)
        same = (
            (got == expected) | (np.isnan(got) & np.isnan(expected)) | (np.abs(got - expected) <= tolerance * size + noise * finite.max())
        )
    wrong = np.flatnonzero(~same)[:4]
    where = [f"at {[x[i] for x in operands]}: native {got[i]}, evaluate {expected[i]}" for i in wrong]
    assert not where, f"{what}\n" + "\n".join(where)


def operations(name):
    """One operation for each set of parameters, with the operands of its first sample in double precision."""
    found = {}
    for sample in OPERATIONS[name].samples():
        dtypes = [np.asarray(a).dtype for a in sample.operands]
        if all(dtype == np.float64 for dtype in dtypes):
            found.setdefault(sample.operation, sample.operands)
    return list(found.items())


@pytest.mark.filterwarnings("ignore:floating point number truncated")
@pytest.mark.parametrize("name", [name for name in SPECIAL if name not in HOSTED])
def test_edges(name):
    cases = operations(name)
    if not cases:
        pytest.skip("complex only: tests/contract/test_native.py")
    for operation, sample in cases:
        operands = grid(len(sample))
        if name in APART:
            keep = ~APART[name](*operands)
            operands = [x[keep] for x in operands]
        got, expected, hosted = values(operation, operands)
        assert hosted == []
        for ours, reference in zip(got, expected, strict=True):
            agree(ours, reference, TOLERANCE, repr(operation), operands, NOISE.get(name, 0.0))


@pytest.mark.parametrize("name", sorted(HOSTED))
def test_hosted(name):
    for sample in OPERATIONS[name].samples():
        got, expected, hosted = values(sample.operation, sample.operands)
        assert hosted == [name]
        np.testing.assert_array_equal(got[0], expected[0])


@pytest.mark.parametrize("name", FLAT)
def test_formulas_vectorise(name):
    operation, sample = operations(name)[0]
    statements = list(walk(lower(program(operation, [np.ones(100) for _ in sample]), "kernel").block))
    assert not [s for s in statements if type(s) in (Call, If, While)]


EXTREME = np.array(
    [-1.7e308, -1e300, -745.2, -30.0, -1e-17, -5e-324, 5e-324, 1e-17, 0.3, 0.65, 0.999999999, 1.0000001, 36.8, 709.9, 1e16, 1.7e308]
)


@pytest.mark.parametrize("name", [name for name in FLAT if name not in APART])
def test_formulas_at_extremes(name):
    operation, sample = operations(name)[0]
    operands = [np.array(x) for x in zip(*itertools.product(EXTREME, repeat=len(sample)), strict=True)]
    got, expected, _ = values(operation, operands)
    agree(got[0], expected[0], (40 if name == "pseudo_huber" else 8) * np.finfo(float).eps, name, operands)


@pytest.mark.parametrize(("x", "expected"), [(-1e3, 1e-6), (-1e300, 0.0), (1e3, np.inf), (1e300, np.inf), (-np.inf, 0.0), (np.nan, np.nan)])
def test_the_derivative_of_exprel_far_out(x, expected):
    (got,), (reference,), _ = values(OPERATIONS["exprel_derivative"](1), [np.array([x])])
    np.testing.assert_allclose(got, [expected], rtol=1e-13)
    np.testing.assert_allclose(reference, [expected], rtol=1e-13)


@pytest.mark.parametrize("n", range(1, 8))
def test_derivatives_of_sinc(n):
    x = np.concatenate([np.linspace(-4, 4, 161), [1e3, -1e3, 0.0, np.nan]])
    got, expected, hosted = values(SincDerivative(n), [x])
    assert hosted == []
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-11, atol=1e-11 * np.pi**n)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("operation", [Gcd(), Lcm()], ids=["gcd", "lcm"])
def test_divisors(operation, dtype):
    info = np.iinfo(dtype)
    numbers = [info.min, info.max, 0, 1, 2, 12, 18, 97] + ([-1, -12, -18] if info.min else [])
    x, y = [np.array(a, dtype) for a in zip(*itertools.product(numbers, repeat=2), strict=True)]
    got, expected, hosted = values(operation, [x, y])
    assert hosted == []
    np.testing.assert_array_equal(got[0], expected[0])


# -- C functions ---------------------------------------------------------------------------------------


def test_names_and_types():
    assert c_function("j0", "d").symbol == "special.j0"
    assert c_function("psi", "d").operands == "d"
    assert c_function("eval_hermite", "nd").result == "d"
    assert c_function("ellipj", "dd").pointers == 4
    assert c_function("spherical_jn", "nd").hidden[-1].kind == "p"
    assert c_function("j0", "D") is None
    assert c_function("no_such_function", "d") is None


def parsed(signature):
    found = capi._parsed("special.f", signature)
    return found and (found.result, found.operands, found.pointers, len(found.hidden))


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("double (double, int __pyx_skip_dispatch)", ("d", "d", 0, 1)),
        ("__pyx_t_double_complex (double, __pyx_t_double_complex, int __pyx_skip_dispatch)", ("D", "dD", 0, 1)),
        ("void (double, double, double *, double *)", ("", "dd", 2, 0)),
        ("double (Py_ssize_t, double, int __pyx_skip_dispatch, struct __pyx_opt_args_f *__pyx_optional_args)", ("d", "nd", 0, 2)),
        ("float (float, int __pyx_skip_dispatch)", None),
        ("double (long, double, int __pyx_skip_dispatch)", None),
        ("long double (long double, int __pyx_skip_dispatch)", None),
        ("", None),
    ],
)
def test_signatures(signature, expected):
    assert parsed(signature) == expected


def test_scipy_without_the_function(monkeypatch):
    """What this SciPy or this machine lacks is run by `evaluate`, and gives the same."""
    monkeypatch.setattr(base, "c_function", lambda name, operands: None)
    for operation, x in ((bessel.j0, np.array([0.5, 2.0])), (airy.airy, np.array([0.5, 2.0]))):
        got, expected, hosted = values(operation, [x])
        assert hosted == [operation.name]
        np.testing.assert_array_equal(got, expected)


def test_no_complex_by_value(monkeypatch):
    """Where complex numbers are passed otherwise than as two doubles, functions of them are not called."""
    monkeypatch.setattr(capi, "COMPLEX_BY_PARTS", False)
    assert c_function.__wrapped__("wofz", "D") is None
    assert isinstance(c_function.__wrapped__("erfcx", "d"), CFunction)


def test_in_a_larger_program():
    """Calls of C functions, fused with what is around them, in a loop over an array."""
    import wengert as wg
    from wengert.scipy import special as sp

    function = wg.record(lambda x: np.sum(sp.j0(x) * sp.expit(x) ** 2) + sp.gammaln(x[0]))(np.ones(500))
    x = np.linspace(0.1, 9, 500)
    run, hosted = kernel(function)
    assert hosted == []
    import scipy.special as sc

    np.testing.assert_allclose(run([x])[0], np.sum(sc.j0(x) * sc.expit(x) ** 2) + sc.gammaln(x[0]), rtol=1e-13)
