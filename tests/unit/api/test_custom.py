"""custom_jvp, custom_vjp, primitive with defvjp and defjvp, checkpoint: every mode follows from the rule given."""

import copy
import math
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.semantics.modes import assert_derivative
from tests.unit.api.messages import refused
from tests.work import calls
from wengert import errors
from wengert.api import closures


def told(**settings):
    """x³ with a rule for one mode that is 10 times too large, so that it shows where the rule is used."""
    if settings.pop("forward"):
        f = wg.custom_jvp(lambda x: x**3)
        f.defjvp(lambda primals, tangents: (f(*primals), 30 * primals[0] ** 2 * tangents[0]))
    else:
        f = wg.custom_vjp(lambda x: x**3)
        f.defvjp(lambda x: (x**3, x), lambda x, ct: (30 * x**2 * ct,))
    return f


@pytest.mark.parametrize("forward", [True, False], ids=["custom_jvp", "custom_vjp"])
class TestRuleOfOneMode:
    def test_value_outside_of_derivatives(self, forward):
        assert told(forward=forward)(2.0) == 8.0

    def test_first_order_in_both_modes(self, forward):
        f = told(forward=forward)
        assert_derivative(f, (2.0,), 120.0)
        assert wg.value_and_grad(f)(2.0) == (8.0, 120.0)

    def test_second_order_in_all_nestings(self, forward):
        assert_derivative(told(forward=forward), (2.0,), 120.0, order=2)
        assert_derivative(told(forward=forward), (2.0,), 60.0, order=3)

    def test_batching(self, forward):
        f, xs = told(forward=forward), np.array([1.0, 2.0])
        np.testing.assert_array_equal(wg.vmap(f)(xs), [1, 8])
        np.testing.assert_array_equal(wg.vmap(wg.grad(f))(xs), [30, 120])
        np.testing.assert_array_equal(wg.grad(lambda xs: np.sum(wg.vmap(f)(xs)))(xs), [30, 120])

    def test_inside_a_longer_function_and_loop(self, forward):
        f = told(forward=forward)
        assert_derivative(lambda x: np.sin(f(x)) * x, (1.0,), math.cos(1) * 30 + math.sin(1))
        assert_derivative(lambda x: wg.loop(0, 2, lambda i, s: f(s), x), (1.0,), 900.0)
        assert_derivative(lambda x: wg.cond(x > 0, f, lambda x: x, x), (1.0,), 30.0)

    def test_arrays_and_other_points(self, forward):
        f = told(forward=forward)
        for shape in ((2,), (2, 3), ()):
            x = np.full(shape, 2.0)
            np.testing.assert_array_equal(wg.grad(lambda x: np.sum(f(x)))(x), np.full(shape, 120.0))


def test_jvp_rule_of_containers_and_several_arguments():
    @wg.custom_jvp
    def f(p, y):
        return {"s": p["a"] * y, "d": p["a"] - y}

    @f.defjvp
    def rule(primals, tangents):
        (p, y), (dp, dy) = primals, tangents
        return f(p, y), {"s": 10 * (dp["a"] * y + p["a"] * dy), "d": 10 * (dp["a"] - dy)}

    g = wg.grad(lambda p, y: f(p, y)["s"] + f(p, y)["d"], (0, 1))({"a": 2.0}, 3.0)
    assert g == ({"a": 40.0}, 10.0)


def test_vjp_rule_of_containers_none_and_several_arguments():
    @wg.custom_vjp
    def f(p, y):
        return p["a"] * y, p["b"]

    f.defvjp(lambda p, y: ((p["a"] * y, p["b"]), (p, y)), lambda residuals, cts: ({"a": 10 * cts[0] * residuals[1], "b": cts[1]}, None))
    g = wg.grad(lambda p, y: f(p, y)[0] + f(p, y)[1], (0, 1))({"a": 2.0, "b": 1.0}, 3.0)
    assert g == ({"a": 30.0, "b": 1.0}, 0.0)
    assert wg.jvp(lambda y: f({"a": 2.0, "b": 1.0}, y)[0], (3.0,), (1.0,))[1] == 0.0


def test_nondiff_argnums():
    f = wg.custom_jvp(lambda k, x: k * x, nondiff_argnums=(0,))
    f.defjvp(lambda k, primals, tangents: (k * primals[0], 10 * k * tangents[0]))
    for k in (2, 3):
        assert_derivative(lambda x: f(k, x), (1.0,), 10.0 * k)
    g = wg.custom_vjp(lambda name, x: x * len(name), nondiff_argnums=(0,))
    g.defvjp(lambda name, x: (x * len(name), None), lambda name, residuals, ct: (10 * len(name) * ct,))
    for name in ("ab", "abc"):
        assert_derivative(lambda x: g(name, x), (1.0,), 10.0 * len(name))


