"""Linear algebra: derivatives against mpmath at 40 digits, and the hard cases of docs one by one."""

import mpmath as mp
import numpy as np
import pytest

from wengert.errors import NoRuleError, ShapeError
from wengert.ir.builder import Builder, building
from wengert.ir.types import type_of
from wengert.ir.values import ROLES, Var
from wengert.primitives import load
from wengert.primitives.arith import mul
from wengert.primitives.math import log, sqrt
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp

load("linalg")

from wengert.primitives import linalg as la  # noqa: E402
from wengert.primitives.linalg.algebra import diagonal, h, mm, part, scale_columns, t  # noqa: E402


def program(f, *args):
    inputs = [Var(type_of(np.asarray(a))) for a in args]
    builder = Builder()
    with building(builder):
        outs = f(*inputs)
        return builder.build(inputs, outs if isinstance(outs, (tuple, list)) else (outs,), "f")


def value(f, *args):
    return evaluate(program(f, *args), [np.asarray(a) for a in args])


def total(x):
    """The sum of all elements."""
    return ROLES["sum"](x, tuple(range(x.type.ndim)))


def gradient(f, *args):
    """Gradients of the number f(*args), by reverse mode."""
    function = program(f, *args)
    (out,) = function.outputs
    return evaluate(vjp(function, (True,) * len(args)), [*args, np.ones((), out.type.dtype)[()]])[1:]


def push(f, args, tangents):
    """The directional derivative of every output."""
    function = program(f, *args)
    derivative, mask = jvp(function, (True,) * len(args))
    assert all(mask)
    return evaluate(derivative, [*args, *tangents])[len(function.outputs) :]


def push_twice(f, a, e, k):
    """d²/ds dt f(a + s e + t k)."""
    return push(lambda x: push_inside(f, x, e), [a], [k])


def push_inside(f, x, e):
    from wengert.ir.walk import inline

    function = program(f, np.zeros(x.type.shape, x.type.dtype))
    derivative, _ = jvp(function, (True,))
    return inline(derivative, [x, e])[len(function.outputs) :]


def hessian_from_gradient(f, a):
    """Rows of the Hessian of a number, one tangent at a time through the gradient."""
    pulled = vjp(program(f, a), (True,))
    derivative, _ = jvp(pulled, (True, False))
    one = np.ones((), a.dtype)[()]
    rows = []
    for i in range(a.size):
        e = np.zeros(a.size)
        e[i] = 1
        rows.append(evaluate(derivative, [a, one, e.reshape(a.shape)])[-1])
    return np.stack(rows).reshape(a.shape + a.shape)


def agree(f, a, rng, tolerance=1e-9):
    """Forward and reverse mode against each other and central differences, at a and in a random direction."""
    e = rng.standard_normal(a.shape)
    step = 1e-5
    forward = push(f, [a], [e])[0]
    differences = (value(f, a + step * e)[0] - value(f, a - step * e)[0]) / (2 * step)
    np.testing.assert_allclose(forward, differences, atol=tolerance * 100, rtol=tolerance * 100)
    ct = rng.standard_normal(np.shape(forward)).astype(forward.dtype)
    (back,) = evaluate(vjp(program(f, a), (True,)), [a, ct])[1:]
    np.testing.assert_allclose(np.sum(ct * forward).real, np.sum(back * e).real, rtol=tolerance, atol=tolerance)


# -- against mpmath -------------------------------------------------------------------------


def matrix(x):
    return mp.matrix(np.asarray(x).tolist())


def array(x):
    return np.array(x.tolist(), dtype=object).reshape(x.rows, x.cols) if isinstance(x, mp.matrix) else np.array(x, dtype=object)


def symmetric_lower(x):
    return np.tril(x) + np.tril(x, -1).T


A = np.array([[2.5, 0.3, -0.4], [0.1, 1.9, 0.6], [-0.7, 0.2, 3.1]])
E = np.array([[0.3, -0.2, 0.7], [0.5, 0.4, -0.6], [0.1, 0.9, -0.8]])
K = np.array([[-0.1, 0.6, 0.2], [0.3, -0.5, 0.4], [0.8, 0.7, 0.2]])
B = np.array([[1.0, 0.5], [-0.3, 2.0], [0.7, 0.1]])

