"""Formulas: right, there and back, and refused with the reason where there is none."""

import sys

import numpy as np
import pytest
import scipy.special as sc

import wengert as wg
from wengert.errors import AbstractValueError, ArgumentError, NoRuleError
from wengert.methods import formulas, precise, symbolic
from wengert.methods.problem import Problem

from .functions import first_of_baydin, random_expression


def test_the_first_example():
    y = formulas(first_of_baydin, 2.0, 5.0)
    assert str(y) == "x1*x2 + log(x1) - sin(x2)"
    assert str(y.derivative()) == "[x2 + 1/x1, x1 - cos(x2)]"
    assert y.latex() == r"x_{1} x_{2} + \log{\left(x_{1} \right)} - \sin{\left(x_{2} \right)}"
    assert y.operations == 6 and y.derivative().operations == 5
    assert np.array_equal(y.derivative().function()(2.0, 5.0), [5.5, 2 - np.cos(5.0)])


@pytest.mark.slow
def test_symbolic_and_automatic_agree_on_200_random_expressions():
    rng, agreed = np.random.default_rng(6), 0
    while agreed < 200:
        f, x, y = random_expression(rng), *rng.uniform(-1.5, 1.5, 2)
        both = lambda x, y, f=f: 0.0 * (x + y) + f(x, y)  # depends on both
        want = wg.grad(both, (0, 1))(x, y)
        problem = Problem(both, (x, y))
        got = symbolic.differentiate(problem)
        if got.operations < 10:
            continue  # x, or 0.3 y
        agreed += 1
        assert np.allclose(got.values, want, rtol=1e-11, atol=1e-13)
        exact = precise.jacobian(*problem.trace(values_decide=True), digits=20)[1]  # by no rule of a derivative
        assert np.allclose(np.array(exact, float), want, rtol=1e-12, atol=1e-14)


def test_back_to_a_function_that_is_traced_compiled_and_differentiated():
    f = lambda x: np.array([np.sin(x[0]) * x[1], np.maximum(x[0], x[1]), np.where(x[0] > 0, x[1] ** 2, x[0])])
    again, x = formulas(f, np.ones(2)).function(), np.array([0.4, -1.2])
    assert np.allclose(again(x), f(x), rtol=1e-15)
    assert np.allclose(wg.jit(again)(x), f(x), rtol=1e-15)
    assert np.allclose(wg.jacobian(again)(x), wg.jacobian(f)(x), rtol=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.real(np.exp(1j * x[0]) * (x[1] + 2j)),
        lambda x: np.abs(np.exp(1j * x[0] * x[1]) + x[2]),
        lambda x: np.angle(x[0] + 1j * x[1] ** 2),
        lambda x: np.real(np.conj(np.sin(x[0] + 1j * x[1])) * (x[2] + 1j)),
        lambda x: np.imag(np.log(x[0] + 1j * x[1]) * np.sqrt(x[2] + 1j)),
        lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2 * np.arange(3)),
        lambda x: np.linalg.norm(np.array([x[0] + 1j * x[1], x[2]])),
        lambda x: np.float64(np.float32(1.5)) * np.asarray(x).astype(complex).real[1] * x[0],
    ],
    ids=["real", "abs", "angle", "conj", "log and sqrt", "fft", "norm", "cast"],
)
def test_through_complex_numbers(f):
    x = np.array([0.7, -0.4, 1.2])
    assert np.allclose(wg.methods.derivative(f, x, "symbolic"), wg.grad(f)(x), rtol=1e-13, atol=1e-14)


def test_linear_algebra_without_pivots_is_a_formula():
    assert str(formulas(lambda a: np.linalg.det(a), np.eye(2))) == "a_0_0*a_1_1 - a_0_1*a_1_0"
    a = np.array([[0.0, 2.0, 1.0], [1.0, 3.0, -1.0], [0.5, 0.2, 1.0]])  # a zero where elimination would divide
    b = np.array([1.0, -2.0, 0.5])
    for f in (
        np.linalg.det,
        lambda a: np.linalg.inv(a)[0, 1],
        lambda a: np.linalg.solve(a, b)[2],
        lambda a: np.linalg.slogdet(a)[1],
        lambda a: np.sum(np.linalg.cholesky(a @ a.T)),
        lambda a: np.linalg.norm(a),
    ):
        assert np.allclose(wg.methods.derivative(f, a, "symbolic"), wg.jacobian(f)(a), rtol=1e-12, atol=1e-13)


