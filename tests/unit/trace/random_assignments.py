"""Random sequences of assignments, views, in-place functions and aliases, as text; each line has been tried in plain NumPy.

Knows NumPy's indexing, nothing of wengert. Start at `assignments`.
"""

from __future__ import annotations

# ruff: noqa: E501
import random

import numpy as np

HELPERS = """
def bump(v, s):
    v[0] += s
    v *= 0.9
    return v[-1:]

def swap(v, i, j):
    v[i], v[j] = v[j] * 1.0, v[i] * 1.0
"""
SHAPES = {"a": (4,), "b": (3, 4), "m": (2, 3)}


def sample(seed=0):
    """Arguments: three arrays and a number."""
    rng = np.random.default_rng(seed)
    return [*[rng.normal(size=shape) for shape in SHAPES.values()], float(rng.normal())]


class _Writer:
    """Writes one program, and runs what is written on a sample, which tells the shapes."""

    def __init__(self, seed: int, control: bool) -> None:
        self.random, self.control = random.Random(seed), control
        self.lines: list[str] = []
        self.count = 0
        self.space = {"np": np}
        exec(HELPERS, self.space)
        self.space.update(zip([*SHAPES, "s"], sample(), strict=True))
        self.names = list(SHAPES)
        self.raised = None

    def one_of(self, *choices):
        return self.random.choice(choices)

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def name(self) -> str:
        return self.one_of(*self.names)

    def add(self, text: str, makes: str = "") -> None:
        """Write a line, if NumPy takes it; sometimes, if it does not, as the last one."""
        saved = {k: v.copy() for k, v in self.space.items() if isinstance(v, np.ndarray) and v.flags.owndata}
        try:
            with np.errstate(all="ignore"):
                exec(text, self.space)
        except (ValueError, TypeError, IndexError) as error:
            for k, v in saved.items():
                self.space[k][...] = v
            if self.integer(1, 6) == 6:
                self.lines.append(text)
                self.raised = type(error)
            return
        self.lines.append(text)
        found = [*self.names, makes] if makes else self.names
        self.names = [n for n in found if isinstance(self.space[n], np.ndarray) and self.space[n].size and self.space[n].ndim]

    # -- parts ------------------------------------------------------------------------------------------

    def part(self, n: int) -> str:
        """An index along an axis of n elements."""
        i = self.integer(-n, n - 1)
        return self.one_of(
            str(i), f"{self.integer(0, n - 1)}:", f":{-self.integer(0, n - 1) or n}", "::2", "::-1", ":", "1:-1", f"{i}:{i + 2}"
        )

    def basic(self, name: str) -> str:
        shape = self.space[name].shape
        parts = [self.part(n) for n in shape[: self.integer(1, len(shape))]] if shape else ["..."]
        kind = self.integer(1, 8)
        if kind == 1:
            parts.insert(self.integer(0, len(parts)), "None")
        elif kind == 2:
            parts = ["...", *parts[:1]]
        return ", ".join(parts)

    def fancy(self, name: str) -> str:
        n = self.space[name].shape[0] if self.space[name].shape else 1
        several = [self.integer(-n, n - 1) for _ in range(self.integer(1, 4))]
        mask = [bool(self.integer(0, 1)) for _ in range(n)]
        return self.one_of(
            str(several), f"np.array({several})", f"np.array({mask})", f"{several}, 0", f"{name} > 0.2", f"np.abs({name}) < 0.7"
        )

    def index(self, name: str) -> str:
        return self.basic(name) if self.integer(1, 3) < 3 else self.fancy(name)

    def value(self) -> str:
        y = self.name()
        return self.one_of(
            "s", "0.5 * s", "1.5", f"0.5 * {y}", f"np.sin({y})", f"{y}[0] * s", f"{y}[{self.basic(y)}]", f"{y}", f"np.sum({y}) * 0.1",
            f"0.3 * {y}[{self.basic(y)}] + s", "[s, 1.0]", "2", f"{y}.T", f"-{y}[::-1]",
        )  # fmt: skip

    # -- lines ------------------------------------------------------------------------------------------

    def view(self) -> None:
        x, v = self.name(), self.fresh("v")
        size = self.space[x].size
        shape = self.one_of("-1", "(-1, 2)", "(2, -1)", f"({size}, 1)", "(1, -1)")
        self.add(
            f"{v} = "
            + self.one_of(
                f"{x}[{self.basic(x)}]", f"{x}[{self.basic(x)}]", f"{x}.reshape({shape})", f"np.reshape({x}, {shape})", f"{x}.T", f"{x}.ravel()",
                f"{x}.swapaxes(0, -1)", f"np.flip({x})", f"np.flip({x}, 0)", f"{x}[::-1]", f"{x}[None]", f"np.squeeze({x})", f"np.transpose({x})",
                f"{x}.copy()", f"np.atleast_2d({x})", f"np.expand_dims({x}, -1)", f"np.moveaxis({x}, 0, -1)", f"{x}", f"np.asarray({x})",
                f"np.array({x})", f"np.split({x}, 2)[1]", f"np.array_split({x}, 2)[0]", f"{x} * 1.0", f"{x}[[0, -1, 0]]",
                f"np.rot90({x})" , f"np.fliplr({x})", f"{x}.flatten()", f"np.zeros_like({x})", "np.zeros(3)", "np.ones((2, 3), np.float32)",
                "np.arange(4)", f"{x}.astype(np.float32)", f"bump({x}, s)", f"np.ascontiguousarray({x})", f"{x}.squeeze()", f"{x}.transpose()",
            ),
            v,
        )  # fmt: skip

    def assign(self) -> None:
        x = self.name()
        self.add(f"{x}[{self.index(x)}] = {self.value()}")

    def augment(self) -> None:
        x = self.name()
        place = x if self.integer(1, 3) == 1 else f"{x}[{self.index(x)}]"
        operator = self.one_of("+=", "-=", "*=", "+=", "/=")
        value = f"1.5 + np.cos({self.value()})" if operator == "/=" else self.value()
        self.add(f"{place} {operator} {value}")

    def write(self) -> None:
        x, y, z = self.name(), self.name(), self.name()
        w = f"{z}[{self.basic(z)}]"
        self.add(
            self.one_of(
                f"np.add({x}, {y}, out={z})", f"np.multiply({x}, 0.5, out={x})", f"np.sin({x}, out={x})", f"np.multiply({x}, s, {x})",
                f"np.subtract({x}, {y}, out={w})", f"np.tanh({x}, out={x}, where={x} > 0)", f"np.add.at({x}, {self.fancy(x)}, s)",
                f"np.multiply.at({x}, [0, 0], 0.5 * s)", f"np.copyto({x}, {y})", f"np.put({x}, [0, 2, 0], [s, 2.0, 3.0])", f"{x}.fill(s)",
                f"np.fill_diagonal({x}, s)", f"swap({x}, 0, -1)", f"bump({x}, s)", f"np.maximum({x}, {y}, out={x})", f"np.copyto({x}, s)",
                f"{x}[...] = np.cumsum({x}).reshape({x}.shape)", f"np.dot({x}, {y}, out={z})", f"np.sum({x}, axis=0, out={w})",
                f"np.subtract.at({x}, [1, 1, 0], {y}[0])", f"np.putmask({x}, {x} > 0.1, s)", f"np.clip({x}, -0.5, 0.5, out={x})",
                f"np.cumsum({x}, out={z})", f"{x}[0], {y}[-1] = s, {x}[1]", f"{x} = {y} = {z}[::-1]", f"np.exp(-{x} * {x}, out={z})",
            )
        )  # fmt: skip

    def flow(self) -> None:
        """Assignments in branches and loops that depend on traced numbers."""
        x, y = self.name(), self.name()
        inner = self.one_of(
            f"{x}[{self.basic(x)}] = {self.value()}", f"{x}[0] += s * {y}[-1]", f"{x} *= 0.9", f"np.sin({x}, out={x})",
            f"{x}[{self.index(x)}] *= 0.7", f"bump({x}, s)", f"w = {x}[1:]; w += s",
        )  # fmt: skip
        test = self.one_of("s > 0", f"np.sum({y}) > 0.3", f"{y}.flat[0] < s")
        self.add(
            self.one_of(
                f"if {test}: {inner}",
                f"for i in range(3): {inner}",
                f"for i in range(int(abs(s) * 4) % 5): {inner}",
                f"for i in range(1, {x}.shape[0]): {x}[i] = 0.5 * {x}[i - 1] + s",
                f"for i in range({x}.shape[0] - 1, -1, -1): {x}[i] *= {y}[i % {y}.shape[0]] if {y}.ndim == 1 else 0.5",
                f"for row in {x}: row *= 0.9",
                f"for i, row in enumerate({x}): row[...] = row[::-1] + i",
                f"k = 0\nwhile k < 4 and {x}.flat[0] < 1.5:\n    {inner}\n    k += 1",
            )
        )

    def run(self) -> None:
        kinds = [self.view, self.view, self.assign, self.augment, self.write] + ([self.flow] * 2 if self.control else [])
        for _ in range(self.integer(2, 9)):
            self.one_of(*kinds)()
            if self.raised is not None:
                return


def assignments(seed: int, control: bool = False) -> tuple[str, type[Exception] | None]:
    """The text of f(a, b, m, s), which returns all arrays that it has named; and what NumPy raises, if it does."""
    writer = _Writer(seed, control)
    writer.run()
    body = [line for text in writer.lines for line in text.split("\n")]
    text = HELPERS + "\ndef f(a, b, m, s):\n" + "".join([f"    {line}\n" for line in body]) + f"    return {', '.join(writer.names)}\n"
    return text, writer.raised
