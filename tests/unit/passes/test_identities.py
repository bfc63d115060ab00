"""Every identity of the table at infinities, signed zeros, NaN, subnormal and huge numbers: the same bits before and after."""

import numpy as np
import pytest

from wengert.ir.builder import Builder, building, live
from wengert.ir.types import array_type
from wengert.ir.values import Function, Var, splat
from wengert.passes.identities import EXACT, FAST, Number
from wengert.passes.simplify import simplify
from wengert.primitives.arith import Complex, LogicalAnd, LogicalNot, LogicalOr, Select
from wengert.transform.evaluate import evaluate

from .programs import grid, same_bits

DTYPES = {"b": "?", "i": "i8", "u": "u4", "f": "d", "c": "D"}
MORE = {"f": ["d", "f"], "c": ["D", "F"], "i": ["i8", "i4"], "u": ["u4"], "b": ["?"]}
CASES = [(identity, dtype) for identity in EXACT for kind in identity.dtypes for dtype in MORE[kind]]


def shown(case):
    identity, dtype = case
    return f"{text(identity.pattern)}={text(identity.result)}-{dtype}".replace(" ", "")


def text(pattern):
    if isinstance(pattern, str):
        return pattern
    return pattern.kind if isinstance(pattern, Number) else f"{pattern[0].name}({','.join(map(text, pattern[1:]))})"


def variables(pattern):
    if isinstance(pattern, str):
        return [pattern]
    return [] if isinstance(pattern, Number) else list(dict.fromkeys([v for p in pattern[1:] for v in variables(p)]))


def dtype_of(name, identity, dtype):
    """A mask is bool, the parts of a complex number are real; other variables have the dtype at hand."""
    if identity.pattern[0] is Select:
        return "?" if name == "m" else "d"
    if identity.pattern[0] in (LogicalNot, LogicalAnd, LogicalOr):
        return "?" if name in "mn" else "d"
    if isinstance(identity.pattern[1], tuple) and not isinstance(identity.pattern[1], Number) and identity.pattern[1][0] is Complex:
        return {"D": "d", "F": "f"}[dtype]
    return dtype


def written(pattern, env, constant):
    if isinstance(pattern, str):
        return env[pattern]
    if isinstance(pattern, Number):
        return constant(pattern.value)
    operation, *operands = pattern
    return operation()(*[written(p, env, constant) for p in operands])


def points_of(identity, dtype):
    """Every combination of special points; where the parts of a complex number are put together, those that NumPy's x + 1j * y keeps."""
    points = grid([dtype_of(v, identity, dtype) for v in variables(identity.pattern)])
    if identity.pattern[1][0:1] == (Complex,):
        keep = np.isfinite(points[0]) & np.isfinite(points[1]) & (points[0] != 0) & (points[1] != 0)
        points = [p[keep] for p in points]
    return points


def as_function(identity, dtype):
    """The pattern as a program, and what to call it with."""
    points = points_of(identity, dtype)
    env = {v: Var(array_type(p.shape, p.dtype)) for v, p in zip(variables(identity.pattern), points, strict=True)}
    of_constants = array_type(points[0].shape, np.dtype("?" if identity.pattern[0] is Select else dtype))

    def constant(value):
        value = complex(value, value) if dtype in "DF" and value == 0 else value  # both parts have the sign
        return splat(value, of_constants)

    builder = Builder()
    with building(builder):
        out = written(identity.pattern, env, constant)
    return Function(list(env.values()), builder.equations, [out], "f"), points


@pytest.mark.parametrize("case", CASES, ids=map(shown, CASES))
def test_exact(case):
    function, points = as_function(*case)
    new = simplify(function)
    assert fewer(new, function), "nothing happened"
    same_bits(evaluate(function, points)[0], evaluate(new, points)[0])


def fewer(new, old):
    """Whether there is less to do, or something else."""
    new, old = [[e.operation.name for e in live(list(f.equations), f.outputs)] for f in (new, old)]
    return len(new) < len(old) or new != old


FAST_CASES = [(identity, DTYPES[kind]) for identity in FAST for kind in identity.dtypes if kind in "fc"]


@pytest.mark.parametrize("case", FAST_CASES, ids=map(shown, FAST_CASES))
def test_only_under_fastmath(case):
    """True of ordinary numbers, and not done unless asked for."""
    identity, dtype = case
    function, points = as_function(identity, dtype)
    kept = simplify(function)
    same_bits(evaluate(function, points)[0], evaluate(kept, points)[0])
    rng = np.random.default_rng(3)
    ordinary = [rng.uniform(0.5, 2.0, p.shape).astype(p.dtype) for p in points]
    new = simplify(function, fastmath=True)
    np.testing.assert_allclose(evaluate(function, ordinary)[0], evaluate(new, ordinary)[0], rtol=1e-14, atol=1e-14)
    assert fewer(new, kept), "nothing happened"


def test_none_of_the_fast_ones_is_exact():
    """Each breaks at some special point; else it would belong to the others."""
    for identity, dtype in FAST_CASES:
        function, points = as_function(identity, dtype)
        new = simplify(function, fastmath=True)
        with pytest.raises(AssertionError):
            same_bits(evaluate(function, points)[0], evaluate(new, points)[0])


def test_each_says_why():
    assert all(i.why and set(i.dtypes) <= set("biufc") for i in [*EXACT, *FAST])