def test_keywords_and_defaults():
    f = wg.custom_jvp(lambda x, y=2.0: x * y)
    f.defjvp(lambda p, t: (p[0] * p[1], 10 * t[0] * p[1]))
    assert wg.grad(lambda x: f(x))(1.0) == 20.0
    assert wg.grad(lambda x: f(y=3.0, x=x))(1.0) == 30.0


def test_defjvps():
    f = wg.custom_jvp(lambda x, y: x * y)
    f.defjvps(lambda dx, ans, x, y: 10 * dx * y, None)
    assert wg.grad(f, (0, 1))(2.0, 3.0) == (30.0, 0.0)


def test_gradient_clipping_by_a_vjp_rule():
    clip = wg.custom_vjp(lambda x: x)
    clip.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1.0, 1.0),))
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(clip(x) * np.array([0.5, 7.0])))(np.zeros(2)), [0.5, 1.0])


def test_rule_sees_a_closure_that_changes():
    scale = np.array([1.0, 1.0])
    f = wg.custom_vjp(lambda x: np.sum(x))
    f.defvjp(lambda x: (np.sum(x), None), lambda _, ct: (ct * scale,))
    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [1, 1])
    scale[0] = 5
    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [5, 1])


def test_rule_sees_a_name_that_is_bound_anew():
    scale = 1.0
    f = wg.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (x, "residual"), lambda _, ct: (ct * scale,))
    g = wg.custom_jvp(lambda x: x * 1.0)
    g.defjvp(lambda p, t: (g(*p), t[0] * scale))
    for scale in (1.0, 5.0, 1.0):
        assert wg.grad(f)(2.0) == scale
        assert wg.grad(g)(2.0) == scale
        assert wg.vmap(wg.grad(g))(np.ones(2)).tolist() == [scale, scale]


def test_static_residuals_that_change():
    power = 2
    f = wg.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (x, {"x": x, "n": power}), lambda r, ct: (ct * r["x"] ** r["n"],))
    for power in (2, 3, 2):
        assert wg.grad(f)(2.0) == 2.0**power


def test_rule_that_calls_its_own_function_and_branches_on_nothing():
    f = wg.custom_jvp(lambda x: np.exp(x))
    f.defjvp(lambda p, t: (f(p[0]), f(p[0]) * t[0]))
    for k in range(4):
        g = f
        for _ in range(k):
            g = wg.grad(g)
        assert g(0.0) == 1.0
        assert g(0.0) == 1.0


@wg.custom_jvp
def decorated(x):
    return x**3


@decorated.defjvp
def _(primals, tangents):
    return decorated(*primals), 30 * primals[0] ** 2 * tangents[0]


@wg.custom_vjp
def decorated_too(x):
    return x**3


decorated_too.defvjp(lambda x: (x**3, x), lambda x, ct: (30 * x**2 * ct,))


@wg.primitive
def foreign(x):
    return math.exp(x)


wg.defvjp(foreign, lambda ans, x: lambda g: 10 * g * ans)


@pytest.mark.parametrize("f", [decorated, decorated_too, foreign])
def test_decorated_functions_are_pickled_by_name(f):
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.deepcopy(f) is f
    assert pickle.loads(pickle.dumps(wg.grad(f)))(1.0) == wg.grad(f)(1.0)


def test_functions_that_are_not_decorated_are_pickled_by_their_parts():
    f = wg.custom_jvp(np_cube)
    f.defjvp(np_cube_rule)
    assert wg.grad(pickle.loads(pickle.dumps(f)))(2.0) == 120.0


def np_cube_rule(primals, tangents):
    return np_cube(*primals), 30 * primals[0] ** 2 * tangents[0]


def test_rule_that_is_replaced():
    f = wg.custom_jvp(lambda x: x)
    for k in (1.0, 2.0):
        f.defjvp(lambda p, t, k=k: (p[0], k * t[0]))
        assert wg.grad(f)(1.0) == k


def test_a_rule_given_for_functions_of_one_code():
    def make(k):
        f = wg.custom_jvp(lambda x: x * k)
        f.defjvp(lambda p, t: (p[0] * k, 10 * k * t[0]))
        return f

    for k in (1.0, 2.0, 3.0):
        assert wg.grad(make(k))(1.0) == 10 * k


# -- primitive ------------------------------------------------------------------------------------------------


def opaque():
    return wg.primitive(lambda x, n=1: np.asarray([math.exp(v) * n for v in np.ravel(x)]).reshape(np.shape(x)))


