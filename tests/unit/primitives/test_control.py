"""Control flow: calls, conditions, loops, repetition, custom rules, checkpoints; nested in each other, in lanes, twice differentiated."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.contract import instantiate
from wengert.errors import IndexOutOfBoundsError, NoRuleError, ShapeError
from wengert.ir.types import StackType, array_type, stack_type
from wengert.ir.values import splat
from wengert.primitives.arith import div, greater, less
from wengert.primitives.control import (
    Call,
    Checkpoint,
    Cond,
    CustomJvp,
    CustomVjp,
    EmptyStack,
    GivenVjp,
    Height,
    HostCallback,
    LinearCall,
    Loop,
    Stack,
    While,
)
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.control.stack import add_stacks, add_values, expand_stack, select_any
from wengert.primitives.index import gather, scatter_set
from wengert.primitives.math import cos, exp, sin, sqrt
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize, vjp
from wengert.transform.partial import prune

from .programs import INT, PAIR, SCALAR, D, check, operation_program

H = np.array([0.5, -0.3])


@pytest.mark.parametrize("primitive", [Call, Cond, Loop, While, CustomJvp, CustomVjp, LinearCall, Checkpoint])
def test_samples_to_second_order(primitive):
    for sample in primitive.samples():
        if all(np.asarray(x).dtype.char in "dl?" for x in sample.operands):
            types = [array_type(np.shape(x), np.asarray(x).dtype) for x in sample.operands]
            check(operation_program(sample.operation, *types), list(sample.operands))


# -- while, nested ------------------------------------------------------------------------------


def repeated(top, c, h, t):
    """while t < top: h, t = sin(c h) + 0.1, t + 0.3"""
    cond = function_of(lambda top, h, t: [less(t, top)], SCALAR, PAIR, SCALAR)
    body = function_of(lambda c, h, t: [sin(c * h) + 0.1, t + 0.3], PAIR, PAIR, SCALAR)
    return emit(While(cond, body, 1, 1, 2), [top, c, h, t])


def zero():
    return splat(0.0, SCALAR)


def while_in_loop(c, h, tops):
    def body(i, c, h, top):
        new = repeated(top, c, h, zero())[0]
        return [new * c, new]

    return emit(Loop(function_of(body, INT, PAIR, PAIR, SCALAR), 3, 1, 1, 0), [c, h, tops])


def while_in_cond(x, c, h):
    one = function_of(lambda x, c, h: repeated(x, c, h, zero())[:1], SCALAR, PAIR, PAIR)
    other = function_of(lambda x, c, h: [exp(c) * h], SCALAR, PAIR, PAIR)
    return emit(Cond((other, one)), [greater(x, splat(0.5, SCALAR)), x, c, h])


def cond_in_while(top, h):
    one, other = function_of(lambda h: [sin(h) + 0.2], PAIR), function_of(lambda h: [exp(h) * 0.5], PAIR)
    cond = function_of(lambda top, h, t: [less(t, top)], SCALAR, PAIR, SCALAR)
    body = function_of(lambda h, t: [emit(Cond((one, other)), [less(t, splat(0.5, SCALAR)), h])[0], t + 0.3], PAIR, SCALAR)
    return emit(While(cond, body, 1, 0, 2), [top, h, zero()])[:1]


def while_in_while(top, c, h):
    cond = function_of(lambda top, h, t: [less(t, top)], SCALAR, PAIR, SCALAR)
    body = function_of(lambda c, h, t: [repeated(t, c, h, zero())[0] * c + h, t + 0.4], PAIR, PAIR, SCALAR)
    return emit(While(cond, body, 1, 1, 2), [top, c, h, splat(0.1, SCALAR)])[:1]


def while_checkpointed(top, c, h):
    f = function_of(lambda top, c, h: repeated(top, c, h, zero())[:1], SCALAR, PAIR, PAIR)
    return emit(Call(f), [top, emit(Checkpoint(f), [top, c, h])[0], h])


def pushed_and_popped(c, h):
    cond = function_of(lambda h, t: [less(t, splat(1.0, SCALAR))], PAIR, SCALAR)
    body = function_of(lambda c, h, t: [sin(c * h) + 0.1, t + 0.3, h * c], PAIR, PAIR, SCALAR)
    last, _, count, stack = emit(While(cond, body, 0, 1, 2, 1), [c, h, zero()])
    popping = function_of(lambda i, a, x: [a * x + x], INT, PAIR, PAIR)
    return [emit(Loop(popping, None, 0, 1, 0, True), [count, c, stack])[0] + last]


TOPS = np.array([0.5, -0.1, 1.0])
NESTED = {
    "while in loop": (while_in_loop, [H * 2, H, TOPS]),
    "while in cond, taken": (while_in_cond, [np.float64(1.0), H * 2, H]),
    "while in cond, not taken": (while_in_cond, [np.float64(0.2), H * 2, H]),
    "cond in while": (cond_in_while, [np.float64(1.0), H]),
    "while in while": (while_in_while, [np.float64(1.0), H * 2, H]),
    "while checkpointed": (while_checkpointed, [np.float64(1.0), H * 2, H]),
    "pushes popped": (pushed_and_popped, [H * 2, H]),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested(name):
    program, operands = NESTED[name]
    check(function_of(program, *[array_type(np.shape(x), D) for x in operands]), operands)


def test_lanes_that_stop_at_different_times():
    f = function_of(lambda top, c, h: repeated(top, c, h, zero())[:1], SCALAR, PAIR, PAIR)
    tops = np.array([-1.0, 0.5, 2.0, 0.1])
    pull = vjp(f, [False, True, True])
    lanes, _ = batch(pull, 4, [True, False, False, False])
    _, *found = evaluate(lanes, [tops, H * 2, H, np.ones(2)])
    for k, top in enumerate(tops):
        _, *alone = evaluate(pull, [top, H * 2, H, np.ones(2)])
        for a, b in zip(found, alone, strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-13)


def test_reverse_of_lanes_that_stop_at_different_times():
    f = function_of(lambda top, c, h: repeated(top, c, h, zero())[:1], SCALAR, PAIR, PAIR)
    lanes, _ = batch(f, 3, [True, False, True])
    check(lanes, [np.array([-1.0, 0.5, 2.0]), H * 2, np.stack([H, H + 0.1, H - 0.2])])


def test_stopped_lane_is_not_poisoned():
    # (√x + a) / x at x = 0 is 0/0, inside a call, through which no mask is seen; a lane that never runs must not see it.
    step = function_of(lambda a, x, e: [div(sqrt(x) + a, x), e - 1.0], SCALAR, SCALAR, SCALAR)

    def f(a, x):
        cond = function_of(lambda x, e: [greater(e, splat(0.0, SCALAR))], SCALAR, SCALAR)
        body = function_of(lambda a, x, e: emit(Call(step), [a, x, e]), SCALAR, SCALAR, SCALAR)
        return emit(While(cond, body, 0, 1, 2), [a, x, a])[:1]

    g = function_of(f, SCALAR, SCALAR)
    lanes, _ = batch(g, 2, [True, True])
    a, x = np.array([0.0, 1.0]), np.array([0.0, 4.0])
    _, da, dx = evaluate(vjp(lanes, [True, True]), [a, x, np.ones(2)])
    np.testing.assert_allclose(dx, [1.0, -3 / 16 + 1 / 16])
    np.testing.assert_allclose(da, [0.0, 0.25])
    pushed, _ = jvp(lanes, [False, True])
    np.testing.assert_allclose(evaluate(pushed, [a, x, np.ones(2)])[1], [1.0, -3 / 16 + 1 / 16])


# -- cond ---------------------------------------------------------------------------------------


def branches():
    return Cond((function_of(lambda x: [sqrt(x)], SCALAR), function_of(lambda x: [x * 0.0 + 2.0], SCALAR)))


def test_untaken_branch_does_not_reach_the_adjoint_of_lanes():
    lanes, _ = batch(operation_program(branches(), INT, SCALAR), 2, [True, True])
    value, dx = evaluate(vjp(lanes, [False, True]), [np.array([0, 1]), np.array([4.0, 0.0]), np.ones(2)])
    np.testing.assert_array_equal(value, [2.0, 2.0])
    np.testing.assert_array_equal(dx, [0.25, 0.0])


def test_cond_index_out_of_range():
    with pytest.raises(IndexOutOfBoundsError, match="2 branches"):
        evaluate(operation_program(branches(), INT, SCALAR), [np.int64(2), np.float64(1.0)])
    with pytest.raises(IndexOutOfBoundsError):
        evaluate(operation_program(branches(), INT, SCALAR), [np.int64(-1), np.float64(1.0)])


def test_cond_of_branches_that_differ():
    pair = Cond((function_of(lambda x: [x], SCALAR), function_of(lambda x: [x, x], SCALAR)))
    with pytest.raises(ShapeError, match="differ"):
        operation_program(pair, INT, SCALAR)
    with pytest.raises(ShapeError, match="one integer or bool"):
        operation_program(branches(), SCALAR, SCALAR)


def test_branches_share_residual_slots():
    one = function_of(lambda x, y: [sin(sin(x) * y)], PAIR, PAIR)
    two = function_of(lambda x, y: [exp(cos(x) * y)], PAIR, PAIR)
    split = linearize(operation_program(Cond((one, two)), INT, PAIR, PAIR), [False, True, True])
    (known,) = split.primal.equations
    assert len(known.outs) == 1 + 3  # cos(x), sin(x), cos(sin(x) y) in the places where the other keeps its own


# -- loop ---------------------------------------------------------------------------------------


def test_invariant_residuals_are_not_stacked():
    # d(sin(c) h) = sin(c) dh + cos(c) h dc: the sine and cosine of a constant stay constants, h is stacked.
    body = function_of(lambda i, c, h: [sin(c) * h], INT, PAIR, PAIR)
    f = operation_program(Loop(body, 100, 1, 1, 0), PAIR, PAIR)
    shapes = [r.type.shape for r in linearize(f, [True, True]).residuals]
    assert shapes.count((100, 2)) == 1
    check(f, [H, H + 1])


def test_loop_of_no_iterations():
    body = function_of(lambda i, c, h, x: [sin(c) * h * x, h, h], INT, PAIR, PAIR, PAIR)
    f = operation_program(Loop(body, 0, 1, 1, 1), PAIR, PAIR, PAIR, array_type((0, 2), D))
    check(f, [H, H + 1, H + 2, np.zeros((0, 2))])


def test_carry_that_becomes_active_and_one_that_is_reset():
    body = function_of(lambda i, c, a, b: [b, c * 2.0], INT, SCALAR, SCALAR, SCALAR)
    f = function_of(lambda c, a: emit(Loop(body, 3, 1, 2, 0), [c, a, splat(1.0, SCALAR)]), SCALAR, SCALAR)
    check(f, [np.float64(0.3), np.float64(0.7)])
    reset = function_of(lambda i, a: [splat(1.0, SCALAR)], INT, SCALAR)
    check(operation_program(Loop(reset, 2, 0, 1, 0), SCALAR), [np.float64(0.3)])


def test_trip_count_is_an_operand():
    body = function_of(lambda i, c, h: [sin(c * h), h], INT, SCALAR, SCALAR)
    f = function_of(lambda n, c, h: emit(Loop(body, None, 1, 1, 1), [n, c, h, zero()]), INT, SCALAR, SCALAR)
    for n in (0, 1, 4):
        check(f, [np.int64(n), np.float64(0.8), np.float64(0.4)])
    lanes, _ = batch(f, 3, [True, False, True])
    counts, h = np.array([0, 4, 2]), np.array([0.4, 0.5, 0.6])
    check(lanes, [counts, np.float64(0.8), h])


def test_scattered_increments_cost_what_they_change():
    # 300 reads and writes in an array of 10⁶: minutes if each iteration touched all of it.
    n = 10**6
    big = array_type((n,), D)

    def body(i, c, h, y):
        x = gather(c, [i])
        new = sin(h * x)
        return [new, scatter_set(y, [i], new * x)]

    f = function_of(lambda c, y: emit(Loop(function_of(body, INT, big, SCALAR, big), 300, 1, 2, 0), [c, splat(0.5, SCALAR), y]), big, big)
    _, _, dc, dy = evaluate(vjp(f, [True, True]), [np.ones(n), np.zeros(n), np.float64(0.0), np.ones(n)])
    assert not dy[:300].any()
    assert (dy[300:] == 1).all()
    assert dc[:300].all()
    assert not dc[300:].any()


def test_operands_are_not_overwritten():
    big = array_type((300,), D)
    body = function_of(lambda i, y: [scatter_set(y, [i], splat(7.0, SCALAR))], INT, big)
    f = operation_program(Loop(body, 5, 0, 1, 0), big)
    y = np.zeros(300)
    (out,) = evaluate(f, [y])
    assert not y.any()
    assert out.sum() == 35.0


def test_stacked_carry_keeps_every_state():
    state = array_type((3,), D)

    def body(i, y):
        new = scatter_set(y, [i], splat(1.0, SCALAR))
        return [new, new]

    _, ys = evaluate(operation_program(Loop(function_of(body, INT, state), 3, 0, 1, 0), state), [np.zeros(3)])
    np.testing.assert_array_equal(ys, np.tril(np.ones((3, 3))))


def test_body_that_changes_the_type_of_a_carry():
    body = function_of(lambda i, x: [less(x, splat(1.0, SCALAR))], INT, SCALAR)
    with pytest.raises(ShapeError, match="changes the type of a carry"):
        operation_program(Loop(body, 3, 0, 1, 0), SCALAR)
    body = function_of(lambda x: [less(x, splat(1.0, SCALAR))], SCALAR)
    cond = function_of(lambda x: [less(x, splat(1.0, SCALAR))], SCALAR)
    with pytest.raises(ShapeError, match="changes the type of a carry"):
        operation_program(While(cond, body, 0, 0, 1), SCALAR)
    with pytest.raises(ShapeError, match="must be one bool"):
        operation_program(While(function_of(lambda x: [x], SCALAR), function_of(lambda x: [x], SCALAR), 0, 0, 1), SCALAR)


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (False, False, True), (False, True, True)])
def test_pruned_loop(needed):
    body = function_of(lambda i, c, a, b, x: [a * c, sin(b), b * x], INT, SCALAR, SCALAR, SCALAR, SCALAR)
    f = operation_program(Loop(body, 3, 1, 2, 0), SCALAR, SCALAR, SCALAR, array_type((3,), D))
    operands = [np.float64(0.9), np.float64(0.8), np.float64(0.7), np.array([1.0, 2.0, 3.0])]
    smaller, used = prune(f, needed)
    expected = [v for v, on in zip(evaluate(f, operands), needed, strict=True) if on]
    found = evaluate(smaller, [x for x, on in zip(operands, used, strict=True) if on])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert used == (needed[0], needed[0], needed[1] or needed[2], needed[2])


def test_pruned_while_keeps_what_its_predicate_reads():
    f = function_of(lambda top, c, h: repeated(top, c, h, zero()), SCALAR, PAIR, PAIR)
    smaller, used = prune(f, (False, True))
    assert used == (True, False, False)
    np.testing.assert_allclose(evaluate(smaller, [np.float64(1.0)]), [1.2])


# -- custom rules -------------------------------------------------------------------------------


def test_custom_jvp_rule_is_what_is_used():
    f = function_of(lambda x: [x * x], SCALAR)
    rule = function_of(lambda x, dx: [x * x, dx * 100.0], SCALAR, SCALAR)
    program = operation_program(CustomJvp(f, rule), SCALAR)
    assert evaluate(vjp(program, [True]), [3.0, 1.0]) == [9.0, 100.0]
    assert evaluate(jvp(program, [True])[0], [3.0, 1.0]) == [9.0, 100.0]
    lanes, _ = batch(program, 2, [True])
    np.testing.assert_array_equal(evaluate(vjp(lanes, [True]), [np.array([1.0, 2.0]), np.ones(2)])[1], [100.0, 100.0])


def test_custom_jvp_with_a_loop_of_both_primals_and_tangents():
    def rule(x, dx):
        body = function_of(lambda i, y, dy: [sin(y), cos(y) * dy], INT, PAIR, PAIR)
        return emit(Loop(body, 4, 0, 2, 0), [x, dx])

    plain = function_of(lambda x: emit(Loop(function_of(lambda i, y: [sin(y)], INT, PAIR), 4, 0, 1, 0), [x]), PAIR)
    check(operation_program(CustomJvp(plain, function_of(rule, PAIR, PAIR)), PAIR), [H])


def test_custom_jvp_with_a_while_of_both_primals_and_tangents():
    def rule(x, dx):
        cond = function_of(lambda y, dy, t: [less(t, splat(1.0, SCALAR))], PAIR, PAIR, SCALAR)
        body = function_of(lambda y, dy, t: [sin(y), cos(y) * dy, t + 0.3], PAIR, PAIR, SCALAR)
        return emit(While(cond, body, 0, 0, 3), [x, dx, zero()])[:2]

    plain = function_of(lambda x: emit(Loop(function_of(lambda i, y: [sin(y)], INT, PAIR), 4, 0, 1, 0), [x]), PAIR)
    check(operation_program(CustomJvp(plain, function_of(rule, PAIR, PAIR)), PAIR), [H])


def test_custom_jvp_rule_that_is_not_linear():
    f = function_of(lambda x: [x * x], SCALAR)
    rule = function_of(lambda x, dx: [x * x, x], SCALAR, SCALAR)
    with pytest.raises(NoRuleError, match="not linear in the tangents"):
        jvp(operation_program(CustomJvp(f, rule), SCALAR), [True])


def clipped(backward):
    f = function_of(lambda x, y: [x * y], PAIR, PAIR)
    forward = function_of(lambda x, y: [x * y, x, y], PAIR, PAIR)
    return operation_program(CustomVjp(f, GivenVjp(forward, function_of(backward, PAIR, PAIR, PAIR))), PAIR, PAIR)


def test_custom_vjp_calls_backward_as_written():
    program = clipped(lambda x, y, ct: [greater_zero(ct), ct * x])
    _, dx, dy = evaluate(vjp(program, [True, True]), [H, H * 2, np.array([3.0, -4.0])])
    np.testing.assert_array_equal(dx, [1.0, 0.0])
    np.testing.assert_array_equal(dy, H * [3.0, -4.0])


def greater_zero(ct):
    from wengert.primitives.shape import cast

    return cast(greater(ct, splat(0.0, ct.type)), D)


def test_custom_vjp_forward_mode_transposes_backward():
    program = clipped(lambda x, y, ct: [ct * y * 3.0, ct * x * 5.0])
    pushed, _ = jvp(program, [True, True])
    _, tangent = evaluate(pushed, [H, H * 2, np.ones(2), np.array([0.1, 0.2])])
    np.testing.assert_allclose(tangent, 3 * H * 2 + 5 * H * [0.1, 0.2])


def test_custom_vjp_forward_mode_of_a_backward_that_is_not_linear():
    pushed, _ = jvp(clipped(lambda x, y, ct: [sin(ct), ct * x]), [True, True])
    with pytest.raises(NoRuleError, match="not linear in its cotangents"):
        evaluate(pushed, [H, H, H, H])
    pushed, _ = jvp(clipped(lambda x, y, ct: [x, ct * x]), [True, True])
    with pytest.raises(NoRuleError, match="not linear in its cotangents"):
        evaluate(pushed, [H, H, H, H])


def test_custom_vjp_lanes_sum_into_a_shared_operand():
    program = clipped(lambda x, y, ct: [ct * y, ct * x])
    lanes, _ = batch(program, 3, [True, False])
    xs = np.stack([H, H + 1, H + 2])
    _, dx, dy = evaluate(vjp(lanes, [True, True]), [xs, H, np.ones((3, 2))])
    np.testing.assert_allclose(dx, np.stack([H] * 3))
    np.testing.assert_allclose(dy, xs.sum(0))


# -- checkpoint, callback, stacks ---------------------------------------------------------------


def test_checkpoint_keeps_its_operands_only():
    f = function_of(lambda x: [sin(sin(sin(x)))], PAIR)
    program = operation_program(Checkpoint(f), PAIR)
    assert linearize(program, [True]).residuals == [program.inputs[0]]
    assert len(linearize(operation_program(Call(f), PAIR), [True]).residuals) == 3
    check(program, [H])


def test_call_residuals_that_are_operands_or_results_are_not_returned_again():
    f = function_of(lambda x, y: [x * y, exp(x)], PAIR, PAIR)
    split = linearize(operation_program(Call(f), PAIR, PAIR), [True, True])
    assert len(split.primal.equations[0].outs) == 2


def test_host_callback():
    program = operation_program(HostCallback(np.cumsum, (PAIR,)), PAIR)
    np.testing.assert_array_equal(evaluate(program, [np.array([1.0, 2.0])])[0], [1.0, 3.0])
    lanes, _ = batch(program, 3, [True])
    np.testing.assert_array_equal(evaluate(lanes, [np.ones((3, 2))])[0], [[1.0, 2.0]] * 3)
    with pytest.raises(NoRuleError, match="custom rule"):
        jvp(program, [True])
    with pytest.raises(ShapeError, match="another type than it declared"):
        evaluate(operation_program(HostCallback(np.sum, (PAIR,)), PAIR), [np.ones(2)])


def test_stacks():
    s = stack_type(PAIR)
    add = function_of(lambda a, b: [add_stacks(a, b)], s, s)
    a, b = Stack([H, H * 2]), Stack([H])
    for found, expected in (
        (evaluate(add, [a, b])[0], [H * 2, H * 2]),
        (add_values(a, b), [H * 2, H * 2]),
        (add_values(b, a), [H * 2, H * 2]),
    ):
        np.testing.assert_array_equal(found, expected)
    empty = function_of(lambda a: [add_stacks(a, instantiate(None, s)), *emit(Height(), [a])], s)
    total, height = evaluate(empty, [a])
    np.testing.assert_array_equal(total, a)
    assert height == 2
    lanes = function_of(lambda a: [expand_stack(a, 3)], s)
    assert [x.shape for x in evaluate(lanes, [a])[0]] == [(3, 2), (3, 2)]
    chosen = function_of(lambda m, a, b: [select_any(m, a, b)], array_type((2,), np.dtype(np.bool_)), s, s)
    np.testing.assert_array_equal(evaluate(chosen, [np.array([True, False]), a, b])[0], [H * [1, 1], H * 2 * [1, 0]])
    assert isinstance(operation_program(EmptyStack(s)).out_types[0], StackType)
    with pytest.raises(ShapeError, match="needs stacks"):
        Height().type(PAIR)


def test_operands_of_other_types():
    with pytest.raises(ShapeError, match="operands of other types"):
        operation_program(Call(function_of(lambda x: [x], PAIR)), SCALAR)


@pytest.mark.parametrize("shared", [True, False])
def test_constants_are_not_poisoned_by_lanes_that_do_not_use_them(shared):
    # √c / x inside calls, at lanes with x = 0 that never take it.
    bad = function_of(lambda c, x: [div(c, x), x], SCALAR, SCALAR)
    c, x = (np.float64(2.0) if shared else np.array([2.0, 2.0])), np.array([0.0, 4.0])
    expected = 0.25 if shared else np.array([0.0, 0.25])
    branch = function_of(lambda c, x: emit(Call(bad), [c, x])[:1], SCALAR, SCALAR)
    other = function_of(lambda c, x: [x], SCALAR, SCALAR)
    by_branch = operation_program(Cond((other, branch)), INT, SCALAR, SCALAR)
    lanes, _ = batch(by_branch, 2, [True, not shared, True])
    np.testing.assert_allclose(evaluate(vjp(lanes, [False, True, False]), [np.array([0, 1]), c, x, np.ones(2)])[1], expected)

    body = function_of(lambda i, c, x: emit(Call(bad), [c, x])[:1], INT, SCALAR, SCALAR)
    counted = operation_program(Loop(body, None, 1, 1, 0), INT, SCALAR, SCALAR)
    lanes, _ = batch(counted, 2, [True, not shared, True])
    np.testing.assert_allclose(evaluate(vjp(lanes, [False, True, False]), [np.array([0, 1]), c, x, np.ones(2)])[1], expected)
