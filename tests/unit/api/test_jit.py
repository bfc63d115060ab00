"""jit as a function of arguments: signatures, static and traced ones, results, errors."""

import collections
import dataclasses
import functools
import pickle
import threading
import time

import numpy as np
import pytest

import wengert as wg
from tests.unit.trace.written import unwritten
from wengert.errors import AbstractValueError, ArgumentError, TraceError, TreeError

from .messages import refused

X = np.arange(1.0, 4.0)
runs = []


@wg.jit
def counted(x):
    runs.append(x.shape)
    return np.sum(np.sin(x) ** 2)


@wg.jit
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@dataclasses.dataclass
class Pair:
    a: float
    b: np.ndarray


Named = collections.namedtuple("Named", "a b")


def test_traced_once_a_signature():
    counted.clear()
    runs.clear()
    for _ in range(3):
        np.testing.assert_allclose(counted(X), np.sum(np.sin(X) ** 2))
    assert len(runs) == 1
    counted(np.ones(2))
    wg.grad(counted)(X)
    wg.jit(wg.grad(counted))(X)
    assert len(runs) == 2


@pytest.mark.parametrize("make", [lambda f: wg.jit(f), lambda f: wg.jit(static_argnums=())(f), lambda f: wg.jit(wg.jit(f))])
def test_spellings(make):
    np.testing.assert_array_equal(make(lambda x: x * 2)(X), X * 2)


@pytest.mark.parametrize(
    "f",
    [np.sin, functools.partial(np.multiply, X), lambda x: np.stack([x, x]), lambda x: {"a": [x, x[0]], "b": np.arange(2)}],
    ids=["ufunc", "partial", "stacked", "containers"],
)
def test_values(f):
    got, expected = wg.jit(f)(X), f(X)
    if isinstance(expected, dict):
        assert list(got) == list(expected) and isinstance(got["a"], list)
        got, expected = [*got["a"], got["b"]], [*expected["a"], expected["b"]]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b)
        assert a.dtype == b.dtype


def test_containers_are_rebuilt():
    swap = wg.jit(lambda p: Named(p.b, p.a))(Named(1.0, 2))
    assert swap == Named(2, 1.0) and isinstance(swap, Named)
    pair = wg.jit(lambda p: Pair(p.a * 2, p.b))(Pair(1.0, X))
    assert isinstance(pair, Pair) and pair.a == 2.0
    assert wg.jit(lambda x: None)(X) is None
    assert wg.jit(lambda x: ())(X) == ()


def test_results_are_fresh():
    out = wg.jit(lambda x: x)(X)
    assert out is not X and not np.shares_memory(out, X)
    f = wg.jit(lambda x: (x, x, np.ones(3)))
    first, second, third = f(X)
    first[:] = second[:] = third[:] = 7.0
    np.testing.assert_array_equal(X, [1, 2, 3])
    np.testing.assert_array_equal(f(X)[2], np.ones(3))


def test_scalars():
    out = wg.jit(lambda x: x * 2)(3.0)
    assert isinstance(out, np.float64) and out == 6.0
    assert isinstance(wg.jit(lambda x: x * 2)(3), np.int64)
    assert isinstance(wg.jit(lambda x: x > 1)(3), np.bool_)


def test_python_numbers_give_way_in_promotion():
    f = wg.jit(lambda s, a: s * a)
    assert f(2.0, np.ones(2, np.float32)).dtype == np.float32
    assert f(np.float64(2.0), np.ones(2, np.float32)).dtype == np.float64
    assert f(2, np.ones(2, np.int8)).dtype == np.int8
    inner = wg.jit(lambda t: t * 2)
    assert wg.jit(lambda s: inner(s) * np.ones(2, np.float32))(2.0).dtype == np.float32


def test_integers_become_static_where_their_value_is_needed():
    seen = []

    @wg.jit
    def power(x, n, twice=True):
        seen.append(type(n))
        for _ in range(n):
            x = x * 2.0 if twice else x
        return x + np.zeros(n + 1)

    np.testing.assert_array_equal(power(1.0, 3), np.full(4, 8.0))
    np.testing.assert_array_equal(power(1.0, 2, twice=False), np.ones(3))
    before = len(seen)
    np.testing.assert_array_equal(power(5.0, 3), np.full(4, 40.0))
    assert len(seen) == before and seen[-1] is int
    assert "an integer whose value the program depends on" not in power.explain_recompiles().splitlines()[3]


def test_integers_are_data_otherwise():
    f = wg.jit(lambda x, i: x[i] * i)
    assert [f(X, i) for i in (0, 2, -1)] == [0.0, 6.0, -3.0]
    assert f.explain_recompiles().count("compared with") == 0


