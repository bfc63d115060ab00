"""What moves elements: merged, kept out of the way, absorbed. Moves keep every bit; sums may add in another order."""

import numpy as np
import pytest

from wengert.ir.values import Function, literal
from wengert.passes.layout import exact_cast
from wengert.passes.simplify import simplify
from wengert.primitives.arith import add, mul, select
from wengert.primitives.index import Slice, SliceAdd, SliceSet, slice_, slice_add, slice_set
from wengert.primitives.linalg.contraction import Dot, dot
from wengert.primitives.math import exp, sin
from wengert.primitives.reduce import All, Any_, Max, Min, Sum, sum_
from wengert.primitives.shape import Broadcast, Cast, Concatenate, Flip, Reshape, Transpose, broadcast, cast, permute, reshape

from .programs import agree, close, names, program, same_bits


@pytest.fixture
def values():
    def make(*shape):
        x = np.random.default_rng(len(shape) + 7).standard_normal(shape)
        x.flat[::3] *= 0.0  # zeros of both signs
        return x

    return make


def laid_out(body, *arrays, same=same_bits):
    return names(agree(program(body, *[(a.dtype, *a.shape) for a in arrays]), list(arrays), same))


# -- merged -----------------------------------------------------------------------------------------


def test_reshapes(values):
    assert laid_out(lambda x: reshape(reshape(x, (6, 4)), (2, 12)), values(2, 3, 4)) == ["reshape"]
    assert laid_out(lambda x: reshape(reshape(x, (6, 4)), (2, 3, 4)), values(2, 3, 4)) == []
    assert laid_out(lambda x: reshape(broadcast(x, (2, 3)), (2, 1, 3)), values(3)) == ["broadcast"]
    assert laid_out(lambda x: reshape(broadcast(x, (2, 3), ()), (3, 2)), values()) == ["broadcast"]
    assert laid_out(lambda x: reshape(broadcast(x, (2, 3)), (6,)), values(3)) == ["broadcast", "reshape"]
    assert laid_out(lambda x: reshape(broadcast(x, (0, 3)), (0, 1, 3)), values(3)) == ["broadcast"]


def test_transposes(values):
    assert laid_out(lambda x: permute(permute(x, (1, 2, 0)), (2, 0, 1)), values(2, 3, 4)) == []
    assert laid_out(lambda x: permute(permute(x, (1, 2, 0)), (1, 2, 0)), values(2, 3, 4)) == ["transpose"]
    assert laid_out(lambda x: permute(x, (1, 0, 2)), values(1, 3, 4)) == ["reshape"]
    assert laid_out(lambda x: permute(broadcast(x, (2, 3, 4), (2,)), (2, 0, 1)), values(4)) == ["broadcast"]
    assert laid_out(lambda x: permute(broadcast(x, (2, 3, 4), (1, 2)), (2, 0, 1)), values(3, 4)) == ["transpose", "broadcast"]


def test_broadcasts(values):
    assert laid_out(lambda x: broadcast(broadcast(x, (3, 4)), (2, 3, 4)), values(4)) == ["broadcast"]
    assert laid_out(lambda x: broadcast(x, (1, 4, 1), (1,)), values(4)) == ["reshape"]
    assert laid_out(lambda x: broadcast(x, (3, 4), (0, 1)), values(3, 1)) == ["reshape", "broadcast"]
    assert laid_out(lambda x: broadcast(reshape(x, (3, 1)), (3, 4)), values(3)) == ["broadcast"]
    assert laid_out(lambda x: broadcast(x, (3, 0), (0, 1)), values(3, 1)) == ["reshape", "broadcast"]


def test_one_way_to_repeat(values):
    # (4,) and its (4, 1) beside it, repeated to (4, 3): one equation
    new = laid_out(lambda x: mul(broadcast(x, (4, 3), (0,)), sin(broadcast(reshape(x, (4, 1)), (4, 3)))), values(4))
    assert new == ["sin", "mul", "broadcast"]


