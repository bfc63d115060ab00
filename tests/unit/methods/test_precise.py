"""Exact arithmetic means what the primitives compute: each class at its own samples, and whole programs."""

import numpy as np
import pytest

import wengert as wg
from wengert import primitives
from wengert.api.program import program
from wengert.contract import Primitive
from wengert.errors import NoRuleError
from wengert.ir.operation import OPERATIONS
from wengert.ir.types import type_of
from wengert.methods import precise
from wengert.primitives.control.call import function_of

primitives.load()
CLASSES = [c for c in OPERATIONS.values() if issubclass(c, Primitive) and c.__module__.startswith("wengert.primitives.")]
HAVE_NONE = 110  # operations without a meaning beyond floating point: eigenvalues, quadratures, derivatives of special functions


def as_several(result):
    return result if isinstance(result, tuple) else (result,)


def plain(x, kind):
    number = {"c": complex, "f": float}.get(kind, lambda e: e)
    return np.array([number(e) for e in np.asarray(x).flat]).reshape(np.shape(x))


def means(cls):
    """Whether it has a meaning, which then is its value at every sample."""
    try:
        samples = list(cls.samples())
    except NoRuleError:
        return False  # of stacks, which have no samples
    for sample in samples:
        operands = [np.asarray(a)[()] for a in sample.operands]
        function = function_of(lambda *xs, run=sample.operation: as_several(run(*xs)), *[type_of(a) for a in operands])
        try:
            got = precise.evaluate(function, operands, 30)
        except NoRuleError:
            return False
        with np.errstate(all="ignore"):
            want = as_several(sample.operation.evaluate(*operands))
        for w, g in zip(want, got, strict=True):
            w = np.asarray(w)
            if w.dtype == object:  # a stack
                continue
            assert np.shape(g) == w.shape, sample
            single = w.dtype in (np.float32, np.complex64)
            tolerance = 1e-4 if single else 1e-11
            assert np.allclose(plain(g, w.dtype.kind), w, rtol=tolerance, atol=tolerance, equal_nan=True), sample
    return True


def test_every_class_that_says_what_it_is_says_it_right():
    none = sorted([c.name for c in CLASSES if not means(c)])
    assert len(none) <= HAVE_NONE, none
    ordinary = {
        "add",
        "pow",
        "exp",
        "select",
        "gather",
        "scatter_add",
        "sum",
        "cum_prod",
        "dot",
        "call",
        "cond",
        "loop",
        "while",
        "erf",
        "cast",
    }
    assert not ordinary & set(none)


def test_literals_and_arguments_are_exact():
    out = precise.evaluate(wg.record(lambda x: x * 0.1)(0.1), [0.1], digits=60)[0]
    numerator, denominator = (0.1).as_integer_ratio()
    assert out == out.context.mpf(numerator**2) / denominator**2


def test_loops_and_branches_stay():
    def f(x, n):
        total = 0.0
        for i in range(n):
            if x > 1:
                total = total + x**i
            else:
                total = total - x
        while total > 100:
            total = total / 2
        return total

    for x in (0.5, 1.7):
        for n in (0, 3, 12):
            function, inputs = program(f, x, n)
            got = precise.evaluate(function, [np.float64([x, n][i]) if i == 0 else np.int64(n) for i in inputs])[0]
            assert float(got) == pytest.approx(f(x, n), rel=1e-14)


def test_derivatives_are_right_to_the_last_digit():
    import mpmath

    function = wg.record(lambda x: np.exp(np.sin(3 * x)))(0.7)
    value, (derivative,) = precise.jacobian(function, [0.7], [0], digits=50)
    with mpmath.workdps(70):
        x = mpmath.mpf(0.7)
        want = 3 * mpmath.cos(3 * x) * mpmath.exp(mpmath.sin(3 * x))
        assert abs(derivative[()] / want - 1) < mpmath.mpf(10) ** -50
    assert derivative.shape == value.shape == ()


def test_jacobians_have_the_shapes_of_result_and_argument():
    a = np.arange(6.0).reshape(2, 3)
    function = wg.record(lambda a, x: a @ x)(a, np.ones(3))
    value, (by_a, by_x) = precise.jacobian(function, [a, np.ones(3)], [0, 1])
    assert (value.shape, by_a.shape, by_x.shape) == ((2,), (2, 2, 3), (2, 3))
    assert np.array_equal(by_x.astype(float), a)


@pytest.mark.parametrize("x", [0.0, -1.0])
def test_what_is_not_defined_is_as_in_numpy(x):
    with np.errstate(all="ignore"):
        for f in (np.log, np.sqrt, lambda x: 1 / x, lambda x: x**-2, lambda x: x / x):
            got = precise.evaluate(wg.record(f)(x), [x])[0]
            assert np.array_equal(float(got), f(np.float64(x)), equal_nan=True)


def test_an_operation_without_a_meaning_is_named_with_its_line():
    function = wg.record(lambda a: np.linalg.eigvalsh(a))(np.eye(2))
    with pytest.raises(
        NoRuleError, match=r"mpmath cannot take the operation eigvalsh   \(test_precise.py:\d+\)\n  of <lambda>\nIts class does not say"
    ):
        precise.evaluate(function, [np.eye(2)])


def test_missing_mpmath_is_said(monkeypatch):
    import sys

    precise._mpmath.cache_clear()
    monkeypatch.setitem(sys.modules, "mpmath", None)
    try:
        with pytest.raises(wg.methods.problem.ArgumentError, match=r"needs mpmath(.|\n)*pip install 'wengert\[symbolic\]'"):
            precise.evaluate(wg.record(np.sin)(1.0), [1.0])
    finally:
        precise._mpmath.cache_clear()
