"""Assignment to arrays: after a run, taped or compiled, every array and alias holds what plain NumPy leaves in it."""

import copy
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from tests.unit.trace.random_assignments import assignments, sample
from tests.unit.trace.written import written

EXAMPLES = int(os.environ.get("WENGERT_EXAMPLES", "100"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
RAISED = (ValueError, TypeError, IndexError, UnboundLocalError)


def taped(f, args):
    """f's result in a taped run, and the arguments as it leaves them."""
    mine = copy.deepcopy(args)
    tangents = tuple(np.ones_like(x) if isinstance(x, np.ndarray) else 1.0 for x in mine)
    return wg.jvp(f, tuple(mine), tangents)[0], mine


def native(f, args):
    mine = copy.deepcopy(args)
    return f(*mine), mine


def same(got, expected, text=""):
    tolerance = 2e-5 if "float32" in text else 1e-11
    for g, e in zip(got if isinstance(got, tuple) else (got,), expected if isinstance(expected, tuple) else (expected,), strict=True):
        assert np.shape(g) == np.shape(e) and np.asarray(g).dtype == np.asarray(e).dtype, text
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance, err_msg=text)


# -- random sequences ----------------------------------------------------------------------------------------------------------


def check_values(text, seed):
    f = written(text)
    compiled = wg.jit(f)
    for k in range(2):
        args = sample(seed + k)
        with np.errstate(all="ignore"):
            try:
                expected, after = native(f, args)
            except RAISED as error:
                kinds = tuple(c for c in type(error).__mro__ if c in RAISED)
                for run in (lambda args=args: taped(f, args), lambda args=args: native(compiled, args)):
                    with pytest.raises((*kinds, wg.errors.TraceError, wg.errors.ShapeError)):
                        run()
                continue
        got, mine = taped(f, args)
        same((*got, *mine), (*expected, *after), text)
        try:
            got, mine = native(compiled, args)
        except wg.errors.TraceError as refused:  # of what depends on a value
            assert "a concrete value is needed" in str(refused) or "keeps one type" in str(refused), text  # noqa: PT017
            continue
        same((*got, *mine), (*expected, *after), text)


def check_derivative(text, seed):
    """Forward, reverse, and reverse compiled, of a weighted sum of all elements of all arrays, in a random direction."""
    f = written(text)
    rng = np.random.default_rng(seed)
    args = sample(seed)
    try:
        expected = native(f, args)[0]
    except RAISED:
        return
    direction = [rng.normal(size=np.shape(x)) if isinstance(x, np.ndarray) else rng.normal() for x in args]
    weights = [rng.normal(size=np.shape(e)) for e in expected]
    total = lambda results: sum([np.sum(a * b) for a, b in zip(results, weights, strict=True)])
    forward = total(wg.jvp(f, tuple(copy.deepcopy(args)), tuple(direction))[1])
    gradient = wg.grad(lambda *args: total(f(*args)), (0, 1, 2, 3))
    for g in (gradient, wg.jit(gradient)):
        try:
            slopes = g(*copy.deepcopy(args))
        except wg.errors.AbstractValueError:
            assert g is not gradient, text
            continue
        along = sum([np.sum(a * b) for a, b in zip(slopes, direction, strict=True)])
        np.testing.assert_allclose(
            along, forward, rtol=1e-4 if "float32" in text else 1e-9, atol=1e-4 if "float32" in text else 1e-9, err_msg=text
        )
    if "float32" not in text and "arange" not in text:
        h = 1e-6
        ends = [total(native(f, [x + s * h * d for x, d in zip(args, direction, strict=True)])[0]) for s in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * h)
        assert abs(slope) > 1e4 or np.isclose(slope, forward, rtol=1e-4, atol=1e-5), text  # beyond: a mask or branch changed


SEEDS = (st.integers(0, 10**9), st.integers(0, 10**6))


@SETTINGS
@given(*SEEDS)
def test_random_assignments(program, seed):
    check_values(assignments(program)[0], seed)


@SETTINGS
@given(*SEEDS)
def test_random_assignments_in_branches_and_loops(program, seed):
    check_values(assignments(program, control=True)[0], seed)


@settings(SETTINGS, max_examples=max(1, EXAMPLES // 2))
@given(*SEEDS, st.booleans())
def test_derivatives_of_random_assignments(program, seed, control):
    check_derivative(assignments(program, control)[0], seed)


# -- one rule a program: f(x, s) of an array of shape (3, 4) and a number, returns arrays ---------------------------------------


def item_of_a_row(x, s):
    x[1][2] = s
    x[1][:2][0] *= 2
    return x


def view_of_a_view(x, s):
    v = x[1:]
    w = v[:, ::2]
    w *= s
    v[0, 1] = 5.0
    return x, v, w


def transposed_and_reshaped(x, s):
    t = x.T
    t[0] = s
    r = x.reshape(2, 6)
    r[1] += 1
    copied = t.reshape(-1)  # no view in NumPy
    copied[0] = 99.0
    return x, t, r, copied


def swap_of_rows(x, s):
    x[[0, 2]] = x[[2, 0]]
    x[0], x[1] = x[1].copy(), x[0].copy()
    x[1], x[2] = x[2], x[1]  # of views: the second sees what the first has done
    return x


def overlapping_slices(x, s):
    x[:, 1:] = x[:, :-1]
    x[1:] += x[:-1]
    flat = x.ravel()
    flat[::-1] -= flat * s
    return x


def repeated_indices(x, s):
    x[[0, 0, 1]] += s
    np.add.at(x, ([0, 0, 1], [1, 1, 2]), s)
    np.subtract.at(x, [2, 2], 1.0)
    np.multiply.at(x, ([0, 0], [3, 3]), s)
    x[[0, 0], [2, 2]] = np.array([s, 2 * s])
    return x


def masks(x, s):
    x[x > 0.5] = s
    x[x < 0] *= s
    mask = np.abs(x) > 0.2
    x[mask] = x[mask] ** 2
    x[1, mask[1]] += 1
    return x


def rows_by_mask(x, s):
    x[x[:, 0] > 0] = s
    x[x[:, 1] < 0, 1:] *= 2
    return x


def masks_beside_other_indices(x, s):
    m, rows = x[0] > 0, x[:, 1] > 0
    x[1, m] += 1
    x[1:, m] *= x[1:, :1]
    x[rows, 1:3] -= s
    x[rows] += x[0]
    x[..., m] = x[..., m] ** 2
    y = np.zeros((3, 2, 4))
    y[0, :, m] = s
    y[:, 1, m] += x[:, m]
    y[rows, None, 0, 2:] = 3.0
    return x, y, x[2, m].sum(), x[:, m].sum(axis=1), x[rows].mean(axis=1).sum(), x[1:, m].max(axis=0).sum()


def elements_of_one_mask_at_another(x, s):
    x[x > 0.5] = x[x > 0.5] * s
    x[1, x[1] > -9] = x[0, x[0] < 9]
    a, b = np.sort(x[0]), np.sort(x[1])
    x[0, a > a[1]] = x[1, b < b[2]]  # two each
    x[1, a > a[1]] = [s, 2.0]
    x[2, b < b[2]] += np.arange(2.0)
    y = np.zeros(2)
    y[:] = x[0, a > a[1]]
    y += x[1, b < b[2]]
    return x, y


def what_is_done_with_chosen_elements(x, s):
    m = x > -0.3
    y = x[m]
    y += s
    y *= 2
    z = np.where(x[m] > 0.5, x[m], np.clip(x[m], -0.1, s))
    return y.sum(), z.sum(), x[m] @ z, x[m][0], x[m][-1], x[m].std(), x[m].min(), x[m].size * s, len(x[m]), np.sum(x[m] > 0)


def masks_in_a_loop(x, s):
    for i in range(3):
        x[i, x[i] > 0] -= x[i, x[i] > 0] * 0.5
        x[x[:, i] < 0, i] *= s
    return x


def flat_and_diagonals(x, s):
    t = x.T
    t.flat[1] = s
    np.fill_diagonal(t, s)
    for i in range(3):
        x.flat[4 * i] *= 2
    return x, t


def augmented_name_is_in_place(x, s):
    y = x
    y += s
    z = y
    z = z * 2  # a new array
    z *= 3
    return x, y, z


def number_is_replaced(x, s):
    t = s
    t += 1
    y = x[0, 0]
    y *= 5
    return x, t, s, y


def out_arguments(x, s):
    y = np.empty_like(x)
    z = np.add(x, s, out=y)
    z[0] = 0.0
    np.multiply(y, 2, y)
    np.exp(x[0], out=y[1])
    np.add(x, 1.0, out=x, where=x > 0)
    np.matmul(x, x.T, out=(w := np.zeros((3, 3))))
    np.cumsum(x, axis=1, out=x)
    return x, y, z, w


def loops_that_fill(x, s):
    y = np.zeros((3, 4))
    for i in range(3):
        for j in range(1, 4):
            y[i, j] = y[i, j - 1] * s + x[i, j]
    y[-1, 0] = y[0, -1]
    return y


def rows_of_a_loop_are_views(x, s):
    for row in x:
        row *= s
    for i, row in enumerate(x[::-1]):
        row[i] = 0.0
    return x


def view_taken_before_a_loop(x, s):
    v = x[:, 1]
    for i in range(3):
        x[i] = x[i] * s + i
    return x, v


def assignment_in_a_branch(x, s):
    v = x[0]
    if s > 0:
        v[1:] = s
    else:
        x[0, 0] = 7.0
    return x, v


def assigned_by_a_function(x, s):
    def clear(v, value=0.0):
        v[...] = value
        return v

    clear(x[0], s)
    w = clear(x[:, -1:])
    w += 1
    return x, w


def a_new_array_shares_nothing(x, s):
    a, b, c, d = x.copy(), np.array(x), x + 0, +x
    x[...] = s
    return x, a, b, c, d


def may_be_itself(x, s):
    a, b, c = np.asarray(x), x[...], x.view() if hasattr(x, "view") and isinstance(x, np.ndarray) else x[:]
    a[0] = s
    b[1] = 2 * s
    c[2] = 3 * s
    return x, a, b, c


def ascontiguous_is_itself(x, s):
    y = np.ascontiguousarray(x)
    y[0] = s
    return x, y


def splits_are_views(x, s):
    a, b = np.split(x, 2, axis=1)
    a *= s
    b[0] = 1.0
    first, *rest = x
    first[0] = 8.0
    return x, a, b


def integers(x, s):
    k = np.arange(4)
    k[0] = 3.9
    k[1] += 2
    k *= 2
    k[2:] //= 3
    y = x[0]
    y[k[3]] = s
    y[k[1] - 5] = 2 * s
    return k, x


def casts_to_the_array(x, s):
    k = np.zeros(3, dtype=int)
    k[0] = x[0, 0] * 10
    f = np.zeros(3, np.float32)
    f[:] = x[:, 0]
    f += x[:, 1]
    return k, f


def broadcasts_into(x, s):
    x[...] = x[0]
    x[1:] = [[s, 1.0, 2.0, s]]
    x[:, 0] = 3
    x[0] += [s, 0.0, 0.0, 1.0]
    return x


def windows_see_what_is_assigned(x, s):
    w = np.lib.stride_tricks.sliding_window_view(x, (2, 3))
    x[1, 1:3] = s
    return w * s, x


def lists_are_no_arrays(x, s):
    a = [s, x[0], 3.0]
    b = a
    b[1] = s * 2
    b += [1.0]
    a[0] *= 4
    x[0, :3] = a[:3]
    return x, a[-1], b[0]


def methods_that_write(x, s):
    y = x.copy()
    y.fill(s)
    x[0].sort()
    np.fill_diagonal(y, 7.0)
    np.copyto(y[0], x[1])
    np.put(y, [5, 6, 5], [s, 1.0, 2.0])
    np.put_along_axis(x, np.argmax(x, axis=1, keepdims=True), 0.0, axis=1)
    return x, y


RULES = [f for f in list(globals().values()) if getattr(f, "__code__", None) and f.__code__.co_varnames[:2] == ("x", "s")]


@pytest.mark.parametrize("s", [1.5, -0.5])
@pytest.mark.parametrize("f", RULES, ids=lambda f: f.__name__)
def test_rule(f, s):
    args = [np.random.default_rng(4).normal(size=(3, 4)), s]
    expected, after = native(f, args)
    for got, mine in (taped(f, args), native(wg.jit(f), args)):
        same(got, expected)
        same(tuple(mine), tuple(after))


def check_refusals_of_numpy(f, error, *args):
    """NumPy's own error, taped and compiled."""
    for run in (f, wg.jit(f), lambda *args: wg.value_and_grad(f)(*args)):
        with pytest.raises(error):
            run(*copy.deepcopy(args))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x[x > 0] = np.ones((2, 2))", (TypeError, ValueError)),
        ("x[x > 0] = np.arange(5.0)", ValueError),
        ("x[0, x[0] > 0] += np.arange(7.0)", ValueError),
        ("x[x[0] > 0] = 1.0", IndexError),
        ("x[x > 9].max()", ValueError),
        ("x[x > 9][0]", IndexError),
        ("np.lib.stride_tricks.sliding_window_view(x, (2, 2))[0] = 1.0", ValueError),
        ("np.lib.stride_tricks.sliding_window_view(x, 2, axis=0)[0, 0, 0] = 1.0", ValueError),
        ("np.lib.stride_tricks.sliding_window_view(x, 5, axis=0)", ValueError),
        ("np.lib.stride_tricks.sliding_window_view(x, 2)", ValueError),
        ("np.sum(x, axis=0, out=np.zeros(3))", ValueError),
        ("np.sum(x, out=x[0])", ValueError),
        ("np.cumsum(x, axis=0, out=x[:2])", ValueError),
        ("np.dot(x, x.T, out=x)", ValueError),
        ("np.dot(x, np.ones(4), out=np.zeros(3, np.float32))", ValueError),
    ],
)
def test_errors_of_numpy(text, error):
    f = written(f"def f(x):\n    {text}\n    return np.sum(x)\n")
    check_refusals_of_numpy(f, error, np.random.default_rng(4).normal(size=(3, 4)))


def test_an_array_full_of_one_number_is_no_constant_of_the_program():
    def f(x):
        a, b, c = np.full((40, 50), -np.inf), np.full(3, [1.0, 2.0, 3.0]), np.full_like(x, fill_value=7)
        a[0, 0], b[0], c[1] = x[0], x[1], x[0]
        return np.max(a), b, c, np.full(2, x[0])

    x = np.array([1.0, 2.0, 3.0])
    compiled = wg.jit(f)
    for got, want in zip(compiled(x), f(x), strict=True):
        np.testing.assert_array_equal(got, want)
    assert len(compiled.lower(x).ir.inputs) == 1