MPMATH = {
    "inv": (la.inv, lambda x: x**-1),
    "det": (la.det, mp.det),
    "logabsdet": (lambda x: la.slogdet(x)[1], lambda x: mp.log(abs(mp.det(x)))),
    "solve": (lambda x: la.solve(x, B), lambda x: mp.matrix(x**-1 * matrix(B))),
    "cholesky": (la.cholesky, lambda x: mp.cholesky(matrix(symmetric_lower(array(x))))),
    "eigvalsh": (la.eigvalsh, lambda x: mp.eigsy(matrix(symmetric_lower(array(x))), eigvals_only=True)),
    "svdvals": (la.svdvals, lambda x: mp.svd_r(x, compute_uv=False)),
    "pinv": (lambda x: la.pinv(part(x, (0, 3), (0, 2))), lambda x: (x[:, :2].T * x[:, :2]) ** -1 * x[:, :2].T),
    "expm": (la.expm, mp.expm),
    "sqrtm": (la.sqrtm, mp.sqrtm),
    "logm": (la.logm, mp.logm),
    "frobenius": (lambda x: la.norm(x, (0, 1)), lambda x: mp.sqrt(sum(v * v for v in x))),
    "norm3": (lambda x: la.norm(x, (0, 1), 3), lambda x: mp.cbrt(sum(abs(v) ** 3 for v in x))),
}


@pytest.mark.parametrize("name", MPMATH)
def test_first_and_second_derivative_equal_mpmath(name):
    ours, reference = MPMATH[name]
    with mp.workdps(40):
        a, e, k = matrix(A), matrix(E), matrix(K)
        step = mp.mpf(10) ** -10
        first = (array(reference(a + step * e)) - array(reference(a - step * e))) / (2 * step)
        corners = [array(reference(a + step * (i * e + j * k))) * i * j for i in (1, -1) for j in (1, -1)]
        second = sum(corners) / (4 * step * step)
        first, second = np.asarray(first, float), np.asarray(second, float)
    (got,) = push(ours, [A], [E])
    np.testing.assert_allclose(np.ravel(got), np.ravel(first), rtol=1e-12, atol=1e-12)
    (got,) = push_twice(ours, A, E, K)
    np.testing.assert_allclose(np.ravel(got), np.ravel(second), rtol=1e-11, atol=1e-11)


# -- contraction ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shapes",
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 2)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((6, 1, 2, 3), (5, 3, 4)),
        ((1, 1, 3), (1, 3, 1)),
        ((2, 0), (0, 2)),
    ],
)
def test_matmul(shapes, rng):
    x, y = rng.standard_normal(shapes[0]), rng.standard_normal(shapes[1])
    np.testing.assert_allclose(la.matmul_strict(x, y), x @ y, rtol=1e-13, atol=1e-14)
    gx, gy = gradient(lambda x, y: total(la.matmul_strict(x, y)), x, y)
    dx, dy = rng.standard_normal(x.shape), rng.standard_normal(y.shape)
    np.testing.assert_allclose(np.sum(gx * dx) + np.sum(gy * dy), np.sum(dx @ y) + np.sum(x @ dy), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iij->ji", [(3, 3, 2)]),
        ("iii->i", [(3, 3, 3)]),
        ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
        ("i,j", [(3,), (2,)]),
        ("ji", [(2, 3)]),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
        ("ij,ij,ij->j", [(2, 3)] * 3),
        ("ij,kj->ik", [(2, 1), (4, 3)]),
        ("i,j->ij", [(1,), (3,)]),
        ("ijkl,jmln,ni->km", [(2, 3, 4, 2), (3, 2, 2, 3), (3, 2)]),
    ],
)
def test_einsum(subscripts, shapes, rng):
    operands = [rng.standard_normal(s) for s in shapes]
    np.testing.assert_allclose(la.einsum_strict(subscripts, *operands), np.einsum(subscripts, *operands), rtol=1e-12, atol=1e-13)
    gradients = gradient(lambda *xs: total(la.einsum_strict(subscripts, *xs)), *operands)
    for i, g in enumerate(gradients):
        e = rng.standard_normal(shapes[i])
        expected = np.sum(np.einsum(subscripts, *[e if i == j else x for j, x in enumerate(operands)]))
        np.testing.assert_allclose(np.sum(g * e), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "optimize", [False, True, "greedy", "optimal", ("greedy", 1000), ["einsum_path", (0, 2), (0, 1)], ["einsum_path", (0, 1, 2)]]
)
def test_einsum_along_any_path(optimize, rng):
    xs = [rng.standard_normal(s) for s in ((2, 3), (3, 4), (4, 2))]
    ours = la.einsum_strict("ij,jk,kl->il", *xs, optimize=optimize)
    np.testing.assert_allclose(ours, xs[0] @ xs[1] @ xs[2], rtol=1e-12)