def test_what_numpy_cannot_compute_is_refused():
    for f, x in ((lambda a: sc.gammainc(a, 1.3), 0.7), (lambda x: np.real(sc.loggamma(x + 1j)), 0.7)):
        with pytest.raises(NoRuleError, match=r"(cannot compute the formulas of|SymPy does not differentiate)(.|\n)*Try: method='forward'"):
            wg.methods.derivative(f, x, "symbolic")
        assert "symbolic" in wg.compare(f, x, digits=None).refused


def test_derivatives_of_special_functions_and_kinks():
    f = lambda x: sc.gammaln(x) * sc.erf(x) + sc.j0(x) * sc.xlogy(x, 2 * x) + np.abs(x - 1) + np.cbrt(x) + np.sinc(x) + np.floor(x) * x
    for x in (0.3, 1.7, 2.2):
        assert wg.methods.derivative(f, x, "symbolic") == pytest.approx(wg.grad(f)(x), rel=1e-12)


def test_constants_are_written_as_people_write_them():
    assert str(formulas(lambda x: 0.1 * x + np.pi / 2, 1.0)) == "x/10 + pi/2"
    assert str(formulas(lambda x: x**0.5, 1.0)) == "sqrt(x)"
    third = formulas(lambda x: x / 3.0 + 0.1234567890123456, 1.0).function()
    assert third(1.0) == pytest.approx(1 / 3 + 0.1234567890123456, rel=1e-16)


def test_simplify_and_a_loop_of_known_length():
    def f(x):
        total = 0.0
        for i in range(1, 4):
            total = total + np.sin(x) ** 2 + np.cos(x) ** 2 + i * x
        return total

    assert str(formulas(f, 1.0).simplify()) == "6*x + 3"
    assert wg.methods.derivative(f, 0.3, "symbolic", simplify=True) == 6.0


def branch(x):
    if x > 0:
        return x * x
    return -x


def endless(x):
    while x > 1:
        x = x / 2
    return x


def long_loop(x):
    total = x
    for _ in range(int(x)):
        total = total * x
    return total


def chosen(x, table):
    return x * table[int(x)]


@pytest.mark.parametrize(
    ("f", "args", "error", "what", "why"),
    [
        (branch, (1.0,), AbstractValueError, "a branch on a value", "Which of its sides is the function depends on the variables."),
        (endless, (3.0,), AbstractValueError, "a loop that ends on a value", "Its trip count is known only when it has run."),
        (long_loop, (3.0,), AbstractValueError, "a loop whose trip count depends on a value", "as many formulas as trips"),
        (chosen, (1.0, np.ones(3)), AbstractValueError, "the operation gather, which chooses by value", "Which elements it takes"),
        (lambda x: np.sort(x)[0], (np.ones(3),), AbstractValueError, "the operation sort, which chooses by value", "Which elements"),
        (lambda x: np.linalg.svd(x)[1], (np.eye(2),), NoRuleError, "the operation svd", "no such function"),
    ],
    ids=["branch", "while", "trip count", "index", "sort", "svd"],
)
def test_what_is_no_formula_is_refused(f, args, error, what, why):
    with pytest.raises(error) as raised:
        formulas(f, *args, argnums=0)
    first, which, reason, instead = str(raised.value).split("\n")
    assert first.startswith(f"symbolic differentiation cannot take {what}   (test_symbolic.py:")
    assert which == f"  of {f.__name__}"
    assert why in reason and instead.startswith("Try: ")


def test_formulas_that_swell_are_refused():
    def logistic(x):
        for _ in range(25):
            x = 4 * x * (1 - x)
        return x

    with pytest.raises(
        ArgumentError, match=r"too long .*\n  [\d,]+ operations, the largest allowed are 100,000\nA formula repeats(.|\n)*Try:"
    ):
        formulas(logistic, 0.3)


def test_missing_sympy_is_said(monkeypatch):
    symbolic._sympy.cache_clear()
    monkeypatch.setitem(sys.modules, "sympy", None)
    try:
        with pytest.raises(ArgumentError) as raised:
            formulas(np.sin, 1.0)
    finally:
        symbolic._sympy.cache_clear()
    assert str(raised.value).split("\n")[0].startswith("symbolic differentiation needs SymPy")
    assert str(raised.value).endswith("Try: pip install 'wengert[symbolic]', or method='forward' or 'reverse'")
    assert len(str(raised.value).split("\n")) == 4
