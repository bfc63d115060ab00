"""Random nests of loops over arrays that are written in places: compiled by jit they are what they are taped, in all derivatives.

A program is Python text, so that a counterexample can be copied out and run. WENGERT_EXAMPLES sets how many are tried, and then they are
new ones in each run. Arrays are larger than what lives in registers; with a limit of 1 element everything is in memory.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import wengert as wg
from tests.unit.trace.written import written
from wengert.codegen import schedule

EXAMPLES = int(os.environ.get("WENGERT_EXAMPLES", "15"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="WENGERT_EXAMPLES" not in os.environ,
    database=None,
    phases=[Phase.generate],  # each step of shrinking would compile three programs
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TOLERANCE = 1e-10  # of the largest element: sums are added in another order

# Two numbers, or rows, or arrays become one; nothing grows.
PAIRS = (
    "{a} * {b} / (1 + {b} * {b})",
    "0.6 * {a} - 0.5 * {b}",
    "np.sin({a} + {b})",
    "{a} * np.cos({b})",
    "0.7 * {a} + 0.2",
    "np.where({a} > 0.1237, {b}, 0.9 * {a})",
    "{b} * 1.0",
    "{a} / (1.5 + np.tanh({b}))",
)


class _Writer:
    """Writes one program over the arrays m and w of n rows, the vector v and the number s.

    `functional`: by `wg.loop`, `wg.cond` and `.at`, with the state handed on; else in plain Python.
    """

    def __init__(self, draw, functional, rows, columns):
        self.draw, self.functional, self.rows, self.columns = draw, functional, rows, columns
        self.lines, self.count, self.room, self.helper = [], 0, 12, False

    def one_of(self, *choices):
        return self.draw(st.sampled_from(choices))

    def line(self, depth, text):
        self.lines.append("    " * depth + text)

    def fresh(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    # -- what is read ----------------------------------------------------------------------------

    def at(self, indices, bound):
        """An index below `bound`, a few of them known."""
        options = [str(self.draw(st.integers(0, bound - 1)))]
        for i in indices:
            options += [i, i, f"({i} + 1) % {bound}", f"{bound - 1} - {i}"] if bound >= self.rows else [f"{i} % {bound}"]
        if len(indices) > 1:
            options.append(f"({indices[-1]} + {indices[-2]}) % {bound}")
        return self.one_of(*options)

    def row(self, indices, known):
        found = [f"{x}[{self.at(indices, self.rows)}]" for x in ("m", "w", "m", "w", *known["array"])]
        return self.one_of(*found, *known["row"], *known["row"], "np.mean(m, axis=0)", f"v[:{self.columns}]")

    def array(self, known):
        return self.one_of("m", "w", *known["array"], "m[::-1]", f"np.reshape(v, ({self.rows}, {self.columns}))", "(m + w)")

    def number(self, indices, known):
        n, c = self.rows, self.columns
        x = self.one_of("m", "w", *known["array"])
        return self.one_of(
            "s", *known["number"], f"{x}[{self.at(indices, n)}, {self.at(indices, c)}]", f"v[{self.at(indices, n * c)}]",
            f"np.sum({x}[{self.at(indices, n)}]) * 0.2", f"np.dot(m[{self.at(indices, n)}], w[{self.at(indices, n)}]) * 0.2",
        )  # fmt: skip

    def pair(self, a, b):
        return self.one_of(*PAIRS).format(a=a, b=b)

    # -- statements -------------------------------------------------------------------------------

    def write(self, depth, name, index, value, change="set"):
        if self.functional:
            self.line(depth, f"{name} = {name}.at[{index}].{change}({value})")
        else:
            self.line(depth, f"{name}[{index}] {'+=' if change == 'add' else '='} {value}")

    def block(self, depth, indices, known):
        known = {kind: list(names) for kind, names in known.items()}
        for _ in range(self.draw(st.integers(1, 4))):
            self.statement(depth, indices, known)

    def statement(self, depth, indices, known):
        kinds = ["row", "row", "row", "element", "part", "number", "hold", "swap", "whole"]
        if self.room > 0 and depth < 6:
            kinds += ["loop"] * (3 if len(indices) < 3 else 0) + ["branch"]
        if self.helper and depth == 1:
            kinds += ["call"] * 4
        self.room -= 1
        getattr(self, "_" + self.one_of(*kinds))(depth, indices, known)

    def _row(self, depth, indices, known):
        change = self.one_of("set", "set", "add")
        value = self.pair(self.row(indices, known), self.one_of(self.row(indices, known), self.number(indices, known)))
        self.write(depth, self.one_of("m", "w"), self.at(indices, self.rows), value if change == "set" else f"0.2 * ({value})", change)

    def _element(self, depth, indices, known):
        value = self.pair(self.number(indices, known), self.number(indices, known))
        if self.one_of(True, False):
            self.write(depth, self.one_of("m", "w"), f"{self.at(indices, self.rows)}, {self.at(indices, self.columns)}", value)
        else:
            self.write(depth, "v", self.at(indices, self.rows * self.columns), value, self.one_of("set", "add"))

    def _part(self, depth, indices, known):
        i, c = self.at(indices, self.rows), self.columns
        name, other = self.one_of("m", "w"), self.one_of("m", "w", *known["array"])
        if self.one_of(True, False):
            self.write(depth, name, f"{i}, 1:{c - 1}", self.pair(f"{other}[{self.at(indices, self.rows)}, 2:]", f"{name}[{i}, :{c - 2}]"))
        else:
            j = self.at(indices, c)
            self.write(depth, name, f":, {j}", self.pair(f"{name}[:, {self.at(indices, c)}]", f"{other}[:, {self.at(indices, c)}]"))

    def _number(self, depth, indices, known):
        if self.one_of(True, False):
            self.line(depth, f"s = {self.pair(self.number(indices, known), self.number(indices, known))}")
        else:
            self.line(depth, f"s = 0.9 * s + 0.1 * {self.number(indices, known)}")

    def _hold(self, depth, indices, known):
        """A value that is read again after what it was made of was written."""
        kind = self.one_of("row", "row", "array", "number")
        name = self.fresh(kind[0])
        if kind == "row":
            value = self.pair(self.row(indices, known), self.row(indices, known))
        elif kind == "array":
            value = self.pair(self.array(known), self.array(known))
        else:
            value = self.pair(self.number(indices, known), self.number(indices, known))
        self.line(depth, f"{name} = {value}")
        known[kind].append(name)

    def _swap(self, depth, indices, known):
        i, j, k = self.at(indices, self.rows), self.at(indices, self.rows), self.at(indices, self.columns)
        kind = self.one_of("rows", "elements", "arrays", "between")
        if kind == "arrays":
            self.line(depth, "m, w = w, m")
        elif kind == "rows" and not self.functional:
            self.line(depth, f"m[{i}], m[{j}] = m[{j}] * 1.0, m[{i}] * 1.0")
        elif kind == "between" and not self.functional:
            self.line(depth, f"m[{i}], w[{j}] = w[{j}] * 1.0, m[{i}] * 1.0")
        elif kind == "elements" and not self.functional:
            self.line(depth, f"m[{i}, {k}], v[{j}] = v[{j}], m[{i}, {k}]")
        else:
            self.line(depth, f"m, w = m.at[{i}].set(w[{j}]), w.at[{j}].set(m[{i}])")

    def _whole(self, depth, indices, known):
        if self.one_of(True, False, False):
            self.line(depth, f"v = np.ravel({self.pair(self.array(known), self.array(known))})")
        else:
            self.line(depth, f"{self.one_of('m', 'w')} = {self.pair(self.array(known), self.array(known))}")

    def _loop(self, depth, indices, known):
        i = self.fresh("i")
        stop = self.one_of(str(self.rows), str(self.rows), *indices, *[f"{j} + 1" for j in indices if not self.functional])
        first = self.one_of("0", "0", "1")
        if not self.functional:
            items = self.one_of(f"range({first}, {stop})", f"range({first}, {stop})", f"range({self.rows - 1}, -1, -1)")
            self.line(depth, f"for {i} in {items}:")
            self.block(depth + 1, [*indices, i], known)
            return
        body = self.fresh("body")
        self.line(depth, f"def {body}({i}, state):")
        self.line(depth + 1, "m, w, v, s = state")
        self.block(depth + 1, [*indices, i], known)
        self.line(depth + 1, "return m, w, v, s")
        self.line(depth, f"m, w, v, s = wg.loop({first}, {stop}, {body}, (m, w, v, s))")

    def _branch(self, depth, indices, known):
        test = f"{self.number(indices, known)} > {self.number(indices, known)} - 0.1"
        if indices and self.one_of(True, False):
            test = f"({' + '.join(indices)}) % 2 == 0"
        if not self.functional:
            self.line(depth, f"if {test}:")
            self.block(depth + 1, indices, known)
            if self.one_of(True, False):
                self.line(depth, "else:")
                self.block(depth + 1, indices, known)
            return
        names = [self.fresh("branch"), self.fresh("branch")]
        for name in names:
            self.line(depth, f"def {name}(m, w, v, s):")
            self.block(depth + 1, indices, known)
            self.line(depth + 1, "return m, w, v, s")
        self.line(depth, f"m, w, v, s = wg.cond({test}, {', '.join(names)}, m, w, v, s)")

    def _call(self, depth, indices, known):
        self.line(depth, f"m, w, v, s = helper({self.one_of('m, w', 'w, m', 'm, m', 'm, m + w')}, v, s)")


@st.composite
def programs(draw):
    """The text of a function f(a) of an array, and the shape of a."""
    rows, columns = draw(st.sampled_from(((3, 6), (4, 5), (3, 8), (4, 15))))
    writer = _Writer(draw, draw(st.booleans()), rows, columns)
    nothing = {"row": [], "array": [], "number": []}
    if writer.functional and draw(st.booleans()):
        writer.line(0, "@wg.jit")
        writer.line(0, "def helper(m, w, v, s):")
        writer.block(1, [], nothing)
        writer.line(1, "return m, w, v, s")
        writer.helper, writer.room = True, 8
    writer.line(0, "def f(a):")
    for text in ("m = a * 1.0", "w = np.sin(a[::-1])", "v = np.ravel(a) * 0.8", "s = a[0, 0] * 0.5"):
        writer.line(1, text)
    writer.block(1, [], nothing)
    writer._loop(1, [], nothing)
    if draw(st.booleans()):
        writer.block(1, [], nothing)
    writer.line(1, "return np.sum(m * np.cos(m)) + np.sum(w * w) + np.sum(np.sin(v)) + s")
    return "\n".join(writer.lines) + "\n", (rows, columns)


def close(name, got, wanted):
    scale = max(1.0, float(np.max(np.abs(wanted))))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE * scale, err_msg=name)


def agree(text, shape):
    """Value, gradient and gradients of lanes: compiled and taped."""
    f = written(text, wg=wg)
    lanes = np.random.default_rng(0).uniform(-1.0, 1.0, (3, *shape)).round(3)
    values, wanted = [np.stack(part) for part in zip(*[wg.value_and_grad(f)(x) for x in lanes], strict=True)]
    if not np.all(np.isfinite(values)) or not np.max(np.abs(wanted)) <= 1e6:
        return  # too near a pole to compare
    close("value", wg.jit(f)(lanes[0]), values[0])
    close("gradient", wg.jit(wg.grad(f))(lanes[0]), wanted[0])
    close("gradient of lanes", wg.jit(wg.vmap(wg.grad(f)))(lanes), wanted)


in_memory = pytest.mark.parametrize("limit", [schedule.SMALL, 1])


@in_memory
def test_compiled_is_taped(limit, monkeypatch):
    monkeypatch.setattr(schedule.schedule, "__defaults__", (limit,))

    @SETTINGS
    @given(programs())
    def check(program):
        agree(*program)

    check()


# Written by an outer loop and again by an inner one, whose way back ends in memory that is still to be read.
NESTED = """
def f(a):
    m = a * 1.0
    for i in range(3):
        m[i] = m[i] * 1.1
        for j in range(3):
            m[j] = m[i] * m[j]
    return np.sum(m)
