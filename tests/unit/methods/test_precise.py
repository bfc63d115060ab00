"""Exact arithmetic means what the primitives compute: each class at its own samples, and whole programs."""

import sys

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
# Transposed programs and lanes, which only derivatives hold; calls of the user's Python; derivatives of functions of matrices.
HAVE_NONE = {"abreast", "host_callback", "spectral"}


def as_several(result):
    return result if isinstance(result, tuple) else (result,)


def plain(x, kind):
    number = {"c": complex, "f": float}.get(kind, lambda e: e)
    return np.array([number(e) for e in np.asarray(x).flat]).reshape(np.shape(x))


def results_at(sample, digits):
    """The results of an operation at its sample, with so many digits."""
    operands = [np.asarray(a)[()] for a in sample.operands]
    function = function_of(lambda *xs, run=sample.operation: as_several(run(*xs)), *[type_of(a) for a in operands])
    return precise.evaluate(function, operands, digits)


def samples_of(cls):
    try:
        return list(cls.samples())
    except NoRuleError:
        return []  # of stacks, which have no samples


@pytest.fixture
def no_floats_among_digits(monkeypatch):
    """A rule that computes with a float that is no short binary fraction, as np.pi, has its 16 digits only."""
    from mpmath import ctx_mp_python

    convert = ctx_mp_python.from_float

    def strict(x):
        """Of the numbers in sums and products that stand in our rules, and not in mpmath."""
        operator = sys._getframe(1)
        ours = operator.f_back.f_globals["__name__"].startswith("wengert") and operator.f_code.co_name != "mpf_convert_arg"
        assert not ours or not np.isfinite(x) or (x * 2**10).is_integer(), f"the float {x} in exact arithmetic"
        return convert(x)

    monkeypatch.setattr(ctx_mp_python, "from_float", strict)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.name)
def test_every_class_says_what_it_is_beyond_floats_and_says_it_right(cls, no_floats_among_digits):
    """As its float evaluation, to the digits of that; and to 20 digits the same, whether 30 or 45 are computed with."""
    if cls.name in HAVE_NONE:
        for sample in samples_of(cls):
            if getattr(sample.operation, "order", 1):  # of order 0 it is a function of a matrix itself
                with pytest.raises(NoRuleError, match=f"mpmath cannot take (the operation {cls.name}|a derivative of order)"):
                    results_at(sample, 30)
        return
    for sample in samples_of(cls):
        got, finer = results_at(sample, 30), results_at(sample, 45)
        with np.errstate(all="ignore"):
            want = as_several(sample.operation.evaluate(*[np.asarray(a)[()] for a in sample.operands]))
        for w, g, f in zip(want, got, finer, strict=True):
            w = np.asarray(w)
            if w.dtype == object:  # a stack
                continue
            assert np.shape(g) == w.shape, sample
            tolerance = 1e-4 if w.dtype in (np.float32, np.complex64) else 1e-11
            assert np.allclose(plain(g, w.dtype.kind), w, rtol=tolerance, atol=tolerance, equal_nan=True), sample
            for x, y in zip(np.ravel(g), np.ravel(f), strict=True):
                assert x == y or x != x or abs(x - y) * 10**20 <= max(abs(y), 1), (sample, x, y)


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
    outside = wg.primitive(np.cumsum)
    wg.defvjp(outside, lambda ans, x: lambda ct: ct)
    function = wg.record(lambda x: outside(x))(np.ones(3))
    said = r"mpmath cannot take the operation host_callback   \(test_precise.py:\d+\)\n(.|\n)*Its class does not"
    with pytest.raises(NoRuleError, match=said):
        precise.evaluate(function, [np.ones(3)])


def test_missing_mpmath_is_said(monkeypatch):
    import sys

    precise._mpmath.cache_clear()
    monkeypatch.setitem(sys.modules, "mpmath", None)
    try:
        with pytest.raises(wg.methods.problem.ArgumentError, match=r"needs mpmath(.|\n)*pip install 'wengert\[symbolic\]'"):
            precise.evaluate(wg.record(np.sin)(1.0), [1.0])
    finally:
        precise._mpmath.cache_clear()