def test_slices(values):
    x = values(20, 6)
    cases = [((2, 1), (18, 6), (3, 2)), ((0, 0), (20, 6), (1, 1)), ((19, 0), (20, 6), (4, 5)), ((3, 2), (3, 2), (1, 1))]
    for first in cases:
        part = Slice(*first).part(program(lambda x: x, ("d", 20, 6)).inputs[0].type).shape
        for starts, steps in (((0, 0), (2, 1)), ((1, 1), (1, 2))):
            starts = tuple(min(a, n) for a, n in zip(starts, part, strict=True))
            got = laid_out(lambda x, f=first, a=starts, p=part, s=steps: Slice(a, p, s)(slice_(x, *f)), x)
            assert got in (["slice"], [])


def test_slices_of_the_same_elements_are_the_same(values):
    assert laid_out(lambda x: mul(Slice((0,), (4,), (2,))(x), Slice((0,), (3,), (2,))(x)), values(6)) == ["slice", "mul"]


def test_slice_of_a_repetition(values):
    assert laid_out(lambda x: slice_(broadcast(x, (5, 4)), (1, 1), (3, 4)), values(4)) == ["slice", "broadcast"]
    assert laid_out(lambda x: slice_(broadcast(x, (5, 4)), (1, 0), (3, 4)), values(4)) == ["broadcast"]


def test_slice_of_a_part_that_was_put_together(values):
    parts = lambda x, y: Concatenate(0)(x, y)
    assert laid_out(lambda x, y: slice_(parts(x, y), (3,), (7,)), values(3), values(4)) == []
    assert laid_out(lambda x, y: slice_(parts(x, y), (4,), (6,)), values(3), values(4)) == ["slice"]
    assert laid_out(lambda x, y: slice_(parts(x, y), (2,), (6,)), values(3), values(4)) == ["concatenate", "slice"]


def test_what_was_just_written_is_read(values):
    body = lambda x, v: slice_(slice_set(x, v, (1,), (3,), (1,)), (1,), (3,))
    assert laid_out(body, values(5), values(2)) == []


def test_writes_of_everything_and_of_nothing(values):
    assert laid_out(lambda x, u: SliceAdd((0,), (4,), (1,))(x, u), values(4), values(4)) == ["add"]
    assert laid_out(lambda x, u: SliceSet((0,), (4,), (1,))(x, u), values(4), values(4)) == []
    assert laid_out(lambda x, u: slice_add(x, u, (2,), (2,), (1,)), values(4), values(0)) == []


def test_flips_and_concatenations(values):
    assert laid_out(lambda x: Flip((0,))(Flip((0, 1))(x)), values(3, 4)) == ["flip"]
    assert laid_out(lambda x: Flip((0, 1))(Flip((0, 1))(x)), values(3, 4)) == []
    assert laid_out(lambda x: Flip((0,))(x), values(1, 4)) == []
    assert laid_out(lambda x, y: Concatenate(0)(x, y), values(3), values(0)) == []


# -- arithmetic first ---------------------------------------------------------------------------------


def test_arithmetic_on_what_is_not_yet_repeated(values):
    assert laid_out(lambda x, y: exp(mul(broadcast(x, (5, 3)), broadcast(y, (5, 3)))), values(3), values(3)) == ["mul", "exp", "broadcast"]
    assert laid_out(lambda x: add(broadcast(x, (5, 3)), broadcast(x, (5, 3)) * 2.0), values(3)) == ["mul", "add", "broadcast"]
    assert laid_out(lambda x, y: mul(broadcast(x, (3, 3), (0,)), broadcast(y, (3, 3), (1,))), values(3), values(3)) == ["broadcast"] * 2 + [
        "mul"
    ]


def test_arithmetic_before_permutations_and_new_axes(values):
    assert laid_out(lambda x: sin(permute(x, (1, 0))), values(3, 4)) == ["sin", "transpose"]
    assert laid_out(lambda x: sin(reshape(x, (3, 1))), values(3)) == ["sin", "reshape"]
    assert laid_out(lambda x: sin(reshape(x, (3,))), values(3, 1)) == ["reshape", "sin"]


def test_choices_of_repetitions(values):
    body = lambda m, x: select(broadcast(m, (2, 3)), broadcast(x, (2, 3)), broadcast(x, (2, 3)) * 0.5)
    assert laid_out(body, np.array([True, False, True]), values(3)) == ["mul", "select", "broadcast"]