def test_einsum_says_what_it_cannot_read():
    with pytest.raises(ShapeError, match="cannot read einsum 'ij,jk->iz'"):
        la.einsum_strict("ij,jk->iz", np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="axes of length 3 and 4 cannot be multiplied"):
        la.einsum_strict("ij,jk->ik", np.ones((2, 3)), np.ones((4, 2)))
    with pytest.raises(ShapeError, match="cannot contract axes"):
        program(lambda x, y: la.dot(x, y, ((1,), (0,))), np.ones((2, 3)), np.ones((2, 3)))


# -- the table of hard cases -------------------------------------------------------------------


@pytest.mark.parametrize("a", [np.eye(3), np.diag([1.0, 1.0, 2.0])])
def test_symmetric_functions_of_repeated_eigenvalues(a):
    (g,) = gradient(lambda x: total(log(la.eigvalsh(x))), a)
    np.testing.assert_allclose(g, np.linalg.inv(a), atol=1e-14)


def spectral(f):
    def function(a):
        w, v = la.eigh(a)
        return mm(scale_columns(v, f(w)), t(v))

    return function


def test_vectors_of_a_repeated_eigenvalue_have_no_derivative(rng):
    """The rule of `Eigh` alone, without the pass that finds V f(Λ) Vᵀ (tests/unit/passes): NaN, in both modes."""
    a, e, ct = np.eye(3), rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    assert np.isnan(push(spectral(sqrt), [a], [e])[0]).all()
    assert np.isnan(evaluate(vjp(program(spectral(sqrt), a), (True,)), [a, ct])[1]).any()
    with_log = lambda x: mm(scale_columns(la.eigh(x)[1], log(la.eigh(x)[0])), t(la.eigh(x)[1]))
    assert np.isnan(evaluate(vjp(program(with_log, a), (True,)), [a, ct])[1]).any()  # log 1 = 0: no cotangent reaches V
    dw, dv = push(la.eigh, [np.diag([1.0, 1.0, 2.0])], [e])
    assert np.isfinite(dw).all() and np.isnan(dv[:, :2]).all() and np.isfinite(dv[:, 2]).all()


def test_square_root_at_the_identity_is_exact(rng):
    e = rng.standard_normal((3, 3))
    np.testing.assert_allclose(push(la.sqrtm, [np.eye(3)], [e])[0], e / 2, atol=1e-14)
    np.testing.assert_allclose(push(la.expm, [np.zeros((3, 3))], [e])[0], e, atol=1e-14)


def test_projector_onto_an_eigenspace(rng):
    """The space of a repeated eigenvalue has a derivative, whatever basis of it LAPACK returns; its vectors have none."""
    q, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    a = (q * [1.0, 1.0, 4.0]) @ q.T
    e = symmetric_lower(rng.standard_normal((3, 3)))

    one = Builder().build([Var(type_of(np.float64(1.0)))], [np.float64(1.0)], "one")
    projector = la.Spectral(one, 0, 0, 2)
    derivative, _ = jvp(program(projector, a, *np.linalg.eigh(a)), (True, False, False))
    ours = evaluate(derivative, [a, *np.linalg.eigh(a), e])[1]
    p, r = np.outer(q[:, 2], q[:, 2]), np.eye(3) - np.outer(q[:, 2], q[:, 2])
    np.testing.assert_allclose(ours, (r @ e @ p + p @ e @ r) / (1.0 - 4.0), atol=1e-13)