def test_recursion_on_a_static_integer():
    assert [fibonacci(n) for n in (1, 2, 12)] == [1, 1, 144]


def test_static_arguments():
    f = wg.jit(lambda g, x, mode=None: g(x) if mode == "g" else x)
    np.testing.assert_array_equal(f(np.sqrt, X, mode="g"), np.sqrt(X))
    np.testing.assert_array_equal(f(np.sqrt, X, mode="no"), X)
    by_name = wg.jit(lambda x, n: x**n, static_argnames="n")
    by_number = wg.jit(lambda x, n: x**n, static_argnums=-1)
    assert by_name(2.0, 3) == by_name(2.0, n=3) == by_number(2.0, 3) == by_number(2.0, n=3) == 8.0
    zero = wg.jit(lambda x, s: np.copysign(x, s), static_argnums=1)
    assert zero(1.0, 0.0) == 1.0 and zero(1.0, -0.0) == -1.0
    kind = wg.jit(lambda x, s: x if s is True else -x, static_argnums=1)
    assert kind(1.0, True) == 1.0 and kind(1.0, 1) == -1.0


def test_static_objects_are_not_kept_alive():
    import gc
    import weakref

    class Model:
        w = 2.0

    f = wg.jit(lambda m, x: x * m.w)
    model = Model()
    ref = weakref.ref(model)
    assert f(model, 3.0) == 6.0
    del model
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6.0)[::2],
        np.arange(6.0)[::-1],
        np.arange(3.0).astype(">f8"),
        np.frombuffer(b"\0" + np.arange(3.0).tobytes(), np.uint8)[1:].view(np.float64),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.empty((0, 3)),
        np.array(2.0),
        np.arange(3, dtype=np.int8),
        np.ones(2, np.float16),
        np.ones(2, np.longdouble),
        np.array([1 + 2j], np.complex64),
        np.array([True, False]),
    ],
    ids=repr,
)
def test_foreign_memory(x):
    got = wg.jit(lambda x: x + x)(x)
    np.testing.assert_array_equal(got, x + x)
    assert got.dtype == (x + x).dtype and got.shape == x.shape


def test_memmap(tmp_path):
    m = np.memmap(tmp_path / "m", np.float64, "w+", shape=(3,))
    m[:] = X
    out = wg.jit(lambda x: x * 2)(m)
    assert type(out) is np.ndarray
    np.testing.assert_array_equal(out, X * 2)


def test_donated_arguments():
    f = wg.jit(lambda x, y: x + y, donate_argnums=0)
    np.testing.assert_array_equal(f(X.copy(), X), 2 * X)
    y = X.copy()
    np.testing.assert_array_equal(f(y, y), 2 * X)
    frozen = X.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(f(frozen, X), 2 * X)
    np.testing.assert_array_equal(frozen, X)


def test_into():
    f = wg.jit(lambda x: {"a": np.stack([x, x]), "b": x[0]})
    out = {"a": np.empty((2, 6))[:, ::-2], "b": np.empty(())}
    assert f.into(out, X) is out
    np.testing.assert_array_equal(out["a"], [X, X])
    assert out["b"] == 1.0
    x = X.copy()
    wg.jit(lambda x: x[::-1] * 1.0).into(x, x)
    np.testing.assert_array_equal(x, X[::-1])


def test_into_refuses():
    f = wg.jit(lambda x: x)
    frozen = np.empty(3)
    frozen.flags.writeable = False
    for out in (np.empty(2), np.empty(3, np.float32), frozen, 1.0):
        refused(ArgumentError, f.into, out, X, what="cannot be written into out", which="the result is float64[3]")
    with pytest.raises(TreeError):
        f.into((np.empty(3),), X)


# -- errors ------------------------------------------------------------------------------------


def test_a_branch_on_a_traced_value():
    f = lambda x: x**2 if x > 0 else -x
    for x in (3.0, -3.0):
        assert wg.jit(f)(x) == f(x)
        assert wg.jit(wg.grad(f))(x) == wg.grad(wg.jit(f))(x) == (6.0 if x > 0 else -1.0)


def test_a_branch_on_a_traced_value_where_the_text_is_not_seen():
    f = unwritten("f = lambda x: x if x > 0 else -x")
    for g in (wg.jit(f), wg.jit(wg.grad(f))):
        refused(AbstractValueError, g, 1.0, what="a concrete value is needed", why="Under jit", instead="wengert.cond", where=False)


