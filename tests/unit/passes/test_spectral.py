"""V h(Λ) Vᴴ however it is written: exact where eigenvalues repeat, at first and second order, in both modes."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg

import wengert as wg
from wengert.ir.builder import Builder, building
from wengert.ir.values import Var, scalar_type
from wengert.primitives.linalg.spectral import divided_differences
from wengert.primitives.math import exp, sqrt

EYE = np.eye(3)
Q = np.linalg.qr(np.array([[2.0, 0.3, 0.5], [0.1, 1.0, -0.7], [0.4, 0.2, 3.0]]))[0]
MATRICES = {
    "identity": EYE,
    "two equal": np.diag([1.0, 1.0, 2.0]),
    "two equal, rotated": (Q * [1.0, 1.0, 2.0]) @ Q.T,
    "nearly equal": (Q * [1.0, 1.0 + 1e-9, 2.0]) @ Q.T,
    "close": (Q * [1.0, 1.0 + 1e-3, 2.0]) @ Q.T,
    "generic": (Q * [0.5, 1.3, 2.9]) @ Q.T,
}
FUNCTIONS = {  # h, and the derivative of the matrix function at a in direction e
    "exp": (np.exp, lambda a, e: scipy.linalg.expm_frechet(a, e)[1]),
    "sqrt": (np.sqrt, lambda a, e: scipy.linalg.solve_sylvester(*[scipy.linalg.sqrtm(a)] * 2, e)),
    "cube": (lambda w: w**3, lambda a, e: e @ a @ a + a @ e @ a + a @ a @ e),
    "inverse": (lambda w: 1 / w, lambda a, e: -np.linalg.solve(a, e) @ np.linalg.inv(a)),
}
WRITTEN = {
    "columns": lambda h, w, v: (v * h(w)) @ v.T,
    "diag": lambda h, w, v: v @ np.diag(h(w)) @ v.T,
    "rows": lambda h, w, v: v @ (h(w)[:, None] * v.T),
    "inside": lambda h, w, v: v @ (h(w[:, None]) * v.T),
    "einsum": lambda h, w, v: np.einsum("ij,j,kj->ik", v, h(w), v),
    "inverse": lambda h, w, v: v @ np.diag(h(w)) @ np.linalg.inv(v),
    "divided": lambda h, w, v: (v / (1 / h(w))) @ v.T,
    "adjoint": lambda h, w, v: v * h(w) @ np.conj(np.swapaxes(v, 0, 1)),
    "applied": lambda h, w, v: np.stack([v @ (h(w) * (v.T @ x)) for x in EYE], axis=1),
    "sum of projectors": lambda h, w, v: sum(h(w[i]) * np.outer(v[:, i], v[:, i]) for i in range(3)),
    "halves": lambda h, w, v: (v * np.sqrt(h(w))) @ (v * np.sqrt(h(w))).T,
    "quadratic forms": lambda h, w, v: np.stack([np.stack([np.sum((v.T @ x) * (v.T @ y) * h(w)) for x in EYE]) for y in EYE]),
}


def of(h, written=WRITTEN["columns"]):
    return lambda a: written(h, *np.linalg.eigh(a))


def symmetric(x):
    return (x + np.swapaxes(x, -1, -2).conj()) / 2


def lower(e):
    """What eigh reads of a direction."""
    return np.tril(e) + np.tril(e, -1).T


def both_modes(f, a, e, expected, tolerance=1e-10):
    _, forward = wg.jvp(f, (a,), (e,))
    np.testing.assert_allclose(forward, expected, rtol=tolerance, atol=tolerance)
    value, pullback = wg.vjp(f, a)
    ct = np.cos(np.arange(np.size(value))).reshape(np.shape(value))
    np.testing.assert_allclose(np.sum(pullback(ct)[0] * e), np.sum(ct * forward), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_derivative(name, matrix, rng):
    h, frechet = FUNCTIONS[name]
    a, e = MATRICES[matrix], rng.standard_normal((3, 3))
    both_modes(of(h), a, e, frechet(a, lower(e)))


@pytest.mark.parametrize("written", [w for w in WRITTEN if w != "sum of projectors"])
def test_however_it_is_written(written, rng):
    h, frechet = FUNCTIONS["exp"]
    e = rng.standard_normal((3, 3))
    for a in (EYE, MATRICES["two equal, rotated"]):
        both_modes(of(h, WRITTEN[written]), a, e, frechet(a, lower(e)))
        np.testing.assert_allclose(wg.vjp(of(h, WRITTEN[written]), a)[0], scipy.linalg.expm(a), atol=1e-13)


def test_projectors_one_by_one_are_nan_where_they_do_not_exist(rng):
    h, frechet = FUNCTIONS["exp"]
    e = symmetric(rng.standard_normal((3, 3)))
    f = of(h, WRITTEN["sum of projectors"])
    both_modes(f, MATRICES["generic"], e, frechet(MATRICES["generic"], e))
    assert np.isnan(wg.jvp(f, (EYE,), (e,))[1]).all()


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivative(name, matrix, rng):
    """d² in directions e and k is the corner of the function of [[a, e], [0, a]], differentiated once more."""
    h, frechet = FUNCTIONS[name]
    a, e, k = MATRICES[matrix], symmetric(rng.standard_normal((3, 3))), symmetric(rng.standard_normal((3, 3)))
    zero = np.zeros((3, 3))
    expected = frechet(np.block([[a, e], [zero, a]]), np.block([[k, zero], [zero, k]]))[:3, 3:]
    first = lambda x: wg.jvp(of(h), (x,), (e,))[1]
    both_modes(first, a, k, expected, 1e-8 if name == "sqrt" else 1e-9)
    ct = rng.standard_normal((3, 3))
    gradient = lambda x: np.sum(wg.vjp(of(h), x)[1](ct)[0] * e)
    both_modes(gradient, a, k, np.sum(ct * expected), 1e-8)


def test_third_derivative_at_the_identity(rng):
    e = symmetric(rng.standard_normal((3, 3)))
    f = of(np.exp)
    for _ in range(3):
        f = lambda x, f=f: wg.jvp(f, (x,), (e,))[1]
    np.testing.assert_allclose(f(EYE), np.e * e @ e @ e, rtol=1e-12, atol=1e-12)


def test_scalars_that_the_function_depends_on(rng):
    """They may depend on the matrix themselves: here a softmax of the eigenvalues, at a temperature."""

    def f(a, temperature):
        w, v = np.linalg.eigh(a)
        p = np.exp(w / temperature)
        return (v * (p / np.sum(p))) @ v.T

    def reference(a, temperature):
        x = scipy.linalg.expm(symmetric(a) / temperature)
        return x / np.trace(x)

    e, step = symmetric(rng.standard_normal((3, 3))), 1e-5
    for a in (EYE, MATRICES["two equal, rotated"]):
        expected = (reference(a + step * e, 0.7) - reference(a - step * e, 0.7)) / (2 * step)
        both_modes(lambda x: f(x, 0.7), a, e, expected, 1e-9)
        expected = (reference(a, 0.7 + step) - reference(a, 0.7 - step)) / (2 * step)
        np.testing.assert_allclose(wg.jacrev(f, argnums=1)(a, 0.7), expected, atol=1e-9)
        np.testing.assert_allclose(wg.jacfwd(f, argnums=1)(a, 0.7), expected, atol=1e-9)


@pytest.mark.parametrize("b", [EYE + 0j, np.array([[2.0, 0.5j, 0.0], [-0.5j, 2.0, 0.0], [0.0, 0.0, 2.5]])])
def test_complex_hermitian(b, rng):
    e = symmetric(rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)))

    def f(t):
        w, v = np.linalg.eigh(b + t * e)
        return (v * np.exp(-1j * w)) @ v.conj().T

    expected = scipy.linalg.expm_frechet(-1j * b, -1j * e)[1]
    np.testing.assert_allclose(wg.jvp(f, (0.0,), (1.0,))[1], expected, atol=1e-12)
    real = wg.jacrev(lambda t: f(t).real)(0.0)
    np.testing.assert_allclose(real, expected.real, atol=1e-12)


def test_stacks_and_vmap(rng):
    stack = np.stack(list(MATRICES.values()))
    e = symmetric(rng.standard_normal(stack.shape))

    def f(a):
        w, v = np.linalg.eigh(a)
        return (v * np.exp(w)[..., None, :]) @ np.swapaxes(v, -1, -2)

    expected = np.stack([scipy.linalg.expm_frechet(a, d)[1] for a, d in zip(stack, e, strict=True)])
    both_modes(f, stack, e, expected)
    push = lambda a, d: wg.jvp(of(np.exp), (a,), (d,))[1]
    np.testing.assert_allclose(wg.vmap(push)(stack, e), expected, atol=1e-10)
    np.testing.assert_allclose(wg.vmap(wg.grad(lambda a: np.sum(of(np.exp)(a) * E[0])))(stack)[0], np.e * lower_gradient(E[0]), atol=1e-10)


E = np.array([[[0.3, -0.2, 0.7], [0.5, 0.4, -0.6], [0.1, 0.9, -0.8]]])


def lower_gradient(c):
    """The gradient by what eigh reads, of sum(c * a)."""
    return np.tril(c) + np.triu(c, 1).T


def test_single_precision():
    e = np.array([[0.5, 1.0], [1.0, 0.3]], "f")
    _, tangent = wg.jvp(of(np.exp), (np.eye(2, dtype="f"),), (e,))
    assert tangent.dtype == np.float32
    np.testing.assert_allclose(tangent, np.e * e, rtol=1e-5)


# -- parts of the spectrum ------------------------------------------------------------------------


def test_part_of_the_spectrum(rng):
    """The largest eigenvalues only: exact beside a repeated one, NaN where the cut goes through it."""

    def f(a):
        w, v = np.linalg.eigh(a)
        return (v[:, 1:] / np.sqrt(w[1:])) @ v[:, 1:].T

    a = (Q * [0.5, 2.0, 2.0]) @ Q.T
    e, step = symmetric(rng.standard_normal((3, 3))), 1e-6
    both_modes(f, a, e, (f(a + step * e) - f(a - step * e)) / (2 * step), 1e-8)
    assert np.isnan(wg.jvp(f, ((Q * [2.0, 2.0, 3.0]) @ Q.T,), (e,))[1]).all()


def test_one_simple_vector_beside_a_repeated_eigenvalue(rng):
    """Its projector by the pass, itself by the rule of `Eigh`, in both modes."""
    a, e, step = np.diag([1.0, 1.0, 2.0]), symmetric(rng.standard_normal((3, 3))), 1e-6
    for f in (
        lambda a: np.outer(*[np.linalg.eigh(a)[1][:, 2]] * 2),
        lambda a: np.linalg.eigh(a)[1][:, 2] * np.sign(np.linalg.eigh(a)[1][2, 2]),
    ):
        both_modes(f, a, e, (f(a + step * e) - f(a - step * e)) / (2 * step), 1e-8)


# -- what is not of this form ------------------------------------------------------------------------

REFUSED = {
    "the vectors": lambda w, v: v,
    "weights that do not come from w": lambda w, v: (v * np.array([1.0, 2.0, 3.0])) @ v.T,
    "weights in another order": lambda w, v: (v * w[::-1]) @ v.T,
    "weights with their number": lambda w, v: (v * (w * np.arange(3.0))) @ v.T,
    "running sums": lambda w, v: (v * np.cumsum(w)) @ v.T,
    "a scaled basis": lambda w, v: (v * w) @ np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ v.T,
    "one factor": lambda w, v: v * np.exp(w),
    "three factors": lambda w, v: np.einsum("ij,kj,lj->ikl", v, v, v),
    "rows": lambda w, v: (v.T * w) @ v,
    "entries": lambda w, v: v[0, 0] * v[1, 0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_silently_wrong(name, rng):
    """Where the result depends on the choice of vectors: NaN where there is one, the derivative where there is none."""
    f = lambda a: REFUSED[name](*np.linalg.eigh(a))
    e, step = symmetric(rng.standard_normal((3, 3))), 1e-6
    assert np.isnan(wg.jvp(f, (EYE,), (e,))[1]).any()
    assert np.isnan(wg.vjp(f, EYE)[1](np.ones(np.shape(f(EYE))))[0]).any()
    a = MATRICES["generic"]
    both_modes(f, a, e, (f(a + step * e) - f(a - step * e)) / (2 * step), 1e-7)


# -- sums of functions of eigenvalues ------------------------------------------------------------------


@pytest.mark.parametrize("values", [np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0]], ids=["eigvalsh", "eigh"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_hessian_of_log_determinant_by_eigenvalues(values, matrix, rng):
    a, e, k = MATRICES[matrix], symmetric(rng.standard_normal((3, 3))), symmetric(rng.standard_normal((3, 3)))
    f = lambda x: np.sum(np.log(values(x)))
    x = np.linalg.inv(a)
    both_modes(f, a, e, np.trace(x @ e))
    both_modes(lambda y: np.sum(wg.grad(f)(y) * e), a, k, -np.trace(x @ e @ x @ k), 1e-9)


# -- singular vectors --------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [EYE, 2 * EYE[:, :2], EYE[:2], np.diag([3.0, 1.0, 1.0])], ids=["square", "tall", "wide", "two equal"])
@pytest.mark.parametrize("full", [True, False])
def test_polar_factor_by_svd(a, full, rng):
    def f(x):
        u, _, vh = np.linalg.svd(x, full_matrices=full)
        k = min(x.shape)
        return u[:, :k] @ vh[:k]

    e, step = rng.standard_normal(a.shape), 1e-6
    both_modes(f, a, e, (f(a + step * e) - f(a - step * e)) / (2 * step), 1e-8)
    first = lambda x: wg.jvp(f, (x,), (e,))[1]
    both_modes(first, a, e, (first(a + step * e) - first(a - step * e)) / (2 * step), 1e-7)


def test_other_functions_of_singular_vectors_are_nan_where_they_repeat(rng):
    def f(x):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return (u * np.log(s)) @ vh

    e, step = rng.standard_normal((3, 3)), 1e-6
    assert np.isnan(wg.jvp(f, (EYE,), (e,))[1]).all()
    assert np.isnan(wg.vjp(f, EYE)[1](e)[0]).all()  # though log(s) = 0, so that no cotangent reaches the vectors
    a = MATRICES["generic"] + 0.1 * e
    both_modes(f, a, e, (f(a + step * e) - f(a - step * e)) / (2 * step), 1e-7)


def test_leading_singular_vectors_beside_repeated_ones(rng):
    """A truncated decomposition of a matrix of rank 2: the others, of singular value 0, are not looked at."""

    def f(x):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return (u[:, :2] * np.log(s[:2])) @ vh[:2]

    x = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 4))
    e, step = rng.standard_normal((5, 4)), 1e-6
    both_modes(f, x, e, (f(x + step * e) - f(x - step * e)) / (2 * step), 1e-6)


# -- divided differences -------------------------------------------------------------------------------


def function_of(h):
    builder, w = Builder(), Var(scalar_type("d"))
    with building(builder):
        return builder.build((w,), [h(w)], "h")


@pytest.mark.parametrize(
    ("h", "reference", "points"),
    [
        (exp, mp.exp, [-1, -1 + 1e-9, -0.99, 0, 0.3, 2]),
        (lambda w: exp(w * 100.0), lambda x: mp.exp(100 * x), [0.9, 0.9001, 0.91, 1, 1, 1.05]),
        (sqrt, mp.sqrt, [1e-8, 1.1e-8, 1e-6, 0.5, 0.5 + 1e-7, 1]),
        (lambda w: 1.0 / w, lambda x: 1 / x, [1e-3, 1.5e-3, 0.1, 0.11, 1, 1 + 1e-12]),
    ],
    ids=["exp", "steep exp", "sqrt", "inverse"],
)
def test_divided_differences_equal_mpmath(h, reference, points):
    w = np.array(points, float)
    with mp.workdps(120):
        for order in (1, 2, 3):
            table = divided_differences(function_of(h), order, w, [], 0, len(w))
            for index in itertools.combinations_with_replacement(range(len(w)), order + 1):
                xs = [mp.mpf(w[i]) + j * mp.mpf(10) ** -25 for j, i in enumerate(index)]
                values = [reference(x) for x in xs]
                for m in range(1, order + 1):
                    values = [(values[i + 1] - values[i]) / (xs[i + m] - xs[i]) for i in range(len(values) - 1)]
                assert abs(table[index] / float(values[0]) - 1) < 1e-10, (order, index)


# -- the pass itself --------------------------------------------------------------------------------------


def random_program(rng, n=2, steps=7):
    """A function of one stack of matrices that multiplies, transposes, slices and sums what eigh gives, at random."""
    choices = rng.integers(0, 2**31, 3 * steps)

    def f(a):
        w, v = np.linalg.eigh(a)
        pool = [w, v, v, np.swapaxes(v, -1, -2), np.cos(w), a[0]]
        for k in range(steps):
            i, j, kind = [int(c) for c in choices[3 * k : 3 * k + 3]]
            x, y = pool[i % len(pool)], pool[j % len(pool)]
            try:
                pool.append(OPERATIONS[kind % len(OPERATIONS)](x, y))
            except (ValueError, IndexError, TypeError):
                continue
        return sum(np.sum(np.sin(x)) for x in pool[6:]) + np.sum(w)

    return f


OPERATIONS = [
    lambda x, y: x @ y,
    lambda x, y: x @ y,
    lambda x, y: x * y,
    lambda x, y: x / (y + 3.0),
    lambda x, y: x[..., None, :] * y,
    lambda x, y: x[..., None] * y,
    lambda x, y: np.swapaxes(x, -1, -2),
    lambda x, y: np.sum(x, axis=-1),
    lambda x, y: np.sum(x * y, axis=-2),
    lambda x, y: x[..., 1:],
    lambda x, y: x[..., 1:, :],
    lambda x, y: np.einsum("...i,...i->...", x, y),
    lambda x, y: np.einsum("...ij,...kj->...ik", x, y),
    lambda x, y: np.diagonal(x, axis1=-2, axis2=-1),
    lambda x, y: -(x**2),
    lambda x, y: np.cos(x) * x,
]


@pytest.mark.parametrize("seed", [*range(40), 443])  # 443: a stacked axis repeated beside itself
def test_values_and_derivatives_stay(seed):
    """At distinct eigenvalues, whatever is done with w and V, matched or not."""
    rng = np.random.default_rng(seed)
    f = random_program(rng)
    a = np.diag([1.0, 2.0, 3.5]) + 0.3 * symmetric(rng.standard_normal((2, 3, 3)))
    e, step = symmetric(rng.standard_normal(a.shape)), 1e-5
    value, tangent = wg.jvp(f, (a,), (e,))
    np.testing.assert_allclose(value, f(a), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(tangent, (f(a + step * e) - f(a - step * e)) / (2 * step), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.sum(wg.grad(f)(a) * e), tangent, rtol=1e-9, atol=1e-10)


def test_captured_values(rng):
    """A scalar of an outer run, closed over: its derivative, and lanes of it."""
    e = symmetric(rng.standard_normal((3, 3)))
    along = lambda t: wg.jvp(lambda a: of(lambda w: np.exp(w * t))(a), (EYE,), (e,))[1]
    np.testing.assert_allclose(wg.jacfwd(along)(0.5), 1.5 * np.exp(0.5) * e, atol=1e-13)
    np.testing.assert_allclose(wg.vmap(along)(np.array([0.5, 1.0])), [0.5 * np.exp(0.5) * e, np.e * e], atol=1e-13)
