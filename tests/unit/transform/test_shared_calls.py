"""A Function called many times stays one Function under every transformation: programs are linear in distinct Functions, not in calls."""

import numpy as np
import pytest

from tests.minors import minors, written
from wengert.api.work import work
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.ir.types import array_type, type_of
from wengert.ir.values import Equation, Function, Var
from wengert.ir.verifier import verify
from wengert.ir.walk import inline, nested
from wengert.passes.pipeline import optimise
from wengert.primitives.control import Call
from wengert.primitives.control.call import emit, function_of, halves, single
from wengert.primitives.math import cos, sin
from wengert.primitives.reduce import sum_
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import gradient, linearize, vjp
from wengert.transform.partial import partial, prune
from wengert.transform.transpose import transpose

VECTOR = np.linspace(0.2, 1.0, 4)
V = type_of(VECTOR)
TOWER = 30  # 2**30 calls


def call(function, *operands):
    return single(emit(Call(function), operands))


def tower(height=TOWER, base=None):
    """Each Function calls the one below twice."""
    f = base or function_of(lambda x: [sin(x) * 0.5 + x * 0.1], V)
    for _ in range(height):
        f = function_of(lambda x, f=f: [(call(f, x) + call(f, x * 0.5)) * 0.4], V)
    return f


def gradient_at(n):
    a = np.random.default_rng(n).normal(size=(n, n))
    return a, np.linalg.det(a) * np.linalg.inv(a).T


def total(f):
    """The sum of what a Function gives."""
    return function_of(lambda *xs: [sum_(inline(f, xs)[-1], tuple(range(len(f.out_types[-1].shape))))], *f.in_types)


# -- minors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_gradient_of_minors_is_that_of_the_determinant(n):
    a, expected = gradient_at(n)
    value, slope = evaluate(gradient(minors(n), (True,)), [a])
    np.testing.assert_allclose(value, np.linalg.det(a), rtol=1e-12)
    np.testing.assert_allclose(slope, expected, rtol=1e-11, atol=1e-13)


def test_the_second_derivative_of_minors():
    """d(det A · A⁻ᵀ) in the direction E, forward over reverse, reverse over reverse, and all lanes at once."""
    n = 4
    a, slope = gradient_at(n)
    e = np.random.default_rng(9).normal(size=(n, n))
    inverse = np.linalg.inv(a)
    expected = np.sum(slope * e) * inverse.T - np.linalg.det(a) * (inverse @ e @ inverse).T
    forward, _ = jvp(gradient(minors(n), (True,)), (True,))
    np.testing.assert_allclose(evaluate(forward, [a, e])[-1], expected, rtol=1e-10, atol=1e-12)
    along = function_of(lambda x, e: [sum_(inline(gradient(minors(n), (True,)), [x])[1] * e, (0, 1))], *[type_of(a)] * 2)
    np.testing.assert_allclose(evaluate(gradient(along, (True, False)), [a, e])[1], expected, rtol=1e-10, atol=1e-12)
    lanes, mask = batch(forward, 3, (False, True))
    assert mask[-1]
    np.testing.assert_allclose(
        evaluate(lanes, [a, np.stack([e, 2 * e, -e])])[-1], np.stack([expected, 2 * expected, -expected]), rtol=1e-10
    )


def test_programs_of_minors_grow_with_sizes_and_not_with_calls():
    sizes = {n: minors(n) for n in (8, 10)}
    makers = {
        "value": lambda f: f,
        "jvp": lambda f: jvp(f, (True,))[0],
        "gradient": lambda f: gradient(f, (True,)),
        "forward of gradient": lambda f: jvp(gradient(f, (True,)), (True,))[0],
        "gradient of gradient": lambda f: gradient(total(gradient(f, (True,))), (True,)),
        "lanes": lambda f: batch(gradient(f, (True,)), 3, (True,))[0],
        "known": lambda f: linearize(f, (True,)).primal,
        "linear": lambda f: linearize(f, (True,)).tangent,
        "optimised": lambda f: optimise(f),
        "optimised gradient": lambda f: optimise(gradient(f, (True,))),
    }
    for name, make in makers.items():
        made = {n: make(f) for n, f in sizes.items()}
        assert written(made[10]) < 4000, name
        assert written(made[10]) < 2.2 * written(made[8]), name
        names = {n: sum([len(e.operands) + len(e.outs) for g in nested(f) for e in g.equations]) for n, f in made.items()}
        assert names[10] < 20_000, name


def test_what_a_call_keeps_is_bounded():
    """The residuals of a size are those of all smaller ones, n! numbers; where they would be named, they are computed again."""
    for n in range(2, 11):
        half = halves(minors(n), (True,))
        assert half.sprawling or len(half.types) <= max(100, 3 * len(half.known.equations))


# -- towers of calls ---------------------------------------------------------------------------------------

DERIVED = {
    "jvp": lambda f: jvp(f, (True,))[0],
    "vjp": lambda f: vjp(f, (True,)),
    "forward of reverse": lambda f: jvp(vjp(f, (True,)), (True, True))[0],
    "reverse of reverse": lambda f: vjp(vjp(f, (True,)), (True, True)),
    "linear half transposed": lambda f: transpose(
        (s := linearize(f, (True,))).tangent, (False,) * len(s.residuals) + (True,), (True,) * len(s.tangent.outputs)
    ),
    "lanes": lambda f: batch(f, 3, (True,))[0],
    "optimised": lambda f: optimise(f),
    "optimised vjp": lambda f: optimise(vjp(f, (True,))),
}