def test_defvjp():
    f = opaque()
    wg.defvjp(f, lambda ans, x, n=1: lambda g: g * ans)
    x = np.array([0.1, 0.5])
    np.testing.assert_allclose(f(x), np.exp(x))
    np.testing.assert_allclose(wg.grad(lambda x: np.sum(f(x) * x))(x), np.exp(x) * (1 + x))
    assert_derivative(lambda x: np.sum(f(x)), (x,), np.exp(x))
    assert_derivative(lambda x: np.sum(f(x)), (x,), np.diag(np.exp(x)), order=2)
    np.testing.assert_allclose(wg.jacobian(f)(x), np.diag(np.exp(x)))


def test_defjvp():
    f = opaque()
    wg.defjvp(f, lambda g, ans, x, n=1: g * ans)
    assert_derivative(lambda x: f(x), (np.array([0.1, 0.5]),), np.diag(np.exp([0.1, 0.5])))


def test_primitive_calls_its_function_with_plain_arrays_only():
    seen = []

    @wg.primitive
    def f(x, y):
        seen.append((type(x), type(y)))
        return float(x) * float(y)

    wg.defvjp(f, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * x)
    assert wg.grad(f, (0, 1))(2.0, 3.0) == (3.0, 2.0)
    assert seen and all(not hasattr(t, "tape") for pair in seen for t in pair)


# -- checkpoint ----------------------------------------------------------------------------------------------------


def test_checkpoint_changes_no_derivative(rng):
    x = rng.normal(size=3)
    f = lambda x: np.sum(np.sin(np.sin(x) * x))
    g = wg.checkpoint(f)
    assert g(x) == f(x)
    for transform in (wg.grad, wg.jacfwd, wg.hessian, wg.jacrev):
        np.testing.assert_allclose(transform(g)(x), transform(f)(x), rtol=1e-13)
    np.testing.assert_allclose(wg.vmap(wg.grad(g))(np.stack([x, x]))[0], wg.grad(f)(x), rtol=1e-13)


def test_checkpoint_closes_over_traced_values_and_takes_containers():
    def f(a, x):
        inner = wg.checkpoint(lambda p, *, k: {"y": np.sin(p["x"] * a) * k})
        return inner({"x": x}, k=2.0)["y"]

    np.testing.assert_allclose(wg.grad(f, (0, 1))(0.5, 0.7), (2 * 0.7 * math.cos(0.35), 2 * 0.5 * math.cos(0.35)))


def test_checkpoint_keeps_fewer_residuals():
    from wengert.transform.linearize import linearize

    def f(x, wrap):
        for _ in range(4):
            x = wrap(lambda v: np.sin(np.cos(np.sin(v))))(x)
        return x

    def residuals(wrap):
        return len(linearize(wg.record(lambda x: f(x, wrap))(np.ones(3)), (True,)).residuals)

    assert residuals(wg.checkpoint) < residuals(lambda g: g)


# -- errors ----------------------------------------------------------------------------------------------------------


def test_no_rule_yet():
    refused(errors.TraceError, wg.grad(wg.custom_jvp(np_cube)), 1.0, what="np_cube has no derivative rule yet", instead="defjvp(rule)")
    refused(errors.TraceError, wg.grad(wg.custom_vjp(np_cube)), 1.0, what="np_cube has no derivative rule yet", instead="defvjp")
    refused(errors.TraceError, wg.grad(wg.primitive(np_cube)), 1.0, what="np_cube has no derivative rule yet", instead="wengert.defvjp(f")


def np_cube(x):
    return x**3


def test_closing_over_a_traced_value():
    f = lambda a: wg.grad(_with_rule(lambda x: x * a))(1.0)
    refused(
        errors.CutDerivativeError,
        wg.grad(f),
        1.0,
        what="has a derivative rule and closes over a traced value",
        which="float64[]",
        why="would be lost",
        instead="as an argument",
    )


def _with_rule(g):
    f = wg.custom_jvp(g)
    f.defjvp(lambda p, t: (g(*p), t[0]))
    return f


def test_what_a_jvp_rule_must_return():
    f = wg.custom_jvp(np_cube)
    f.defjvp(lambda p, t: t[0])
    refused(errors.TraceError, wg.grad(f), 1.0, what="the jvp rule of np_cube must return (value, tangent)", which="Tracer")
    f.defjvp(lambda p, t: (p[0], (t[0], t[0])))
    with pytest.raises(errors.TreeError, match="the tangent returned by the jvp rule of np_cube"):
        wg.grad(f)(1.0)
    f.defjvp(lambda p, t: (p[0], np.stack([t[0], t[0]])))
    refused(
        errors.ShapeError, wg.grad(f), 1.0, what="the tangent that a derivative rule returns", which="expected float64[], got float64[2]"
    )


