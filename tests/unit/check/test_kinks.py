"""kinks finds what the evaluation sits on or near, and the gradients on both sides are those of the smooth pieces."""

import numpy as np
import pytest

import wengert as wg
from wengert.check import kinks
from wengert.contract import Elementwise
from wengert.ir.operation import OPERATIONS


def sides(kink):
    return kink.below.gradient, kink.here.gradient, kink.above.gradient


ON = {  # function, point -> operation, gradients below, here, above
    "abs": (lambda x: 3 * np.abs(x) + x, 0.0, "abs", (-2.0, 1.0, 4.0)),
    "maximum": (lambda x: np.maximum(x, 2.0), 2.0, "maximum", (0.0, 0.5, 1.0)),
    "minimum": (lambda x: np.minimum(2.0, x), 2.0, "minimum", (1.0, 0.5, 0.0)),
    "where": (lambda x: np.where(x > 0, x**2 + x, -x), 0.0, "greater", (-1.0, -1.0, 1.0)),
    "clip": (lambda x: np.clip(x, 0.0, 1.0), 1.0, "minimum", (1.0, 0.5, 0.0)),
    "floor": (lambda x: np.floor(x) * x, 3.0, "floor", (2.0, 3.0, 3.0)),
    "round": (lambda x: np.round(x) * x, 2.5, "rint", (2.0, 2.0, 3.0)),
    "sign": (lambda x: np.sign(x) * x, 0.0, "sign", (-1.0, 0.0, 1.0)),
    "interp": (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 3.0, 1.0]), 1.0, "less_equal", None),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ON)
def test_on_a_kink(name, compiled):
    f, x, operation, expected = ON[name]
    found = kinks(wg.jit(f) if compiled else f)(x)
    assert len(found) == 1
    (kink,) = found
    assert kink.on and kink.operation == operation and kink.span.file == __file__
    if expected is None:
        assert {round(float(g), 9) for g in sides(kink)} == {3.0, -2.0}
    else:
        assert np.allclose(sides(kink), expected, atol=1e-8)