@pytest.mark.parametrize("name", DERIVED)
def test_towers_stay_towers(name):
    """2**30 calls: what is not linear in Functions would not end."""
    half, full = [written(verify(DERIVED[name](tower(h)))) for h in (TOWER // 2, TOWER)]
    assert full < 2.5 * half and full < 6000


@pytest.mark.parametrize("name", DERIVED)
def test_towers_mean_what_they_say(name):
    """A low tower against the same program without calls."""

    def flat(f):
        def written_out(x, f=f):
            env = {f.inputs[0]: x}
            for e in f.equations:
                operands = [env.get(a, a) for a in e.operands]
                out = written_out(operands[0], e.operation.function) if type(e.operation) is Call else emit(e.operation, operands)[0]
                env[e.outs[0]] = out
            return env[f.outputs[0]]

        return function_of(lambda x: [written_out(x)], V)

    f = tower(4)
    if name == "linear half transposed":
        return  # its operands are the residuals, which differ
    one, two = DERIVED[name](f), DERIVED[name](flat(f))
    values = [np.random.default_rng(1).normal(size=t.shape) for t in one.in_types]
    for x, y in zip(evaluate(one, values), evaluate(two, values), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


def test_known_operands_are_split_off_once():
    f = function_of(lambda x, y: [sin(x) * y, cos(x)], V, V)
    for _ in range(TOWER):
        f = function_of(lambda x, y, f=f: [(p := emit(Call(f), [x, y]))[0] + emit(Call(f), [p[1], y])[0], p[1]], V, V)
    parts = partial(f, (True, False))
    assert parts.out_known == (False, True)
    assert written(parts.known) + written(parts.unknown) < 2000
    low = f
    for _ in range(TOWER - 3):
        low = low.equations[0].operation.function
    parts = partial(low, (True, False))
    handed = evaluate(parts.known, [VECTOR])
    rest = [handed[sum(parts.out_known) + i] for i in range(len(parts.residuals))]
    value = evaluate(parts.unknown, [*rest, VECTOR * 2])[0]
    np.testing.assert_allclose(value, evaluate(low, [VECTOR, VECTOR * 2])[0], rtol=1e-13)


def test_results_that_nobody_needs_go_from_all_calls():
    f = function_of(lambda x: [sin(x), cos(x) * x], V)
    for _ in range(TOWER):

        def body(x, f=f):
            (a, b), (c, d) = emit(Call(f), [x]), emit(Call(f), [x * 0.5])
            return [a + c, b + d]

        f = function_of(body, V)
    smaller, kept = prune(f, (True, False))
    assert kept == (True,) and written(smaller) == 1 + 4 * TOWER
    assert not any([e.operation.name == "cos" for g in nested(smaller) for e in g.equations])


def test_a_mask_is_one_function():
    """Calls with the same activity share their derivative; another activity has its own."""
    f = function_of(lambda x, y: [sin(x) * y], V, V)
    g = function_of(lambda x, y: [call(f, x, y) + call(f, y, x) + call(f, x * 2.0, x)], V, V)
    made = jvp(g, (True, False))[0]
    called = [e.operation.function for e in made.equations if type(e.operation) is Call]
    assert len(called) == 3 and len(set(called)) == 3  # by x, by y, by both
    made = jvp(g, (True, True))[0]
    assert len({e.operation.function for e in made.equations if type(e.operation) is Call}) == 1


# -- text, cost, passes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [minors, lambda n: gradient(minors(n), (True,)), lambda n: vjp(tower(), (True,))])
def test_text_is_linear_and_read_back(make):
    f = make(10)
    text = print_function(f)
    assert len(text) < 400 * written(f)
    again = verify(parse(text))
    assert print_function(again) == text
    assert len(nested(again)) == len(nested(f))


def test_work_is_counted_through_calls():
    """n! n products and more, found without going through them."""
    flops, _, exact = work(minors(10))
    assert exact and 3_628_800 < flops < 40_000_000
    assert work(tower())[0] > 2**30


def test_a_shared_callee_is_optimised_once(monkeypatch):
    from wengert.passes import pipeline

    seen = []
    through = pipeline._through
    monkeypatch.setattr(pipeline, "_through", lambda f, *rest: (seen.append(f), through(f, *rest))[1])
    f = vjp(tower(), (True,))
    optimise(f)
    assert len(seen) == len(set(seen)) <= len(nested(f))


def test_equal_calls_of_equal_operands_are_one():
    long = function_of(lambda x: [_long(x)], V)
    f = function_of(lambda x: [call(long, x) * call(long, x), call(long, x * 1.0) + call(long, x + x)], V)
    new = optimise(f)
    assert [e.operation.name for e in new.equations].count("call") == 2
    np.testing.assert_allclose(evaluate(new, [VECTOR]), evaluate(f, [VECTOR]), rtol=1e-13)


def _long(x):
    for _ in range(250):
        x = sin(x) + x * 0.1
    return x


def test_what_is_cheap_is_no_residual():
    """It is computed again from the operand of the call, which is there anyway."""
    f = function_of(lambda x: [(x * 2.0 + 1.0) * (x * x - 1.0)], array_type((1000,), np.dtype("d")))
    half = halves(f, (True,))
    assert half.types == ()


def test_a_function_called_once_deep_inside():
    """Chains of single calls, deeper than Python's stack when they are transformed, as they are when traced."""
    f = function_of(lambda x: [sin(x) * x], V)
    for _ in range(60):
        x, y = Var(V), Var(V)
        f = Function([x], [Equation(Call(f), (x,), (y,), None)], [y])
    value, slope = evaluate(vjp(f, (True,)), [VECTOR, np.ones(4)])
    np.testing.assert_allclose(value, np.sin(VECTOR) * VECTOR)
    np.testing.assert_allclose(slope, np.cos(VECTOR) * VECTOR + np.sin(VECTOR))