def test_no_cascade_through_a_long_chain_of_moves():
    def body(x):
        for _ in range(300):
            x = sin(reshape(permute(x, (1, 0)), (3, 4)))
        return x

    function = program(body, ("d", 3, 4))
    assert len(agree(function, [np.arange(12.0).reshape(3, 4)]).equations) <= len(function.equations)


# -- contractions ---------------------------------------------------------------------------------------

NONE = ((), ())


@pytest.mark.parametrize(
    "contract, x_perm, y_perm", [(((1,), (0,)), (1, 0), (0, 1)), (((1,), (0,)), (0, 1), (1, 0)), (((0,), (1,)), (1, 0), (1, 0))]
)
def test_transposes_go_into_the_axes_of_a_product(contract, x_perm, y_perm, values):
    body = lambda x, y: dot(permute(x, x_perm), permute(y, y_perm), contract)
    assert laid_out(body, values(4, 4), values(4, 4), same=close) == ["dot"]


def test_transposes_with_batch_axes(values):
    body = lambda x, y: dot(permute(x, (1, 0, 2)), permute(y, (2, 0, 1)), ((2,), (1,)), ((0,), (0,)))
    assert laid_out(body, values(4, 3, 5), values(5, 2, 3), same=close) == ["dot"]


def test_a_transpose_that_would_change_the_order_of_the_result_stays(values):
    body = lambda x, y: dot(permute(x, (1, 0, 2)), y, ((2,), (0,)))
    assert laid_out(body, values(4, 3, 5), values(5, 2), same=close) == ["transpose", "dot"]


def test_a_transposed_product_is_the_product_turned(values):
    assert laid_out(lambda x, y: permute(dot(x, y, ((1,), (0,))), (1, 0)), values(3, 4), values(4, 5), same=close) == ["dot"]


def test_a_product_used_twice_is_not_computed_twice(values):
    def body(x, y):
        z = dot(x, y, ((1,), (0,)))
        return [exp(z), permute(z, (1, 0))]

    assert laid_out(body, values(3, 4), values(4, 5), same=close) == ["dot", "exp", "transpose"]


@pytest.mark.parametrize("batch", [NONE, ((0,), (1,))])
def test_an_outer_product_is_elementwise(batch, values):
    shapes = ((3, 2), (4, 3))
    got = laid_out(lambda x, y: dot(x, y, NONE, batch), *[values(*s) for s in shapes])
    assert "dot" not in got and "mul" in got


def test_a_scalar_times_an_array(values):
    assert laid_out(lambda x, y: dot(x, y, NONE), values(), values(3)) == ["broadcast", "mul"]


def test_a_sum_of_products_is_a_product_of_matrices(values):
    def body(x, y):
        return sum_(mul(broadcast(x, (20, 30, 25), (0, 1)), broadcast(y, (20, 30, 25), (1, 2))), (1,))

    assert laid_out(body, values(20, 30), values(30, 25), same=close) == ["dot"]
    turned = lambda x, y: sum_(mul(broadcast(y, (25, 30, 20), (0, 1)), broadcast(x, (25, 30, 20), (1, 2))), (1,))
    assert laid_out(turned, values(30, 20), values(25, 30), same=close) == ["dot"]


def test_a_sum_of_products_that_is_small_or_not_a_contraction_stays(values):
    small = lambda x, y: sum_(mul(broadcast(x, (2, 3, 4), (0, 1)), broadcast(y, (2, 3, 4), (1, 2))), (1,))
    assert "dot" not in laid_out(small, values(2, 3), values(3, 4), same=close)
    vector = lambda x, y: sum_(mul(x, broadcast(y, (100, 100), (1,))), (1,))
    assert "dot" not in laid_out(vector, values(100, 100), values(100), same=close)


def test_the_order_of_a_chain_only_under_fastmath(values):
    a, b, v = values(30, 40), values(40, 50), values(50)
    function = program(lambda a, b, v: dot(dot(a, b, ((1,), (0,))), v, ((1,), (0,))), *[(x.dtype, *x.shape) for x in (a, b, v)])
    assert [e.outs[0].type.shape for e in agree(function, [a, b, v], close).equations] == [(30, 50), (30,)]
    assert [e.outs[0].type.shape for e in agree(function, [a, b, v], close, fastmath=True).equations] == [(40,), (30,)]


