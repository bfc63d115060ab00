"""What a compiled function sees besides its arguments is read when it is called, never a stale result."""

import functools
import types

import numpy as np
import pytest

import wengert as wg

X = np.arange(1.0, 4.0)
W = np.ones(3)
SCALE = 2.0
TABLE = {"w": [np.ones(3), np.ones(3)], "k": 1.0}
runs = []


def helper(x):
    return np.sum(W * x) * SCALE


def programs(j):
    return int(j.explain_recompiles().split(": ")[1].split()[0])


@pytest.fixture(autouse=True)
def _restore():
    global W, SCALE, helper
    kept = helper
    yield
    W, SCALE, helper = np.ones(3), 2.0, kept
    TABLE.update({"w": [np.ones(3), np.ones(3)], "k": 1.0})


def test_nothing_seen_means_nothing_to_check():
    j = wg.jit(lambda x: np.sum(np.sin(x)) + len("abc"))
    j(X)
    (entry,) = j._entries.values()
    assert entry.specialisations[0].surroundings.places == []


def test_globals_of_the_function_and_of_its_helpers():
    global W, SCALE
    j = wg.jit(lambda x: helper(x) + W[0])
    assert j(X) == 13.0
    W[0] = 5.0
    assert j(X) == helper(X) + 5.0
    W = np.zeros(3)
    assert j(X) == 0.0
    assert programs(j) == 1  # arrays are data
    SCALE = 3.0
    W = np.ones(3)
    assert j(X) == 19.0
    assert programs(j) == 2 and "SCALE was 2.0 and is now 3.0" in j.explain_recompiles()
    SCALE = 2.0
    assert j(X) == 13.0 and programs(j) == 2  # the earlier program holds again
    W = np.ones(1)
    assert j(X) == 13.0
    assert programs(j) == 3 and "W was float64[3] and is now float64[1]" in j.explain_recompiles()


def test_a_helper_defined_again():
    global helper
    j = wg.jit(lambda x: helper(x))
    assert j(X) == 12.0
    helper = lambda x: x[0]
    assert j(X) == 1.0


def test_cells_defaults_and_containers():
    w, box = np.ones(3), [np.ones(3), {"b": (np.zeros(3), 2.0)}]
    d = np.ones(3)

    def f(x, d=d):
        return np.sum(w * x) + np.sum(box[0] * d) + np.sum(box[1]["b"][0]) * box[1]["b"][1]

    j = wg.jit(f)
    check = lambda: np.testing.assert_allclose(j(X), f(X))
    check()
    w[:] = 3.0
    check()
    w = np.zeros(3)
    check()
    box[0] = X
    check()
    box[1]["b"][0][:] = 1.0
    check()
    d[:] = 0.5
    check()
    assert programs(j) == 1
    box[1] = {"b": (np.ones(3), 4.0)}
    check()
    assert programs(j) == 2
    box.append(1)
    check()
    f.__defaults__ = (X,)
    check()


def test_partial_arguments():
    w = np.ones(3)
    j = wg.jit(functools.partial(lambda w, x, k: np.sum(w * x) * k, w, k=2.0))
    assert j(X) == 12.0
    w[:] = 2.0
    assert j(X) == 24.0 and programs(j) == 1


class Layer:
    def __init__(self, w):
        self.w = w

    def apply(self, x):
        return self.w * x * SCALE


class Model:
    offset = np.zeros(3)

    def __init__(self):
        self.first, self.layers, self.k = Layer(np.ones(3)), [Layer(np.ones(3)), Layer(np.ones(3))], 1.0

    def plain(self, x):
        for layer in self.layers:
            x = layer.apply(x)
        return np.sum(self.first.apply(x) + self.offset) * self.k

    @wg.jit
    def method(self, x):
        return self.plain(x)

    @wg.jit
    def __call__(self, x):
        return self.method(x)

    @wg.jit
    def branch(self, x):
        return x * 2 if self.first.w[0] > 0 else x * 3

    @property
    def total(self):
        return self.first.w.sum()

    @wg.jit
    def by_property(self, x):
        return self.total * x


