"""Random programs of nested loops, branches and jumps over three numbers, as text.

Knows Python's grammar, nothing of wengert. Start at `programs`.
"""

from __future__ import annotations

from hypothesis import strategies as st

NUMBERS = ("0.3", "-0.7", "1.1", "-1.4", "2.0")
VARIABLES = ("x", "y", "z")


class _Writer:
    """Writes one program, line by line. Trips are bounded: a `while` counts, a `range` is short."""

    def __init__(self, draw, late: bool) -> None:
        self.draw, self.lines, self.count, self.room = draw, [], 0, 14
        self.names = [*VARIABLES, *(["t"] if late else [])]

    def one_of(self, *choices):
        return self.draw(st.sampled_from(choices))

    def flip(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def variable(self) -> str:
        return self.one_of(*self.names, *VARIABLES)

    def expression(self) -> str:
        a, b, c = self.variable(), self.variable(), self.variable()
        k = self.one_of(*NUMBERS)
        return self.one_of(
            f"0.7 * {a} - 0.4 * {b} + {k}",
            f"{k} - {a} / (1 + {b} * {b})",
            f"{a} * {b} / (1 + {a} * {a})",
            f"{a} if {self.test()} else {k} * {b}",
            f"abs({a} + {k})",
            f"max({a}, {b} - {k})",
            f"min({a}, {k}) + 0.2 * {c}",
            f"{a} and {b}",
            f"-{a} or {k} * {b}",
            k,
        )

    def test(self) -> str:
        a, b = self.variable(), self.variable()
        k, m = self.one_of(*NUMBERS), self.one_of(*NUMBERS)
        return self.one_of(
            f"{a} > {k}",
            f"{a} < {b}",
            f"{k} < {a} < {m} + {b}",
            f"{a} > {k} and {b} < {m}",
            f"{a} > {k} or {b} <= {m}",
            f"not {a} >= {k}",
            f"({a} < {k}) == ({b} < {m})",
        )

    def items(self, depth: int) -> tuple[str, str]:
        """Target and iterable of a `for`."""
        i = self.fresh("i")
        bound = f"int(abs({self.variable()}) * 2) % 4"
        return self.one_of(
            (i, "range(3)"),
            (i, "range(0)"),
            (i, "range(5, 0, -2)"),
            (i, f"range({bound})"),
            (i, f"range({bound}, -1, -1)"),
            (i, f"range(1, {bound} + 4, 2)"),
            (f"{i}, w", "enumerate((0.5, -1.5, 2.5))"),
            (f"{i}, w", f"zip(range(4), ({self.variable()}, 0.1, {self.variable()}))"),
            (i, "reversed(range(3))"),
        )

    def block(self, depth: int, loops: int) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            if not self.statement(depth, loops):
                return

    def statement(self, depth: int, loops: int) -> bool:
        """One statement; whether others may follow."""
        kinds = ["assign", "assign", "augment"]
        if self.room > 0 and depth < 5:
            kinds += ["if", "if", "if"] + (["for", "while"] if loops < 3 else [])
        if loops:
            kinds += ["break", "continue"]
        if depth > 1:
            kinds += ["return"]
        self.room -= 1
        return getattr(self, "_" + self.one_of(*kinds))(depth, loops)

    def _assign(self, depth, loops):
        names = self.draw(st.permutations(self.names))
        if self.flip(5):
            self.line(depth, f"{names[0]}, {names[1]} = {names[1]}, {self.expression()}")
        else:
            self.line(depth, f"{names[0]} = {self.expression()}")
        return True

    def _augment(self, depth, loops):
        v = self.variable()
        other = self.variable()
        change = self.one_of(f"+= {self.expression()}", f"-= {self.expression()}", "*= -0.9", f"/= 1 + {other} * {other}")
        self.line(depth, f"{v} {change}")
        return True

    def _if(self, depth, loops):
        self.line(depth, f"if {self.test()}:")
        self.block(depth + 1, loops)
        if self.flip(3):
            self.line(depth, f"elif {self.test()}:")
            self.block(depth + 1, loops)
        if self.flip(2):
            self.line(depth, "else:")
            self.block(depth + 1, loops)
        return True

    def _else(self, depth, loops):
        if self.flip(3):
            self.line(depth, "else:")
            self.block(depth + 1, loops)
        return True

    def _for(self, depth, loops):
        target, items = self.items(depth)
        self.line(depth, f"for {target} in {items}:")
        if self.flip(2):
            self.line(depth + 1, f"{self.one_of(*VARIABLES)} += 0.1 * {target.split(', ')[-1]}")
        self.block(depth + 1, loops + 1)
        return self._else(depth, loops)

    def _while(self, depth, loops):
        n = self.fresh("n")
        self.line(depth, f"{n} = 0")
        test = self.one_of(f"{n} < {self.one_of('0', '1', '3', '4')}", f"({self.test()}) and {n} < 4", f"{n} < 3 and ({self.test()})")
        self.line(depth, f"while {test}:")
        self.line(depth + 1, f"{n} += 1")
        self.block(depth + 1, loops + 1)
        return self._else(depth, loops)

    def _break(self, depth, loops):
        self.line(depth, "break")
        return False

    def _continue(self, depth, loops):
        self.line(depth, "continue")
        return False

    def _return(self, depth, loops):
        self.line(depth, f"return {self.expression()}")
        return False


@st.composite
def programs(draw, late=False):
    """The text of a function f(x, y, z) of three numbers. `late`: one more variable may be read before it is assigned."""
    writer = _Writer(draw, late)
    writer.line(0, "def f(x, y, z):")
    for _ in range(draw(st.integers(1, 4))):
        writer.statement(1, 0)
    if late:
        if writer.flip(2):
            writer.line(1, "x += t")
        writer.line(1, "t = 0.0")
    writer.line(1, "return x + 2 * y - 3 * z")
    return "\n".join(writer.lines) + "\n"