def test_arguments_that_are_no_arguments():
    refused(
        ArgumentError, wg.jit(lambda x, d: x), 1.0, {1, 2}, what="a set cannot be an argument", which="d of <lambda>", instead="dataclass"
    )
    refused(ArgumentError, wg.jit(lambda x: x), np.array([None]), what="dtype object", which="x of <lambda> is object[1]", instead="astype")
    refused(ArgumentError, wg.jit(lambda x: x, static_argnums=0), [1], what="a static argument of <lambda> has no hash", instead="tuple")
    refused(ArgumentError, wg.jit, lambda x: x, static_argnums=2, what="no positional argument 2", which="x")
    refused(ArgumentError, wg.jit, lambda x: x, static_argnames="y", what="no argument 'y'", which="x")
    refused(ArgumentError, wg.jit, lambda x: x, donate_argnums="x", what="donate_argnums are positions")
    refused(TraceError, wg.jit(lambda x: (x, "a")), 1.0, what="returned something that is not a number", which="str: 'a'")
    refused(TraceError, wg.jit(lambda x: x), np.ma.array([1.0]), what="a MaskedArray cannot be traced")
    refused(
        ArgumentError, wg.jit(lambda x: x), [{"a": object.__new__(type("U", (), {"__hash__": None}))}], what="a U cannot be an argument"
    )
    with pytest.raises(TypeError, match="needs a function"):
        wg.jit(3)


def test_an_exception_leaves_nothing_half_made():
    fail = [True]

    def f(x):
        if fail:
            raise OSError("not yet")
        return x * 2

    j = wg.jit(f)
    with pytest.raises(OSError, match="not yet"):
        j(1.0)
    assert "0 programs" in j.explain_recompiles()
    fail.clear()
    assert j(1.0) == 2.0


def test_unbounded_recursion_is_pythons_error():
    @wg.jit
    def forever(x):
        return forever(x)

    with pytest.raises(RecursionError):
        forever(1.0)


# -- as an object --------------------------------------------------------------------------------


def test_manners():
    assert counted.__name__ == "counted" and counted.__wrapped__.__name__ == "counted" and "jit(counted)" in repr(counted)
    assert pickle.loads(pickle.dumps(counted)) is counted
    again = pickle.loads(pickle.dumps(wg.jit(np.sin, static_argnums=(), fastmath=True)))
    assert again(0.5) == np.sin(0.5) and again.options["fastmath"]


def test_threads_compile_once():
    seen = []

    def slow(x):
        seen.append(1)
        time.sleep(0.02)
        return x * 2

    j, results = wg.jit(slow), []
    threads = [threading.Thread(target=lambda: results.append(j(X))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(seen) == 1 and len(results) == 4
    assert all(np.array_equal(r, X * 2) for r in results)


def test_explain_recompiles():
    def f(x, n=0, mode="a"):
        return x * 2 + np.zeros(n)

    j = wg.jit(f)
    j(np.ones(1))
    j(np.ones(2), 2)
    j(np.ones(2, np.float32), 2)
    j(np.ones(3), 3)
    j(3.0, 3)
    j(np.ones(3), 3, "b")
    with wg.config(strong_zero=True):
        j(np.ones(3), 3)
    text = j.explain_recompiles()
    for part in (
        "7 programs",
        "the first call",
        "x was float64[2] and is float32[2]: another dtype",
        "another shape",
        "n was 2 and is 3: an integer whose value the program depends on",
        "strong_zero was False and is True",
        "traced in",
        "(weak)",
    ):
        assert part in text, (part, text)
    j.clear()
    assert "0 programs" in j.explain_recompiles()
    np.testing.assert_array_equal(j(np.ones(2), 2), [2.0, 2.0])


def test_signatures_are_bounded(monkeypatch):
    from wengert.api import compile as room

    monkeypatch.setattr(room, "REMEMBERED", 4)
    f = wg.jit(lambda x, k: x)
    for k in range(10):
        f(1.0, str(k))
    assert len(f._entries) <= 4
    g = wg.jit(lambda x, n: x + np.zeros(n))
    for n in range(10):
        g(1.0, n)
    assert all(len(e.specialisations) <= 4 for e in g._entries.values())


def test_lower_and_cost():
    f = wg.jit(lambda x, y: np.sum(np.exp(x @ y)) + x[0, 0])
    a, b = np.ones((2, 3)), np.ones((3, 4))
    low = f.lower(wg.spec((2, 3)), b)
    assert low.ir.in_types == f.lower(a, b).ir.in_types
    assert "exp" in str(low)
    cost = f.cost(a, b)
    assert (cost.flops, cost.transcendentals, cost.exact) == (2 * 2 * 3 * 4 + 8 + 1, 8, True)
    assert (cost.bytes_read, cost.bytes_written) == (8 * (6 + 12), 8)
    assert not wg.jit(lambda x: wg.while_loop(lambda s: s > 1, lambda s: s / 2, x)).cost(8.0).exact
    assert wg.jit(lambda x: wg.loop(0, 5, lambda i, s: s * x, x)).cost(8.0).flops == 5
    assert "flops" in str(cost)