ARRAYS = {
    "max": (np.max, [1.0, 3.0, 3.0], "max", ([0, 0, 1], [0, 0.5, 0.5], [0, 1, 0])),
    "min": (np.min, [1.0, 3.0, 1.0], "min", ([1, 0, 0], [0.5, 0, 0.5], [0, 0, 1])),
    "argmax": (lambda x: x[np.argmax(x)] * 2, [3.0, 1.0, 3.0], "arg_max", ([0, 0, 2], [2, 0, 0], [2, 0, 0])),
    "sort": (lambda x: np.sort(x) @ np.arange(3.0), [1.0, 1.0, 2.0], "sort", ([0, 1, 2], [0, 1, 2], [1, 0, 2])),
    "median": (np.median, [1.0, 2.0, 2.0], "order_statistic", ([0, 1, 0], [0, 0.5, 0.5], [0, 0, 1])),
    "cummax": (lambda x: np.sum(np.maximum.accumulate(x)), [1.0, 1.0, 0.0], "cum_max", ([3, 0, 0], [2, 1, 0], [1, 2, 0])),
    "norm": (np.linalg.norm, [0.0, 0.0, 0.0], "vector_norm", ([-1, 0, 0], [0, 0, 0], [1, 0, 0])),
    "norm1": (lambda x: np.linalg.norm(x, 1), [0.0, 2.0, 1.0], "vector_norm", ([-1, 1, 1], [0, 1, 1], [1, 1, 1])),
    "norminf": (lambda x: np.linalg.norm(x, np.inf), [-2.0, 2.0, 1.0], "vector_norm", None),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_on_a_kink_of_arrays(name):
    f, x, operation, expected = ARRAYS[name]
    (kink,) = kinks(f)(np.array(x))
    assert kink.on and kink.operation == operation
    if expected is None:
        assert {tuple(np.round(g, 6) + 0.0) for g in sides(kink)} == {(-1, 0, 0), (0, 1, 0), (-0.5, 0.5, 0)}
    else:
        assert np.allclose(sides(kink), expected, atol=1e-8)


def test_near_a_kink():
    found = kinks(lambda x: np.sum(np.abs(x - 1.0)))(np.array([1.0 + 1e-9, 2.0, 1.0 - 1e-8]))
    (kink,) = found
    assert not kink.on and 1e-10 < kink.distance < 2e-9 and kink.index == (0,) and kink.elements == 2
    assert np.array_equal(kink.below.gradient, [-1.0, 1.0, -1.0]) and np.array_equal(kink.above.gradient, [1.0, 1.0, 1.0])
    text = str(found).splitlines()
    assert text[0].startswith("abs sits near a kink, ") and text[0].split("away")[1].startswith(" at [0] and 1 more   (test_kinks.py:")
    assert text[1].startswith("  operand 0: [ 1.00000008") and text[-1] == "Its derivative jumps there."
    assert "  below: gradient [-1.,  1., -1.]" in text


def test_how_near():
    f = lambda x: np.abs(x - 1.0)
    assert not kinks(f)(1.01) and len(kinks(f, near=0.1)(1.01)) == 1
    assert str(kinks(f)(1.5)) == "<lambda> is on no kink here, and none is within 1e-06 of the arguments"
    scaled = lambda x: np.abs(1e-6 * x - 1.0) * 1e-6  # distances are of the arguments, not of what is computed from them
    assert not kinks(scaled)(1.1e6) and kinks(scaled)(1e6 * (1 + 1e-9))


def branch(x):
    if x > 1:
        return x**2
    return 5 * x


@pytest.mark.parametrize("f", [branch, wg.jit(branch), lambda x: wg.cond(x > 1, lambda x: x**2, lambda x: 5 * x, x)])
def test_branches(f):
    (kink,) = kinks(f)(1.0 + 1e-10)
    assert kink.decides and kink.jumps and kink.operation == "greater"
    assert np.isclose(kink.here.gradient, 2.0) and kink.above is kink.here
    assert np.isclose(kink.below.gradient, 5.0) and np.isclose(kink.below.value, 5.0)
    assert "The branch that is taken changes there, and the value: it is 1.0000000002" in str(kink)
    assert "  below: gradient 5., value 5.0000000005" in str(kink).splitlines()


def test_loops():
    def steps(x):
        while x < 8.0:
            x = 2 * x
        return x

    for f in (steps, wg.jit(steps)):
        (kink,) = kinks(f)(1.0)
        assert kink.decides and kink.times == 4 and sides(kink) == (16.0, 8.0, 8.0)

    def apart(x):
        total = 0.0
        for i in range(4):
            total = total + abs(x - i)
        return total

    (kink,) = kinks(wg.jit(apart))(2.0)
    assert kink.times == 3 and sides(kink) == (0.0, 1.0, 2.0) and "  the line had done this 2 times before" in str(kink).splitlines()


def test_the_other_side_may_raise():
    def root(x):
        if x < 0:
            raise ValueError("negative\nnumbers")
        return np.sqrt(x + 1)

    (kink,) = kinks(root)(1e-10)
    assert kink.below.error == "ValueError: negative" and "  below: ValueError: negative" in str(kink).splitlines()


def test_singular_points():
    (kink,) = kinks(np.sqrt)(0.0)
    assert np.isinf(kink.here.gradient) and np.isnan(kink.below.gradient) and np.isfinite(kink.above.gradient) and not kink.jumps


def test_what_changes_nothing_is_only_counted():
    found = kinks(lambda x: np.abs(x) ** 2 + np.maximum(x, -x) * 0.0)(0.0)
    assert not found and found.harmless == 2
    assert str(found).endswith("of the arguments; 2 that change nothing")
    both = kinks(lambda x: np.abs(x) ** 2 + np.abs(x - 1e-9))(0.0)
    assert len(both) == 1 and str(both).endswith("and 1 that changes nothing")


def test_what_does_not_depend_on_the_arguments_is_none():
    table = np.array([1.0, 1.0, 2.0])
    assert not kinks(lambda x: np.sum(x * np.sort(table)) + np.max(table))(np.ones(3))
    assert not kinks(lambda x, k: x * abs(k))(1.0, 0)


def test_jumps():
    (kink,) = kinks(lambda x: np.floor(x) * x)(3.0)
    assert kink.jumps and np.isclose(kink.below.value, 6.0)
    (kink,) = kinks(lambda x: x % 1.0)(2.0)
    assert kink.jumps and np.isclose(kink.below.value, 1.0) and not kink.decides


def test_containers_and_several_arguments():
    (kink,) = kinks(lambda p, y: np.maximum(p["a"], y) * p["b"])({"a": 2.0, "b": 3.0}, 2.0)
    below, here, above = sides(kink)
    assert np.isclose(below[0]["a"], 0) and np.isclose(below[1], 3) and here[0]["a"] == 1.5 and np.isclose(above[0]["a"], 3)
    assert "below: gradient ({a: 0., b: 2." in str(kink)


def test_the_nearest_come_first_and_most_limits():
    f = lambda x: np.abs(x - 1e-9) + np.abs(x) + np.maximum(x, 1e-8)
    found = kinks(f)(0.0)
    assert [k.distance for k in found] == sorted(k.distance for k in found) and len(found) == 3 and found[0].on
    assert len(kinks(f, most=1)(0.0)) == 1
    assert str(found).count("\n\n") == 2


def test_single_precision():
    (kink,) = kinks(lambda x: np.abs(x - 1.0))(np.float32(1.0))
    assert kink.below.gradient.dtype == np.float32 and sides(kink) == (-1.0, 0.0, 1.0)


class Hinge(Elementwise):
    """max(0, 1 - x), by somebody else: one attribute says where its kink is."""

    domain = (2.0, 3.0)

    def evaluate(self, x):
        return np.maximum(0.0, 1.0 - x)

    def partials(self, out, x):
        from wengert.primitives.arith import greater
        from wengert.primitives.shape import cast

        return (-cast(greater(out, out * 0.0), x.type.dtype),)

    def kink(self, x):
        return x - 1.0


OPERATIONS.pop(Hinge.name)


def test_a_primitive_says_itself_where_its_kink_is():
    (kink,) = kinks(lambda x: Hinge()(x) * 2.0)(1.0)
    assert kink.operation == "hinge" and np.allclose(sides(kink), (-2.0, 0.0, 0.0))


def test_every_kink_is_one():
    """All primitives that have the attribute: where it is 0 after the step it asks for, and of the operand's shape."""
    from wengert import primitives
    from wengert.contract import Primitive

    primitives.load()
    seen = 0
    for cls in [c for c in list(OPERATIONS.values()) if issubclass(c, Primitive) and c.kink is not None]:
        for sample in cls.samples():
            x = np.asarray(sample.operands[0])
            if x.dtype.kind != "f" or not x.size:
                continue
            margins = sample.operation.kink(*sample.operands)
            if margins is None:
                continue
            margins = np.asarray(margins)
            assert margins.shape == x.shape, sample
            with np.errstate(all="ignore"):
                distances = np.where(np.isfinite(margins), np.abs(margins), np.inf)
            at = np.unravel_index(np.argmin(distances), x.shape)
            if not np.isfinite(margins[at]) or sample.operation.name in ("vector_norm", "hypot", "arctan2"):
                continue
            moved = x.copy()
            moved[at] -= margins[at]
            again = np.asarray(sample.operation.kink(moved[()], *sample.operands[1:]))
            assert abs(again[at]) <= 1e-5 * max(1.0, abs(float(x[at]))), sample
            seen += 1
    assert seen > 40