"""

# One side makes a new array, the other assigns into that which is there.
EITHER = """
def f(a):
    w = np.sin(a)
    rows = [np.cos(a), a * 1.0]
    for i in range(3):
        if a[i, 0] > 0.1:
            w = w * rows[1]
        else:
            w[i] = rows[1][1] + w[0]
            rows[1][0] = 0.5 * w[2]
    return np.sum(w * w) + np.sum(rows[1] * rows[1] * rows[0])
"""


# The loop adds to an array that is another, seen in another shape, of which the derivative is made.
VIEWED = """
def f(a):
    m = a * a / (1 + a * a)
    v = np.ravel(m)

    def body(i, v):
        return v.at[i].add(np.dot(a[i], a[i]))

    v = wg.loop(0, 3, body, v)
    return np.sum(m * m) + np.sum(np.sin(v))
"""

# A branch hands on an array, and the other side changes it, before loops that change it too.
BRANCHES = """
def f(a):
    def row(i, state):
        def some(m, w, v, s):
            def change(m, w, v, s):
                w = w.at[(i + 1) % 3].set(m[0] * w[2 - i] / (1 + w[2 - i] * w[2 - i]))
                return m, w, v, s

            def column(j, state):
                def element(k, state):
                    m, w, v, s = state
                    m = m.at[(k + j) % 3].set(0.7 * m[2 - j] + 0.2)
                    return m, w, v, s

                return wg.loop(0, i, element, state)

            state = wg.cond(i % 2 == 0, lambda *state: state, change, m, w, v, s)
            return wg.loop(0, i, column, state)

        m, w, v, s = state
        return wg.cond(np.dot(m[0], w[2 - i]) * 0.2 > v[17 - i] - 0.1, some, lambda *state: state, *state)

    m, w, v, s = wg.loop(1, 3, row, (a * 1.0, np.sin(a[::-1]), np.ravel(a) * 0.8, a[0, 0] * 0.5))
    return np.sum(m * np.cos(m)) + np.sum(w * w) + np.sum(np.sin(v)) + s
"""


@in_memory
@pytest.mark.parametrize("text", [NESTED, EITHER, VIEWED, BRANCHES], ids=["nested", "either", "viewed", "branches"])
def test_overwritten(text, limit, monkeypatch):
    monkeypatch.setattr(schedule.schedule, "__defaults__", (limit,))
    agree(text, (3, 6))
