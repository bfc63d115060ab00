"""numpy.linalg."""

import numpy as np
import pytest

import wengert as wg

from .case import Table

TABLE = Table(rtol=1e-10)
numbers = np.random.default_rng(7)

S = numbers.normal(size=(3, 3)) + 3 * np.eye(3)
T = numbers.normal(size=(2, 3, 3)) + 3 * np.eye(3)
P = S @ S.T
TP = T @ T.swapaxes(1, 2)
W = numbers.normal(size=(2, 4))
H = numbers.normal(size=(4, 2))
v = numbers.normal(size=3)
C = S + 1j * numbers.normal(size=(3, 3))
B = numbers.normal(size=(3, 2))
CP = C @ C.conj().T
for x in (S, T, C):
    TABLE.add(np.linalg.inv, x)
    TABLE.add(np.linalg.det, x)
    TABLE.add(np.linalg.slogdet, x)
    TABLE.add(np.linalg.solve, x, v)
    TABLE.add(np.linalg.solve, x, B)
    TABLE.add(np.linalg.svd, x, compute_uv=False)
    TABLE.add(np.linalg.svdvals, x)
    TABLE.add(np.linalg.cond, x)
    TABLE.add(np.linalg.cond, x, 1)
    TABLE.add(np.linalg.cond, x, "fro")
    TABLE.add(np.linalg.cond, x, -2)
    TABLE.add(np.linalg.matrix_rank, x)
TABLE.add(np.linalg.solve, S, numbers.normal(size=(2, 3, 1)))
TABLE.add(np.linalg.solve, T[0], C)
for x in (P, TP, CP):
    TABLE.add(np.linalg.cholesky, x)
    TABLE.add(np.linalg.cholesky, x, upper=True)
    TABLE.add(np.linalg.eigvalsh, x)
    TABLE.add(np.linalg.eigvalsh, x, UPLO="U")
for x in (P, TP):
    TABLE.add(np.linalg.eigh, x)
for x in (S, W, H):
    TABLE.add(np.linalg.pinv, x)
    TABLE.add(np.linalg.norm, x)
    TABLE.add(np.linalg.svd, x, full_matrices=False)
for x in (S, H):
    TABLE.add(np.linalg.qr, x)
    TABLE.add(np.linalg.qr, x, mode="complete")
    TABLE.add(np.linalg.qr, x, mode="r")
for o in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    TABLE.add(np.linalg.norm, S, o, smooth=(0,))
    TABLE.add(np.linalg.norm, T, o, axis=(0, 2), smooth=(0,))
    TABLE.add(np.linalg.norm, T, o, axis=(2, 1), keepdims=True, smooth=(0,))
    TABLE.add(np.linalg.norm, C, o, smooth=(0,))
for o in ("fro", 2, 1):
    TABLE.add(np.linalg.matrix_norm, T, ord=o)
for o in (None, 1, 2, 3, 2.5, -1, -2, 0, np.inf, -np.inf):
    TABLE.add(np.linalg.norm, v, o, smooth=(0,))
    TABLE.add(np.linalg.norm, T, o, axis=1, smooth=(0,))
    TABLE.add(np.linalg.norm, C, o, axis=-1, keepdims=True, smooth=(0,))
for o in (1, 2, 3, np.inf):
    TABLE.add(np.linalg.vector_norm, T, ord=o)
    TABLE.add(np.linalg.vector_norm, T, ord=o, axis=(0, 1), keepdims=True)
TABLE.add(np.linalg.norm, T)
TABLE.add(np.linalg.norm, v, keepdims=True)
for n in (-2, -1, 0, 1, 2, 3, 7):
    TABLE.add(np.linalg.matrix_power, S, n)
TABLE.add(np.linalg.matrix_power, T, 3)
TABLE.add(np.linalg.lstsq, H, numbers.normal(size=4))
TABLE.add(np.linalg.lstsq, H, numbers.normal(size=(4, 3)))
TABLE.add(np.linalg.lstsq, W, numbers.normal(size=2))
TABLE.add(np.linalg.lstsq, S, B, rcond=None)
TABLE.add(np.linalg.tensorinv, numbers.normal(size=(4, 2, 2)) + np.eye(4).reshape(4, 2, 2) * 3, ind=1)
TABLE.add(np.linalg.tensorsolve, numbers.normal(size=(2, 3, 6)), numbers.normal(size=(2, 3)))
TABLE.add(np.linalg.multi_dot, [S, H[:3], W])


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


@pytest.mark.parametrize("ord", [1, 2, "fro", "nuc"])
def test_norms_of_nothing(ord):
    nothing = np.zeros((2, 0))
    value, pullback = wg.vjp(lambda x: np.linalg.norm(x, ord), nothing)
    assert value == np.linalg.norm(nothing, ord) == 0
    assert pullback(1.0)[0].shape == (2, 0)


def test_systems_of_nothing():
    a, b = np.zeros((0, 0)), np.zeros((0, 2))
    value, pullback = wg.vjp(np.linalg.solve, a, b)
    assert [g.shape for g in pullback(value)] == [(0, 0), (0, 2)]
    assert wg.jvp(np.linalg.matrix_rank, (np.zeros((2, 0)),), (np.zeros((2, 0)),))[0] == 0