def test_what_a_vjp_rule_must_return():
    f = wg.custom_vjp(np_cube)
    f.defvjp(lambda x: x, lambda r, ct: (ct,))
    refused(errors.TraceError, wg.grad(f), 1.0, what="the forward rule of np_cube must return (value, residuals)", which="Tracer")
    f.defvjp(lambda x: (x, None), lambda r, ct: ct)
    refused(
        errors.TraceError,
        wg.grad(f),
        1.0,
        what="the backward rule of np_cube must return a tuple of 1 cotangents",
        which="Tracer",
        why="None where it is zero",
    )
    f.defvjp(lambda x: (x, None), lambda r, ct: (ct, ct))
    refused(errors.TraceError, wg.grad(f), 1.0, what="must return a tuple of 1", which="tuple of 2")


def test_keyword_only_arguments():
    f = wg.custom_jvp(lambda x, *, k: x * k)
    refused(errors.ArgumentError, f, 1.0, k=2.0, what="takes keyword-only arguments", which="k", why="by position", instead="positional")


# -- rules asked again ----------------------------------------------------------------------------------


def rule_times(factor):
    f = wg.custom_jvp(lambda x: x * 1.0)
    f.defjvp(lambda primals, tangents: (f(*primals), factor() * tangents[0]))
    return f


def test_a_rule_sees_what_it_closes_over_change():
    held, array = [2.0], np.array([2.0])
    number = 2.0
    rules = [rule_times(lambda: held[0]), rule_times(lambda: array[0]), rule_times(lambda: number)]
    inner = rules[0]
    nested = wg.custom_jvp(lambda x: inner(x))
    nested.defjvp(lambda primals, tangents: wg.jvp(inner, primals, tangents))
    for value in (2.0, 3.0, 2.0):
        held[0] = array[0] = number = value
        assert [wg.grad(f)(1.0) for f in (*rules, nested)] == [value] * 4


def test_what_a_rule_sees_when_it_is_traced_is_remembered_not_what_it_saw_when_called():
    factor = 2.0
    f = rule_times(lambda: factor)

    def g(x):
        nonlocal factor
        y = f(x)
        factor = 3.0
        return y

    assert wg.grad(g)(1.0) == 3.0
    factor = 2.0
    assert wg.grad(f)(1.0) == 2.0


def test_rules_within_rules_cost_what_they_hold():
    def work(depth):
        f = np.sin
        for _ in range(depth):
            f = wrapped(f)
        wg.grad(f)(0.3)
        return calls(lambda: wg.grad(f)(0.3))

    def wrapped(f):
        changing = []  # so that the rule has to be traced to know that it is the same
        g = wg.custom_jvp(lambda x: f(x) * 1.0)
        g.defjvp(lambda primals, tangents: wg.jvp(f, primals, tangents) if not changing else None)
        return g

    assert work(8) < 8 * work(4)  # a power of the depth, not 16 times


def test_constants():
    k, array, box = 2.0, np.ones(2), [1.0]
    first = closures.constants([lambda x: np.sin(k * x) + math.pi])
    assert closures.same(first, first)
    assert closures.constants([wg.grad(lambda x: k * x), (1, "a")]) is not None
    assert not closures.same(closures.constants([lambda x: k]), closures.constants([lambda x: k]))
    for changing in (
        lambda x: x * array,
        lambda x: x * box[0],
        lambda x: x * np.random.rand(),
        lambda x: (lambda y: y * box[0])(x),
        array.dot,
        np.vectorize(lambda x: x),
    ):
        assert closures.constants([changing]) is None


# -- primitives whose results are not known yet ----------------------------------------------------------


def opaque_exp():
    f = wg.primitive(lambda x: math.exp(float(x)) if float(x) > 0 else math.log(-1))
    wg.defvjp(f, lambda ans, x: lambda g: g * ans)
    return f


def test_a_primitive_first_called_in_lanes_and_loops():
    x = np.array([1.0, 2.0, 0.5])
    np.testing.assert_allclose(wg.vmap(opaque_exp())(x), np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(wg.vmap(wg.grad(opaque_exp()))(x), np.exp(x), rtol=1e-14)
    f = opaque_exp()
    inside = lambda a: wg.scan(lambda s, k: (s + f(a * k), None), 0.0, x)[0]
    np.testing.assert_allclose(wg.grad(inside)(1.0), np.sum(x * np.exp(x)), rtol=1e-13)


def test_a_primitive_of_which_no_value_is_known():
    f = opaque_exp()
    branch = lambda x: wg.cond(x > 0, f, lambda v: -v, x)
    refused(errors.AbstractValueError, wg.vmap(f), np.zeros(0), what="not known yet", which="no value", instead="call it once before")
    refused(errors.AbstractValueError, wg.grad(branch), -1.0, what="not known yet", which="it raised ValueError", why="opaque")
    wg.grad(f)(1.0)
    assert wg.grad(branch)(-1.0) == -1.0