@pytest.mark.parametrize("way", ["bound", "method", "call", "argument", "outer"])
def test_attributes_several_levels_deep(way):
    global SCALE
    m = Model()
    outer = wg.jit(lambda x: m.method(x) * 1.0)
    by_argument = wg.jit(lambda m, x: m.plain(x))
    bound = wg.jit(m.plain)
    call = {"bound": bound, "method": m.method, "call": m, "argument": lambda x: by_argument(m, x), "outer": outer}[way]
    check = lambda: np.testing.assert_allclose(call(X), m.plain(X))
    check()
    m.first.w[:] = 3.0
    check()
    m.layers[0].w = X
    check()
    m.layers[1] = Layer(X)
    check()
    m.k = 5.0
    check()
    SCALE = 1.5
    check()
    m.layers.append(Layer(X))
    check()
    m.offset = np.ones(3)
    check()
    np.testing.assert_allclose(wg.grad(call)(X), wg.grad(m.plain)(X))
    m.first = Layer(np.array([1.0, 0.0, 2.0]))
    check()


def test_instances_share_a_method_and_not_its_values():
    a, b = Model(), Model()
    b.k = 3.0
    b.first.w[:] = 2.0
    assert (a.method(X), b.method(X), a.method(X)) == (a.plain(X), b.plain(X), a.plain(X))
    assert a.method == a.method and a.method != b.method
    assert "programs" in a.method.explain_recompiles() and len(a.method.lower(X).ir.equations) > 2


def test_a_property_and_a_branch_on_an_array():
    m = Model()
    assert m.branch(1.0) == 2.0 and m.by_property(1.0) == 3.0
    m.first.w[0] = -1.0
    assert m.branch(1.0) == 3.0 and m.by_property(1.0) == 1.0
    m.first.w = np.array([4.0, 0.0, 0.0])
    assert m.branch(1.0) == 2.0 and m.by_property(1.0) == 4.0


def test_the_objects_are_left_as_they_are():
    m = Model()
    before = dict(vars(m)), list(m.layers)
    m.method(X)
    assert dict(vars(m)) == before[0] and m.layers == before[1]
    assert all(type(layer.w) is np.ndarray for layer in m.layers)


def test_what_only_a_library_can_do_with_the_array():
    matrix = np.eye(3)
    f = lambda x: x * float(matrix[0, 0]) + np.unique(matrix).size
    j = wg.jit(f)
    assert j(1.0) == f(1.0)
    matrix[0, 0] = 3.0
    assert j(1.0) == f(1.0)
    matrix[0, 1] = 9.0
    assert j(1.0) == f(1.0)
    assert "the values in matrix have changed" in j.explain_recompiles()


def test_computed_from_the_array_while_tracing():
    w = np.ones(3)
    f = lambda x: x * w.sum() * np.linalg.norm(w)
    j = wg.jit(f)
    for value in (1.0, 2.0, 5.0):
        w[:] = value
        np.testing.assert_allclose(j(2.0), f(2.0))
    assert programs(j) == 1


def test_slots_classes_and_sets():
    class Slotted:
        __slots__ = ("w",)

    class Config:
        w = np.ones(3)
        k = 2.0

    s, names = Slotted(), {"a"}
    s.w = np.ones(3)
    f = lambda x: np.sum(x * s.w * Config.w) * Config.k + len(names)
    j = wg.jit(f)
    for change in (lambda: s.w.fill(2), lambda: Config.w.fill(3), lambda: setattr(Config, "k", 5.0), lambda: names.add("b"), lambda: None):
        assert j(X) == f(X)
        change()
    assert j(X) == f(X)


