"""Write loop nests: scalar arithmetic, memory, loops and branches, one statement after another.

This is the `k` of a primitive's `scalar`, `element` and `lower` rules. Complex numbers are `Pair`s, taken apart
here. Knows no array operation. Start at `Builder.op` and `Builder.loop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from wengert.loops.facts import Facts, narrowed
from wengert.loops.nest import REAL, Address, Affine, Buffer, Call, Const, Fail, Fill, For, If, Index, Let, Load, Name, Scalar, Store, While
from wengert.loops.scalars import OPS

ZERO = Affine(0)


class Pair:
    """A complex scalar: its two real parts."""

    __slots__ = ("im", "kind", "re")

    def __init__(self, re: Scalar, im: Scalar, kind: str = "") -> None:
        self.re, self.im = re, im
        self.kind = kind or ("c16" if re.kind == "f8" else "c8")


Number = Const | Name | Pair


def key(x: Any) -> Any:
    """Equal for scalars that are surely equal."""
    if type(x) is Name:
        return x.id
    if type(x) is Const:
        return x.kind, repr(x.value)
    return key(x.re), key(x.im)


class Builder:
    """Appends statements to the innermost open block."""

    def __init__(self) -> None:
        self.block: list[Any] = []
        self.bounds: dict[int, tuple[int, int]] = {}  # name -> the least and greatest value of an index
        self.affines: dict[int, Affine] = {}  # integer scalars that are expressions of loop indices
        self.facts = Facts()
        self.breaks: dict[int, set[int]] | None = None  # while probing: index -> values where its loop should be split
        self.scopes: list[dict[Any, Any]] = [{}]  # values computed in each open block
        self.loads: list[dict[Any, Any]] = [{}]
        self.buffers: list[Buffer] = []
        self.failures: list[Any] = []
        self.hosts: list[Any] = []
        self.work = 0.0
        self.weight = 1.0  # how often the open block runs
        self.span: Any = None
        self._names = 0
        self._constants: dict[Any, Buffer] = {}

    # -- scalars -----------------------------------------------------------------------------

    def name(self, kind: str) -> Name:
        """A new scalar."""
        self._names += 1
        return Name(self._names, kind)

    def const(self, value: Any, kind: str) -> Any:
        """A number of this kind."""
        if kind in REAL:
            value = complex(value)
            return Pair(Const(value.real, REAL[kind]), Const(value.imag, REAL[kind]), kind)
        if kind == "b1":
            return Const(bool(value), kind)
        return Const(float(value) if kind[0] == "f" else int(value), kind)

    def like(self, value: Any, x: Any) -> Any:
        """A number of the kind of x."""
        return self.const(value, x.kind)

    def op(self, op: str, *args: Any) -> Any:
        """The scalar operation on these operands; real ones, unless it is one that complex numbers have too."""
        for a in args:
            if type(a) is Pair:
                return self._complex(op, *args)
        kind = OPS[op][1]
        last = args[-1]
        if kind == "same":
            kind = last.kind
        elif kind == "bits":
            kind = ("i" if last.kind[0] == "f" else "f") + last.kind[1:]
        return self._let(op, args, kind)

    def cast(self, x: Any, kind: str) -> Any:
        """x converted as NumPy's astype does."""
        if x.kind == kind:
            return x
        if kind in REAL:
            if type(x) is Pair:
                return Pair(self.cast(x.re, REAL[kind]), self.cast(x.im, REAL[kind]), kind)
            return Pair(self.cast(x, REAL[kind]), Const(0.0, REAL[kind]), kind)
        if type(x) is Pair:
            if kind == "b1":
                return self.op("or", self.cast(x.re, kind), self.cast(x.im, kind))
            return self.cast(x.re, kind)
        if kind == "p":
            return self._let("cast", (x,), kind)
        if type(x) is Const:
            return self.const(x.value, kind) if kind[0] != "u" and (kind != "f4") else self._let("cast", (x,), kind)
        if kind == "b1":
            return self.op("ne", x, self.like(0, x))
        return self._let("cast", (x,), kind)

    def _let(self, op: str, args: tuple[Any, ...], kind: str) -> Name:
        index = (op, kind, *[a.id if type(a) is Name else key(a) for a in args])
        for scope in reversed(self.scopes):
            if index in scope:
                return scope[index]  # type: ignore[no-any-return]
        self._names += 1
        out = Name(self._names, kind)
        self.block.append(Let(out, op, args))
        self.scopes[-1][index] = out
        self.work += self.weight
        if kind == "i8" and op in ("add", "sub", "mul"):
            x, y = self.affine(args[0]), self.affine(args[1])
            if x is not None and y is not None and (op != "mul" or not x.terms or not y.terms):
                self.affines[out.id] = x + y if op == "add" else x - y if op == "sub" else x * y.const if not y.terms else y * x.const
        elif kind == "b1":
            if args[0].kind == "i8":
                self.facts.compared(out, op, self.affine(args[0]), self.affine(args[1]))
            elif args[0].kind == "b1":
                self.facts.combined(out, op, args)
        elif op == "cast" and args[0].kind == "b1":
            self.facts.truths[out.id] = args[0]
        return out

    # -- complex arithmetic, as NumPy's ------------------------------------------------------------

    def _complex(self, op: str, *args: Any) -> Any:
        if op == "select":
            c, x, y = args
            return Pair(self.op(op, c, x.re, y.re), self.op(op, c, x.im, y.im), x.kind)
        if op in ("add", "sub", "accumulate"):
            x, y = args
            return Pair(self.op(op, x.re, y.re), self.op(op, x.im, y.im), x.kind)
        if op in ("mul", "accumulate_product"):
            x, y = args
            re = self.op("sub", self.op("mul", x.re, y.re), self.op("mul", x.im, y.im))
            return Pair(re, self.op("add", self.op("mul", x.re, y.im), self.op("mul", x.im, y.re)), x.kind)
        if op == "neg":
            return Pair(self.op(op, args[0].re), self.op(op, args[0].im), args[0].kind)
        if op == "div":
            return self._divide(*args)
        if op == "eq":
            return self.op("and", self.op(op, args[0].re, args[1].re), self.op(op, args[0].im, args[1].im))
        if op == "ne":
            return self.op("or", self.op(op, args[0].re, args[1].re), self.op(op, args[0].im, args[1].im))
        if op == "abs":
            return _modulus(self, args[0])
        if op in DERIVED:
            return DERIVED[op](self, *args)
        if f"c{op}.re" in OPS:
            parts = tuple([p for x in args for p in (x.re, x.im)])
            real = parts[0].kind
            return Pair(self._let(f"c{op}.re", parts, real), self._let(f"c{op}.im", parts, real), args[0].kind)
        raise KeyError(f"no scalar operation {op!r} of complex numbers")

    def _divide(self, x: Pair, y: Pair) -> Pair:
        """By the larger part of the divisor: R. L. Smith, Comm. ACM 5 (1962) 435."""
        op, s = self.op, self.op
        wide = op("ge", op("abs", y.re), op("abs", y.im))
        big, small = s("select", wide, y.re, y.im), s("select", wide, y.im, y.re)
        ratio = op("div", small, big)
        scale = op("div", self.like(1, big), op("add", big, op("mul", small, ratio)))
        one, two = s("select", wide, x.re, x.im), s("select", wide, x.im, x.re)
        re = op("mul", op("add", one, op("mul", two, ratio)), scale)
        im = op("mul", op("sub", two, op("mul", one, ratio)), scale)
        im = s("select", wide, im, op("neg", im))
        zero = op("and", op("eq", y.re, self.like(0, y.re)), op("eq", y.im, self.like(0, y.im)))
        a = op("abs", y.re)
        return Pair(s("select", zero, op("div", x.re, a), re), s("select", zero, op("div", x.im, a), im), x.kind)

    # -- indices -------------------------------------------------------------------------------

    def index(self, value: Any) -> Affine:
        """A scalar integer as an index."""
        if isinstance(value, int):
            return Affine(value)
        if type(value) is Const:
            return Affine(int(value.value))
        value = self.cast(value, "i8")
        return self.affine(value) or Affine(0, ((value, 1),))

    def affine(self, value: Any) -> Affine | None:
        """An integer scalar as an expression of loop indices, if it is one."""
        if type(value) is Const:
            return Affine(int(value.value))
        found = self.affines.get(value.id)
        return found if found is not None else Affine(0, ((value, 1),)) if value.id in self.bounds else None

    def number(self, index: Affine, kind: str = "i8") -> Any:
        """An index as a scalar."""
        if not index.terms:
            return self.const(index.const, kind)
        if not index.const and len(index.terms) == 1 and index.terms[0][1] == 1:
            return self.cast(index.terms[0][0], kind)
        seen = ("index", index.key)
        for scope in reversed(self.scopes):
            if seen in scope:
                return self.cast(scope[seen], kind)
        out = self.name("i8")
        self.block.append(Index(out, index))
        self.scopes[-1][seen] = out
        if self.range(index) is not None:
            self.affines[out.id] = index
        return self.cast(out, kind)

    def divided(self, index: Affine, n: int) -> tuple[Affine, Affine]:
        """(index // n, index % n) of an index that is not negative."""
        if not index.terms:
            return Affine(index.const // n), Affine(index.const % n)
        span = self.range(index)
        if span is not None and span[0] >= 0 and span[1] < n:
            return Affine(0), index
        whole, by = self.number(index), Const(n, "i8")
        return self.index(self.op("quotient", whole, by)), self.index(self.op("rest", whole, by))

    def range(self, index: Affine) -> tuple[int, int] | None:
        """The least and greatest value of an index; None if it depends on data."""
        low = high = index.const
        for name, c in index.terms:
            found = self.bounds.get(name.id)
            if found is None:
                return None
            a, b = c * found[0], c * found[1]
            low, high = low + min(a, b), high + max(a, b)
        return low, high

    def truth(self, x: Any) -> Any:
        """The truth value that a number stands for, if it was made of one; else the number."""
        return self.facts.truths.get(x.id, x) if type(x) is Name else x

    def decided(self, condition: Any) -> bool | None:
        """A truth value, if the ranges of indices tell it."""
        if type(condition) is Const:
            return bool(condition.value)
        for truth, claims in enumerate(self.facts.of(condition)):
            for claim in claims:
                span = self.range(claim)
                if span is not None and span[1] < 0:
                    return not truth
        return None

    def choose(self, index: Affine, boundary: int, below: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """below() where index < boundary, other() elsewhere; decided now where the range of the index allows it."""
        span = self.range(index)
        if span is not None:
            if span[1] < boundary:
                return below()
            if span[0] >= boundary:
                return other()
            if self.breaks is not None and len(index.terms) == 1:
                ((name, c),) = index.terms
                at = -((index.const - boundary) // c) if c > 0 else (boundary - index.const) // c + 1
                self.breaks.setdefault(name.id, set()).add(at)
        test = self.op("lt", self.number(index), Const(boundary, "i8"))
        return self.branch(test, below, other)

    # -- memory ----------------------------------------------------------------------------------

    def buffer(self, kind: str, size: int, space: str = "arena", index: int = 0, data: Any = None) -> Buffer:
        """A new stretch of memory."""
        out = Buffer(len(self.buffers), kind, size, space, index, data)
        self.buffers.append(out)
        return out

    def constant(self, array: Any) -> Buffer:
        """The memory of a constant array."""
        found = self._constants.get(id(array))
        if found is None:
            found = self.buffer(array.dtype.str[1:], array.size, "constant", data=array)
            self._constants[id(array)] = found
        return found

    def load(self, buffer: Buffer, offset: Affine) -> Any:
        """The element at an offset that is known to be inside."""
        if buffer.kind in REAL:
            return Pair(self._load(buffer, offset, 0), self._load(buffer, offset, 1), buffer.kind)
        return self._load(buffer, offset, 0)

    def _load(self, buffer: Buffer, offset: Affine, part: int) -> Name:
        index = (offset.key, part)
        fixed = buffer.space == "constant" or buffer.space == "input" and buffer.data is None
        for loads in reversed(self.loads) if fixed else self.loads[-1:]:
            held = loads.get(buffer.id)
            if held is not None and index in held:
                return held[index]  # type: ignore[no-any-return]
        out = self.name(REAL.get(buffer.kind, buffer.kind))
        self.block.append(Load(out, buffer, offset, part))
        self.loads[-1].setdefault(buffer.id, {})[index] = out
        return out

    def store(self, buffer: Buffer, offset: Affine, value: Any) -> None:
        """buffer[offset] = value."""
        assert value.kind == buffer.kind, f"{value.kind} into {buffer.kind}"
        self.written(buffer)
        if type(value) is Pair:
            self.block.append(Store(buffer, offset, value.re, 0))
            self.block.append(Store(buffer, offset, value.im, 1))
            self.loads[-1][buffer.id] = {(offset.key, 0): value.re, (offset.key, 1): value.im}
        else:
            self.block.append(Store(buffer, offset, value))
            self.loads[-1][buffer.id] = {(offset.key, 0): value}

    def holds(self, buffer: Buffer, offset: Affine, value: Any) -> bool:
        """Whether the value was loaded from there, and nothing written to the buffer since."""
        held = self.loads[-1].get(buffer.id, {})
        parts = [value] if type(value) is not Pair else [value.re, value.im]
        return all([held.get((offset.key, n)) is part for n, part in enumerate(parts)])

    def made_of(self, buffer: Buffer, key: Any, make: Callable[[], Any] | None = None) -> Any:
        """What was made of a buffer in this block, and nothing written to it since; else what `make` makes of it now."""
        found = self.loads[-1].get(buffer.id, {}).get(key)
        if found is None and make is not None:
            found = make()
            self.loads[-1].setdefault(buffer.id, {})[key] = found
        return found

    def written(self, buffer: Buffer) -> None:
        """Forget what was loaded from a buffer."""
        for loads in self.loads:
            loads.pop(buffer.id, None)

    def fill(self, target: Address, source: Address | None, count: int) -> None:
        """Copy elements between buffers, or write zeros."""
        self.written(target.buffer)
        if count:
            self.block.append(Fill(target, source, count))

    # -- control -----------------------------------------------------------------------------------

    def _open(self, fresh_loads: bool = True) -> list[Any]:
        outer, self.block = self.block, []
        self.scopes.append({})
        self.loads.append({})
        return outer

    def _close(self, outer: list[Any]) -> None:
        inner, self.block = self.block, outer
        self.scopes.pop()
        self.loads.pop()
        for statement in _writes(inner):
            self.written(statement)

    def loop(
        self,
        start: Affine | int,
        stop: Affine | int,
        body: Callable[[Affine, list[Any]], Sequence[Any]],
        inits: Sequence[Any] = (),
        step: int = 1,
        parallel: bool = False,
    ) -> list[Any]:
        """For index from start to stop by step: carries = body(index, carries). The carries at the end."""
        start = Affine(start) if isinstance(start, int) else start
        stop = Affine(stop) if isinstance(stop, int) else stop
        index = self.name("i8")
        flat = flatten(inits)
        carries = [self.name(x.kind) for x in flat]
        statement = For(index, start, stop, step, flat, carries, parallel=parallel)
        ends = self.range(start), self.range(stop)
        if ends[0] is not None and ends[1] is not None:
            low, high = (ends[0][0], ends[1][1] - 1) if step > 0 else (ends[1][0] + 1, ends[0][1])
            self.bounds[index.id] = (low, max(high, low))
        weight = self.weight
        if not start.terms and not stop.terms:
            self.weight *= max(0, len(range(start.const, stop.const, step)))
        else:
            self.weight *= 16
        outer = self._open()
        nexts = body(Affine(0, ((index, 1),)), unflatten(carries, inits))
        statement.nexts = tuple(flatten(nexts))
        statement.body = self.block
        self._close(outer)
        self.weight = weight
        statement.outs = tuple([self.name(x.kind) for x in flat])
        if flat or any([type(s) not in (Let, Load) for s in statement.body]):
            self.block.append(statement)
        return unflatten(statement.outs, inits)

    def while_(self, inits: Sequence[Any], test: Callable[[list[Any]], Any], body: Callable[[list[Any]], Sequence[Any]]) -> list[Any]:
        """While test(carries): carries = body(carries). The carries at the end."""
        flat = flatten(inits)
        carries = [self.name(x.kind) for x in flat]
        statement = While(flat, carries, [self.name(x.kind) for x in flat])
        weight = self.weight
        self.weight *= 16
        outer = self._open()
        statement.condition = test(unflatten(carries, inits))
        statement.test, self.block = self.block, []
        self.scopes.append({})  # the body runs after the test, and sees what that computed
        self.loads.append({})
        statement.nexts = tuple(flatten(body(unflatten(carries, inits))))
        statement.body = self.block
        self.scopes.pop()
        self.loads.pop()
        self._close(outer)
        for block in (statement.test, statement.body):
            for buffer in _writes(block):
                self.written(buffer)
        self.weight = weight
        self.block.append(statement)
        return unflatten(statement.outs, inits)

    def branch(self, condition: Any, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
        """then() if the condition holds, else orelse(); each gives a scalar, or a list of them, or nothing (None)."""
        known = self.decided(condition)
        if known is not None:
            return then() if known else orelse()
        statement = If(condition)
        results = []
        for side, make in ((0, then), (1, orelse)):
            outer = self._open()
            there = narrowed(self.bounds, self.facts.of(condition)[1 - side])
            elsewhere = {name: self.bounds[name] for name in there}
            self.bounds.update(there)
            result = make()
            self.bounds.update(elsewhere)
            results.append(result)
            if side:
                statement.orelse = self.block
            else:
                statement.then = self.block
            self._close(outer)
        shape = results[0]
        values = [flatten(r if isinstance(r, list) else [] if r is None else [r]) for r in results]
        statement.values = tuple(values[0]), tuple(values[1])
        statement.outs = tuple([self.name(x.kind) for x in values[0]])
        for out, x, y in zip(statement.outs, *values, strict=True):
            if out.kind == "b1":
                self.facts.chosen(out, condition, (x, y))
        self.block.append(statement)
        if shape is None:
            return None
        out = unflatten(statement.outs, shape if isinstance(shape, list) else [shape])
        return out if isinstance(shape, list) else out[0]

    def seldom(self, condition: Any, then: Callable[[], None]) -> None:
        """then() if the condition holds, which it hardly ever does: what that costs does not count."""
        weight, self.weight = self.weight, 0.0
        self.branch(condition, then, lambda: None)
        self.weight = weight

    def fail_if(self, condition: Any, failure: Any, details: Sequence[Any] = ()) -> None:
        """Leave the program with this failure if the condition holds."""
        if self.decided(condition) is False:
            return
        self.failures.append(failure)
        self.block.append(Fail(condition, len(self.failures), [self.cast(d, "i8") for d in details]))

    def call(self, symbol: str, args: Sequence[Any], kind: str | None = None, writes: Sequence[Buffer] = (), table: int = 0) -> Any:
        """Call a C function with scalars and addresses, the first `table` of them in a table; its result, if it has a kind.

        Complex numbers are passed by value as C's `double _Complex`: as two doubles, where the machine's convention does so.
        """
        out: Any = None
        if kind in REAL:
            out = Pair(self.name(REAL[kind]), self.name(REAL[kind]), kind)
        elif kind is not None:
            out = self.name(kind)
        self.block.append(Call((out.re, out.im) if kind in REAL else out, symbol, flatten(args), writes, table))
        for buffer in writes:
            self.written(buffer)
        self.work += 30 * self.weight
        return out


def _modulus(k: Builder, x: Pair) -> Any:
    """|x| without overflow, by operations that are rounded alike in scalar and vector code.

    hypot of libm and that of its vector companion differ in the last place, and a rule may ask which element is the largest.
    """
    a, b = k.op("abs", x.re), k.op("abs", x.im)
    big, small = k.op("maximum", a, b), k.op("minimum", a, b)
    none, endless = k.op("eq", big, k.like(0, big)), k.like(math.inf, big)
    ratio = k.op("div", small, k.op("select", none, k.like(1, big), big))
    size = k.op("mul", big, k.op("sqrt", k.op("add", k.like(1, big), k.op("mul", ratio, ratio))))
    return k.op("select", k.op("or", k.op("eq", a, endless), k.op("eq", b, endless)), endless, size)


def _by_log(base: float) -> Any:
    return lambda k, x: k.op("mul", k.op("log", x), k.like(1 / math.log(base), x))


def _exp(k: Builder, x: Pair) -> Pair:
    """exp(re) (cos(im) + i sin(im)), of real functions that have vector companions; at infinities as C's cexp.

    Where exp(re) alone would overflow, a constant factor is taken out until the end.
    """
    real = x.re.kind
    most = 700.0 if real == "f8" else 80.0
    big, none = k.op("lt", k.const(most, real), x.re), k.op("eq", x.im, k.const(0, real))
    size = k.op("exp", k.op("select", big, k.op("sub", x.re, k.const(most, real)), x.re))
    rest = k.op("select", big, k.const(math.exp(most), real), k.const(1, real))
    cos, sin = k.op("cos", x.im), k.op("sin", x.im)
    re, im = (k.op("mul", k.op("mul", size, part), rest) for part in (cos, sin))
    nowhere = k.op("ne", cos, cos)  # where im is infinite or NaN, and so are neither cos nor sin numbers
    gone = k.op("and", nowhere, k.op("eq", x.re, k.const(-math.inf, real)))
    endless = k.op("and", nowhere, k.op("eq", x.re, k.const(math.inf, real)))
    re = k.op("select", k.op("or", gone, endless), size, re)
    return Pair(re, k.op("select", none, x.im, k.op("select", gone, size, im)), x.kind)


def _expm1(k: Builder, x: Pair) -> Pair:
    """exp(x) - 1 without cancellation: 1 - cos = 2 sin²(·/2)."""
    half = k.op("sin", k.op("mul", x.im, k.like(0.5, x.im)))
    less = k.op("mul", k.like(2, half), k.op("mul", half, half))
    re = k.op("sub", k.op("mul", k.op("expm1", x.re), k.op("cos", x.im)), less)
    return Pair(re, k.op("mul", k.op("exp", x.re), k.op("sin", x.im)), x.kind)


def _log1p(k: Builder, x: Pair) -> Pair:
    a = k.op("add", x.re, k.like(1, x.re))
    return Pair(k.op("log", k.op("hypot", a, x.im)), k.op("atan2", x.im, a), x.kind)


# Complex functions that C has not, by those it has; as NumPy's own.
DERIVED = {
    "exp2": lambda k, x: k.op("exp", k.op("mul", x, k.like(math.log(2.0), x))),
    "log2": _by_log(2.0),
    "log10": _by_log(10.0),
    "exp": _exp,
    "expm1": _expm1,
    "log1p": _log1p,
}


def flatten(values: Sequence[Any]) -> list[Any]:
    """Real scalars, the parts of complex ones beside each other."""
    out: list[Any] = []
    for x in values:
        if type(x) is Pair:
            out += (x.re, x.im)
        else:
            out.append(x)
    return out


def unflatten(flat: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """The inverse of `flatten`."""
    it = iter(flat)
    return [Pair(next(it), next(it), x.kind) if type(x) is Pair else next(it) for x in like]


def _writes(block: list[Any]) -> set[Buffer]:
    from wengert.loops.nest import addressed, walk

    return {buffer for statement in walk(block) for buffer, written in addressed(statement) if written}