def polar_by_svd(a):
    u, _, vh = la.Svd(False)(a)
    return mm(u, vh)


@pytest.mark.parametrize("a", [np.eye(3), 2 * np.eye(3), np.eye(3, 2), np.diag([3.0, 1.0, 1.0])])
def test_polar_factor_at_repeated_singular_values(a, rng):
    assert np.isnan(push(polar_by_svd, [a], [rng.standard_normal(a.shape)])[0]).all()  # the pass makes it Polar
    agree(lambda x: la.polar(x)[0], a, rng, 1e-10)


def test_polar_factor_at_the_identity():
    np.testing.assert_allclose(push(lambda x: la.polar(x)[0], [np.eye(3)], [E])[0], (E - E.T) / 2, atol=1e-15)
    second = push_twice(lambda x: la.polar(x)[0], np.eye(3), E, K)[0]
    step = 1e-4
    f = lambda x: value(lambda x: la.polar(x)[0], x)[0]
    expected = sum(i * j * f(np.eye(3) + step * (i * E + j * K)) for i in (1, -1) for j in (1, -1)) / (4 * step**2)
    np.testing.assert_allclose(second, expected, atol=1e-6)


def test_full_matrices_svd_when_only_s_is_used(rng):
    a = rng.standard_normal((4, 2))
    (g,) = gradient(lambda x: total(la.Svd(True)(x)[1]), a)
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose(g, u @ vh, atol=1e-13)
    (g,) = gradient(lambda x: total(la.svdvals(x)), a)
    np.testing.assert_allclose(g, u @ vh, atol=1e-13)


@pytest.mark.parametrize(
    "a", [np.diag([1.0, 2.0, 0.0]), np.diag([1.0, 0.0, 0.0]), np.zeros((3, 3)), np.outer([1.0, 2.0, 3.0], [0.5, -1.0, 2.0]), np.eye(3)]
)
def test_det_of_a_singular_matrix(a):
    """First, second and third order: the adjugate and its derivatives, here from the definition by permutations."""
    signs = np.zeros((3, 3, 3))
    signs[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1
    signs[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = -1
    det3 = lambda x, y, z: np.einsum("ijk,i,j,k", signs, x, y, z)
    cofactors = np.array([[det3(*[np.eye(3)[j] if i == k else a[k] for k in range(3)]) for j in range(3)] for i in range(3)])
    (g,) = gradient(la.det, a)
    np.testing.assert_allclose(g, cofactors, atol=1e-14)
    second = np.einsum("ikm,jln,mn->ijkl", signs, signs, a)
    np.testing.assert_allclose(hessian_from_gradient(la.det, a), second, atol=1e-13)
    (third,) = push(lambda x: push_twice_inside(la.det, x), [a], [K])
    expected = np.einsum("ikm,jln,ij,kl,mn", signs, signs, E, E, K)
    np.testing.assert_allclose(third, expected, rtol=1e-12)


def push_twice_inside(f, x):
    return push_inside(lambda y: push_inside(f, y, E)[0], x, E)[0]


def test_cholesky_reads_the_lower_triangle(rng):
    a = A @ A.T
    noisy = np.tril(a) + np.triu(rng.standard_normal((3, 3)), 1)
    (g,) = gradient(lambda x: total(la.cholesky(x)), noisy)
    assert (np.triu(g, 1) == 0).all()
    agree(la.cholesky, noisy, rng)
    with pytest.raises(np.linalg.LinAlgError):
        value(la.cholesky, -a)


@pytest.mark.parametrize(("mode", "shape"), [(m, s) for m in ("reduced", "complete") for s in [(4, 2), (3, 3), (2, 4), (3, 1), (1, 3)]])
def test_qr(mode, shape, rng):
    a = rng.standard_normal(shape)
    for i in range(2):
        agree(lambda x, i=i: la.Qr(mode)(x)[i], a, rng)


def test_complete_qr_where_householder_jumps():
    """A column that is zero below the diagonal: the projector on the complement still has its derivative."""
    a = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 0.0], [0.0, 0.0]])
    e = np.arange(8.0).reshape(4, 2)

    def complement(x):
        q2 = part(la.Qr("complete")(x)[0], (0, 4), (2, 4))
        return mm(q2, t(q2))

    step = 1e-5
    p = lambda x: np.eye(4) - x @ np.linalg.pinv(x)
    np.testing.assert_allclose(push(complement, [a], [e])[0], (p(a + step * e) - p(a - step * e)) / (2 * step), atol=1e-8)