def test_modules_of_the_user():
    settings = types.ModuleType("settings_of_the_user")
    settings.w, settings.k = np.ones(3), 2.0
    f = lambda x: np.sum(settings.w * x) * settings.k
    j = wg.jit(f)
    assert j(X) == f(X)
    settings.w = X
    assert j(X) == f(X) and programs(j) == 1
    settings.k = 1.0
    assert j(X) == f(X)


def test_the_same_array_by_two_names():
    a = np.ones(3)
    b = a
    f = lambda x: np.sum(a * x) + np.sum(b)
    j = wg.jit(f)
    assert j(X) == f(X)
    a[:] = 2.0
    assert j(X) == f(X)
    b = np.zeros(3)
    assert j(X) == f(X)


def test_what_the_function_changes_itself_is_no_guard():
    count, log = 0, []

    def f(x):
        nonlocal count
        count += 1
        log.append(count)
        return x * 2

    j = wg.jit(f)
    for _ in range(3):
        assert j(1.0) == 2.0
    assert count == 1 and log == [1]


def test_custom_rules_and_transformations_are_looked_through():
    w = np.ones(3)

    @wg.custom_jvp
    def ruled(x):
        return np.sum(w * x)

    ruled.defjvp(lambda primals, tangents: (ruled(*primals), 2 * np.sum(w * tangents[0])))
    value, gradient, both = wg.jit(lambda x: ruled(x)), wg.jit(wg.grad(ruled)), wg.jit(wg.vmap(wg.grad(lambda x: np.sum(w * x**2))))
    for scale in (1.0, 3.0):
        w[:] = scale
        assert value(X) == scale * 6
        np.testing.assert_array_equal(gradient(X), np.full(3, 2 * scale))
        np.testing.assert_array_equal(wg.grad(value)(X), np.full(3, 2 * scale))
        np.testing.assert_array_equal(both(X[None])[0], 2 * scale * X)


def test_a_compiled_function_inside_another():
    w, flag = np.ones(3), [True]
    inner = wg.jit(lambda x: np.sum(w * x) if flag[0] else np.sum(x))
    outer = wg.jit(lambda x: inner(x) * 2)
    assert outer(X) == 12.0
    w[:] = 2.0
    assert outer(X) == 24.0 and wg.grad(outer)(X).tolist() == [4.0] * 3
    flag[0] = False
    assert outer(X) == 12.0


def test_a_closure_over_a_traced_value():
    def loss(w):
        return wg.jit(lambda x: np.sum(w * x))(X)

    np.testing.assert_array_equal(wg.grad(loss)(W), X)
    np.testing.assert_array_equal(wg.jit(wg.grad(loss))(W), X)
    assert wg.grad(lambda a: wg.jit(lambda x: x * a if a > 0 else x)(3.0))(2.0) == 3.0


def test_large_constants_are_passed_not_written():
    big = wg.jit(lambda x: np.sum(x * np.arange(1e5)))
    assert big(2.0) == 9999900000.0
    assert len(big.lower(2.0).ir.inputs) == 2
    for n in (3.0, 1000.0):  # so that calls are native: the program needs no more than its arguments
        assert len(wg.jit(lambda x, n=n: x * np.arange(n)).lower(2.0).ir.inputs) == 1


def test_a_number_that_changes_at_every_call_stops_compiling():
    rate = 0.0
    j = wg.jit(lambda x: x * np.full(3, rate))
    functions = set()
    for k in range(20):
        rate = float(k)
        np.testing.assert_array_equal(j(1.0), np.full(3, float(k)))
        functions.add(j.lower(1.0).ir)
    assert len(functions) <= 12  # from then on the number is data


def test_weak_list_of_roots():
    class Callable:
        def __init__(self):
            self.w = np.ones(3)

        def __call__(self, x):
            return np.sum(self.w * x)

    c = Callable()
    j = wg.jit(c)
    assert j(X) == 6.0
    c.w = X
    assert j(X) == 14.0 and programs(j) == 1
