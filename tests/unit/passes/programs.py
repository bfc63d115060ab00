"""Programs for the tests of passes, written as rules are, and what it means that two results are the same."""

import numpy as np

from wengert.ir.builder import Builder, building
from wengert.ir.types import array_type
from wengert.ir.values import Function, Var
from wengert.ir.verifier import verify
from wengert.passes.pipeline import optimise
from wengert.transform.evaluate import evaluate

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.5,
    -3.0,
    np.inf,
    -np.inf,
    np.nan,
    5e-324,
    -5e-324,
    1e-310,
    2.2250738585072014e-308,
    1.7e308,
    -1.7e308,
    1e-200,
]


def special(dtype):
    """Points at which identities break that are not exact."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.array([0, 1, 2, 7, info.max, info.min, *([-1, -5] if dtype.kind == "i" else [])], dtype)
    with np.errstate(all="ignore"):
        if dtype.kind == "c":
            parts = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan]
            return np.array([complex(a, b) for a in parts for b in parts], dtype)
        return np.array([*SPECIAL, *([1e-45, 1e-40, 3e38] if dtype == np.float32 else [])], dtype)


def grid(dtypes):
    """Every combination of special points, one array an operand."""
    points = [special(d) for d in dtypes]
    if len(points) == 3:
        points = [p[:: max(1, len(p) // 12)] if np.dtype(d).kind == "c" else p for p, d in zip(points, dtypes, strict=True)]
    return [np.ascontiguousarray(a.ravel()) for a in np.meshgrid(*points, indexing="ij")]


def program(body, *types, name="f"):
    """The Function that `body` is on variables of these types: (dtype, *shape)."""
    builder = Builder()
    inputs = [Var(array_type(tuple(shape), np.dtype(dtype))) for dtype, *shape in types]
    with building(builder):
        outs = body(*inputs)
    return verify(Function(inputs, builder.equations, outs if isinstance(outs, (list, tuple)) else [outs], name))


def names(function):
    """The operations of a Function in order."""
    return [e.operation.name for e in function.equations]


def same_bits(a, b):
    """Equal in type and in every bit, but for sign and payload of a NaN."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape, f"{a.dtype}{a.shape} and {b.dtype}{b.shape}"
    if a.dtype.kind == "c":
        same_bits(a.real.copy(), b.real.copy())
        same_bits(a.imag.copy(), b.imag.copy())
        return
    if a.dtype.kind != "f":
        np.testing.assert_array_equal(a, b)
        return
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    a, b = np.where(np.isnan(a), 0, a), np.where(np.isnan(b), 0, b)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def agree(function, arguments, same=same_bits, **options):
    """Optimise, verify, compare; the optimised Function."""
    before = evaluate(function, arguments)
    new = verify(optimise(function, **options))
    assert new.in_types == function.in_types and new.out_types == function.out_types
    for a, b in zip(before, evaluate(new, arguments), strict=True):
        same(a, b)
    return new


def close(a, b):
    """Equal but for the order in which sums add."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=1e-12 if a.dtype.itemsize >= 8 else 1e-4, atol=1e-12 if a.dtype.itemsize >= 8 else 1e-4)