def test_qr_of_dependent_columns_is_refused():
    q, r = value(la.Qr("reduced"), np.zeros((3, 2)))
    assert q.shape == (3, 2) and r.shape == (2, 2)
    with pytest.raises(np.linalg.LinAlgError):
        push(la.Qr("reduced"), [np.zeros((3, 2))], [np.ones((3, 2))])


def test_eig_of_a_real_matrix_with_complex_pairs(rng):
    a = np.array([[0.0, -2.0, 0.1], [2.0, 0.5, 0.3], [0.2, 0.1, 3.0]])
    for i in range(2):
        agree(lambda x, i=i: la.eig(x)[i], a, rng)
    agree(la.eigvals, a, rng)
    (g,) = gradient(lambda x: ROLES["sum"](_real(la.eigvals(x)), (0,)), a)
    np.testing.assert_allclose(g, np.eye(3), atol=1e-13)


def _real(x):
    from wengert.primitives.arith import real

    return real(x)


def test_eig_where_it_has_no_derivative():
    dv = push(la.eig, [np.eye(2)], [np.array([[0.0, 1.0], [0.0, 0.0]])])[1]
    assert np.isnan(dv).any()
    defective, e = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 0.0]])
    assert all(np.isnan(d).all() for d in push(la.eig, [defective], [e]))
    assert np.isnan(push(la.eigvals, [defective], [e])).all()


def test_solve_factors_once(rng):
    """Value, tangent and cotangent, first and second order, use one factorisation, which is not differentiated."""
    a, b = rng.standard_normal((3, 3)), rng.standard_normal(3)
    function = program(lambda a, b: total(la.solve(a, b)), a, b)
    first = vjp(function, (True, True))
    second = vjp(jvp(first, (True, True, False))[0], (True, True, False, True, True), None)
    for derived in (first, jvp(function, (True, True))[0], second):
        names = [e.operation.name for e in derived.equations]
        assert names.count("lu") == 1, names
    ga, gb = evaluate(first, [a, b, np.float64(1.0)])[1:]
    y = np.linalg.solve(a.T, np.ones(3))
    np.testing.assert_allclose(gb, y, rtol=1e-12)
    np.testing.assert_allclose(ga, -np.outer(y, np.linalg.solve(a, b)), rtol=1e-11)


def test_singular_systems_raise():
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        value(la.solve, np.zeros((2, 2)), np.ones(2))
    with pytest.raises(np.linalg.LinAlgError):
        value(la.inv, np.zeros((2, 2)))
    sign, logabs = value(la.slogdet, np.zeros((2, 2)))
    assert sign == 0 and logabs == -np.inf
    with pytest.raises(np.linalg.LinAlgError):
        gradient(lambda x: la.slogdet(x)[1], np.zeros((2, 2)))


def test_lanes_share_one_factorisation(rng):
    a, bs = rng.standard_normal((3, 3)), rng.standard_normal((5, 3))
    batched, _ = batch(program(la.solve, a, bs[0]), 5, (False, True))
    np.testing.assert_allclose(evaluate(batched, [a, bs])[0], np.linalg.solve(a, bs.T).T, rtol=1e-11)
    assert all(v.type.shape == (3, 3) for e in batched.equations if e.operation.name == "lu" for v in e.operands)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
def test_lstsq(shape, rng):
    a, b = rng.standard_normal(shape), rng.standard_normal((shape[0], 2))
    np.testing.assert_allclose(la.lstsq(a, b), np.linalg.lstsq(a, b, rcond=None)[0], rtol=1e-11, atol=1e-13)
    agree(lambda x: la.lstsq(x, b), a, rng)