@pytest.mark.parametrize("axes", [((0,), (0,)), ((0,), (1,)), ((1,), (0,)), ((1,), (1,))])
@pytest.mark.parametrize("first", [True, False])
def test_every_order_of_a_chain_is_right(axes, first, values):
    a, b, c = values(30, 31), values(31, 30), values(30, 30)
    narrow = values(30, 2) if axes[1] == (0,) else values(2, 30)

    def body(a, b, c):
        ab = dot(a, b, ((1,), (0,)))
        return dot(ab, c, axes) if first else dot(c, ab, axes[::-1])

    for last in (c, narrow):
        function = program(body, *[(x.dtype, *x.shape) for x in (a, b, last)])
        agree(function, [a, b, last], close, fastmath=True)


# -- sums -----------------------------------------------------------------------------------------------


def test_sums_of_repetitions_are_scaled(values):
    assert laid_out(lambda x: sum_(broadcast(x, (5, 3)), (0,)), values(3), same=close) == ["add", "mul"]
    assert laid_out(lambda x: sum_(broadcast(x, (5, 3)), (0, 1)), values(3), same=close) == ["sum", "mul"]
    assert laid_out(lambda x: sum_(broadcast(x, (5, 3)), (1,)), values(3), same=close) == ["sum", "broadcast"]
    assert laid_out(lambda x: sum_(broadcast(x, (0, 3)), (0,)), values(3), same=close) == ["broadcast", "sum"]


def test_sums_of_permutations(values):
    assert laid_out(lambda x: sum_(permute(x, (2, 0, 1)), (0, 1)), values(2, 3, 4), same=close) == ["sum"]
    assert laid_out(lambda x: sum_(permute(x, (2, 1, 0)), (1,)), values(2, 3, 4), same=close) == ["sum", "transpose"]


def test_a_sum_of_one_term_is_never_minus_zero(values):
    assert laid_out(lambda x: Sum((1,))(x), np.array([[-0.0], [0.0], [1.0], [np.inf], [np.nan]])) == ["reshape", "add"]
    assert laid_out(lambda x: Sum((1,))(x), np.array([[3], [-4]])) == ["reshape"]


@pytest.mark.parametrize("operation", [Max, Min])
def test_extrema_of_repetitions(operation, values):
    x = np.array([1.0, np.nan, -0.0])
    assert laid_out(lambda x: operation((0,))(broadcast(x, (5, 3))), x) == []
    assert laid_out(lambda x: operation((0, 1))(broadcast(x, (5, 3))), x) == [operation.name]


@pytest.mark.parametrize("operation", [Any_, All])
def test_logic_of_repetitions(operation):
    assert laid_out(lambda x: operation((0,))(broadcast(x, (5, 2))), np.array([True, False])) == []


# -- casts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("new", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"])
def test_exact_casts_are_those_that_come_back(old, new):
    old, new = np.dtype(old), np.dtype(new)
    if old.kind in "iu":
        info = np.iinfo(old)
        x = np.array([info.min, info.max, info.max - 1, 0, 1], old)
    elif old.kind == "b":
        x = np.array([False, True])
    else:
        real = np.empty(0, old).real.dtype
        x = np.array([np.finfo(real).max, np.finfo(real).smallest_subnormal, 1 / 3, 2.5, -1], real).astype(old)
        if old.kind == "c":
            x.imag = x.real[::-1]
    with np.errstate(all="ignore"):
        there = Cast(new).evaluate(x)
        back = Cast(old).evaluate(there)
        comes_back = bool((back == x).all() and (there == x).all())
    if exact_cast(old, new):
        assert comes_back


def test_operations_keep_what_they_are_told():
    assert isinstance(simplify(program(lambda x: cast(x, "f"), ("d", 3))), Function)
    assert Reshape((2,)) is Reshape((2,)) and Transpose((0,)) is Transpose((0,)) and Broadcast((2,), ()) is Broadcast((2,), ())
    assert Dot(NONE, NONE) is Dot(NONE, NONE) and literal(1.0).is_splat