def test_norm_at_zero():
    zero = np.zeros(3)
    for p in (1.0, 2.0, 3.0, np.inf):
        (g,) = gradient(lambda x, p=p: la.norm(x, (0,), p), zero)
        np.testing.assert_array_equal(g, zero)
    (g,) = gradient(lambda x: mul(la.norm(x, (0,)), la.norm(x, (0,))), zero)
    np.testing.assert_array_equal(g, zero)
    np.testing.assert_array_equal(hessian_from_gradient(lambda x: la.norm(x, (0,)), zero), np.zeros((3, 3)))
    assert gradient(lambda x: la.norm(x, (0,)), np.zeros(0))[0].shape == (0,)


def test_largest_elements_share():
    (g,) = gradient(lambda x: la.norm(x, (0,), np.inf), np.array([2.0, -2.0, 1.0]))
    np.testing.assert_array_equal(g, [0.5, -0.5, 0.0])


def test_functions_of_matrices_keep_their_dtype():
    negative = np.diag([-1.0, 2.0])
    with pytest.raises(np.linalg.LinAlgError, match=r"astype\(complex\)"):
        value(la.sqrtm, negative)
    (root,) = value(la.sqrtm, negative.astype(complex))
    np.testing.assert_allclose(root @ root, negative, atol=1e-15)
    assert value(la.expm, negative.astype("f"))[0].dtype == np.float32


def test_third_derivative_of_expm(rng):
    """tr exp(A + s E): third derivative at a multiple of the identity is e^c tr(E³)."""
    (third,) = push(lambda x: push_inside(lambda y: push_inside(lambda z: la.expm(z), y, E)[0], x, E), [np.eye(3)], [E])
    np.testing.assert_allclose(third, np.e * E @ E @ E, rtol=1e-10, atol=1e-11)


def test_hessian_of_logdet():
    """-∂²log det = A⁻¹ ⊗ A⁻¹."""
    hessian = hessian_from_gradient(lambda x: la.slogdet(x)[1], A)
    x = np.linalg.inv(A)
    np.testing.assert_allclose(hessian, -np.einsum("jk,li->ijkl", x, x), rtol=1e-12, atol=1e-14)


def test_complex_gauge_invariant_functions(rng):
    """Phases of complex vectors are LAPACK's choice; what does not depend on them agrees with differences."""
    c = A + 1j * K

    def by_eigh(a):
        w, v = la.eigh(a)
        return mm(scale_columns(v, mul(w, w)), h(v))

    def by_svd(a):
        u, s, vh = la.Svd(False)(a)
        return mm(scale_columns(u, mul(s, mul(s, s))), vh)

    for f in (by_eigh, by_svd, polar_by_svd):
        e, step = E - 0.5j * K.T, 1e-5
        expected = (value(f, c + step * e)[0] - value(f, c - step * e)[0]) / (2 * step)
        np.testing.assert_allclose(push(f, [c], [e])[0], expected, atol=1e-8)


@pytest.mark.parametrize("f", [la.inv, la.det, la.cholesky, la.eigvalsh, la.svdvals, la.expm, lambda x: la.slogdet(x)[1]])
def test_empty_and_stacked(f):
    for shape in ((0, 0), (0, 2, 2)):
        function = program(f, np.zeros(shape))
        (out,) = evaluate(function, [np.zeros(shape)])
        assert np.shape(out) == function.outputs[0].type.shape
        ct = np.ones(np.shape(out))[()]
        assert evaluate(vjp(function, (True,)), [np.zeros(shape), ct])[1].shape == shape


def test_rules_that_cannot_exist_say_why():
    x = Var(type_of(np.eye(2)))
    with pytest.raises(NoRuleError, match=r"Det has no transpose rule"):
        la.det.transpose(x, (x,), (True,))


def test_trace_and_triangles(rng):
    a = rng.standard_normal((3, 4, 2))
    np.testing.assert_allclose(value(lambda x: la.trace(x, 1, 0, 1), a)[0], np.trace(a, 1, 0, 1))
    (g,) = gradient(lambda x: total(la.triu(x, 1)), np.full((3, 3), np.inf))
    np.testing.assert_array_equal(g, np.triu(np.ones((3, 3)), 1))
    (g,) = gradient(lambda x: total(diagonal(x)), np.eye(2))
    np.testing.assert_array_equal(g, np.eye(2))
