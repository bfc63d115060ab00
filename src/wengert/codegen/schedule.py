"""What is computed together: which values are kept in memory, which loops become one, and in what order.

Every value is one of: small (registers, in the order written), virtual (computed where it is read), or kept (has
memory). Kept values with the same domain of iteration become one nest where each reads the others only at the same
index. Knows an operation by what its class says of its loops alone. Start at `schedule`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, cached_property
from inspect import getattr_static
from types import FunctionType
from typing import Any, NamedTuple

from wengert.codegen.aligned import reads_at
from wengert.contract import Primitive
from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Function, Literal, Var, acts, has_effect
from wengert.loops.scalars import EXPENSIVE
from wengert.passes.hoist import may_raise

SMALL = 16  # elements of an array that lives in registers
CHEAP = 10.0  # operations that are rather repeated than stored and read
LONGEST = 120.0  # operations in the expression of one value
CROWDED = 24  # values kept by one nest

SMALL_STEP, GROUP, OPAQUE = "small", "group", "opaque"


class Group:
    """Kept values that are computed by one nest over `domain`."""

    __slots__ = ("domain", "level", "members", "roots")

    def __init__(self, domain: tuple[int, ...], level: int) -> None:
        self.domain, self.level = domain, level
        self.roots: list[Equation] = []
        self.members: set[Var] = set()


class Home(NamedTuple):
    """Where a value is going to be: a part of another, of this shape and beginning there; only without gaps if it is overwritten."""

    whole: Any
    starts: tuple[int, ...]
    shape: tuple[int, ...]
    in_line: bool = False


class Schedule:
    """The steps of a Function, in order, and the values that are never stored."""

    __slots__ = ("copied", "homes", "outside", "scheduler", "steps", "virtual")

    def __init__(self, scheduler: Any = None) -> None:
        self.scheduler = scheduler
        self.steps: list[tuple[str, Any]] = []
        self.virtual: dict[Var, Equation] = {}  # values that are not stored, and what computes them
        self.outside: set[Any] = set()  # kept values that are read outside of the nest that computes them
        self.homes: dict[Any, Home] = {}  # kept values that are read only to be put into another, and where
        self.copied: set[tuple[Equation, int]] = set()  # operands that may not be written over, though their operation would

    def may_overwrite(self, v: Var, old: Var, aligned: bool = True) -> bool:
        """Whether v may be computed into the memory of the input `old`: nothing that lives there is read any more.

        `aligned` says that each element of `old` lies where that of v shall be.
        """
        s: _Scheduler = self.scheduler
        if v in s.small or v not in s.level:
            return False
        group = s.group.get(v)
        for held in s.heirs(old):
            if held is not v and held in s.function.outputs:
                return False
            same_place = aligned and held.type is v.type
            for reader, same in s.all_readers().get(held, []):
                for out in reader.outs or (reader,):
                    together = group is not None and out in group.members and same and same_place
                    if not together and not s.level[out] < s.level[v] + (out in s.small):
                        return False
        return True


def role_of(equation: Equation) -> str:
    """How an equation is lowered: "scalar", "element", "reduce", "update", or "opaque"."""
    operation: Any = equation.operation
    if operation.elementwise and operation.scalar is not None and operation.scalars(*[a.type for a in equation.operands]):
        return "scalar"
    if operation.reduction is not None:
        return "reduce"
    if operation.element is None and operation.target is None:
        return "opaque"
    if (operation.target is None and operation.nest is None) or operation.element_of(*[a.type for a in equation.operands]):
        return "element"
    if operation.target is not None:
        return "update"
    return "opaque"


@cache
def _is_scalar(kind: Any) -> bool:
    """Whether operations of this class are computed number by number, whatever the types of their operands."""
    rule = getattr_static(kind, "scalar", None)
    return kind.elementwise is True and isinstance(rule, (str, FunctionType)) and kind.scalars is Primitive.scalars


def schedule(function: Function, small_limit: int = SMALL) -> Schedule:
    """Decide for every equation of a Function when and how it is computed."""
    return _Scheduler(function, small_limit).run()


class _Scheduler:
    def __init__(self, function: Function, small_limit: int) -> None:
        self.function, self.limit = function, small_limit
        self.out = Schedule(self)
        self._readers: dict[Any, list[tuple[Equation, bool]]] | None = None
        self.role: dict[Equation, str] = {}
        self.small: set[Any] = set()
        self.reads: dict[Any, dict[Any, bool]] = {}  # virtual value -> kept values it reads, and whether at its own index only
        self.cost: dict[Any, float] = {}
        self.level: dict[Any, int] = {}
        self.group: dict[Any, Group] = {}
        self.views: set[Any] = set()
        self.follows: dict[Equation, list[Any]] = {}  # what has to be there before an equation though it does not read it
        self.settled: set[Any] = set()  # values that have to be there before an effect

    def run(self) -> Schedule:
        equations = self.function.equations
        if acts(self.function):
            self.order_effects()
        for equation in equations:
            self.role[equation] = "scalar" if _is_scalar(type(equation.operation)) else role_of(equation)  # type: ignore[arg-type]
        outputs = set(self.function.outputs)
        for equation in equations:
            if self.is_small(equation):
                self.small.update(equation.outs)
            else:
                self.choose(equation, outputs)
        if len(self.small) == len(equations) and not self.follows:  # straight-line code on numbers
            self.level = dict.fromkeys(self.small, 0)
            self.out.outside.update(outputs)
            self.out.steps = [(SMALL_STEP, e) for e in equations]
        else:
            self.place_all()
        return self.out

    @cached_property
    def maker(self) -> dict[Any, Equation]:
        """Variable -> the equation that gives it."""
        return {v: equation for equation in self.function.equations for v in equation.outs}

    @cached_property
    def users(self) -> dict[Any, list[Equation]]:
        """Variable -> the equations that read it."""
        users: dict[Any, list[Equation]] = {}
        for equation in self.function.equations:
            for a in dict.fromkeys(equation.operands):
                if type(a) is Var:
                    users.setdefault(a, []).append(equation)
        return users

    def order_effects(self) -> None:
        """Effects stay in their order, and before or after whatever else can stop the program."""
        last: list[Any] = []
        raising: list[Any] = []
        for equation in self.function.equations:
            if has_effect(equation.operation):
                self.follows[equation] = [*last, *raising]
                self.settled.update(raising)
                last, raising = [equation], []
            elif may_raise(equation):
                self.follows[equation] = last
                raising += equation.outs

    # -- small, virtual, or kept ----------------------------------------------------------------

    def is_small(self, equation: Equation) -> bool:
        role = self.role[equation]
        if role == "opaque" or len(equation.outs) != 1:
            return False
        limit = self.limit
        if not 0 < equation.outs[0].type.size <= limit:  # type: ignore[union-attr]
            return False
        if role in ("reduce", "update"):
            x = equation.operands[0]
            return x.type.size <= limit and (type(x) is not Var or x in self.small or x.type.size == 1)  # type: ignore[union-attr]
        if not self.out.virtual:
            return True
        if equation.outs[0].type.size == 1:  # type: ignore[union-attr]
            return all(type(a) is not Var or a not in self.out.virtual or self.cost[a] <= LONGEST for a in equation.operands)
        # elements that are computed one by one from what is no array of this size would be computed again and again
        return all(type(a) is not Var or a not in self.out.virtual or self.cost[a] <= CHEAP for a in equation.operands)

    def choose(self, equation: Equation, outputs: Collection[Any]) -> None:
        role = self.role[equation]
        if role not in ("scalar", "element"):
            return
        (v,) = equation.outs
        cost, reads = self.expression(equation, role)
        self.cost[v], self.reads[v] = cost, reads
        if v not in outputs and v not in self.settled and cost <= LONGEST and self.may_be_virtual(equation, v, cost):
            self.out.virtual[v] = equation

    def expression(self, equation: Equation, role: str) -> tuple[float, dict[Any, bool]]:
        """What it costs to compute one element, and which kept values that reads."""
        reads: dict[Any, bool] = {}
        operation: Any = equation.operation
        cost = 0.2
        if role == "scalar":
            cost = 20.0 if operation.scalar in EXPENSIVE else 4.0 if operation.scalar in ("div", "sqrt") else 1.0
            if not isinstance(operation.scalar, str):
                cost = 5.0
        for a in dict.fromkeys(equation.operands):
            if type(a) is not Var:
                continue
            if a in self.out.virtual:
                cost += self.cost[a]
                for b, same in self.reads[a].items():
                    reads[b] = reads.get(b, True) and same and role == "scalar"
            elif a.type.size > 1:  # type: ignore[union-attr]
                cost += 0.5
                reads[a] = reads.get(a, True) and role == "scalar"
            else:
                reads[a] = False
        reads.update(dict.fromkeys(self.follows.get(equation, ()), False))
        return cost, reads

    def may_be_virtual(self, equation: Equation, v: Any, cost: float) -> bool:
        users = self.users.get(v, [])
        size = v.type.size
        repeated = 0
        view = self.is_view(equation)
        for user in users:
            role = self.role[user]
            if role == "opaque" and not view or role == "update" and user.operands[0] is v:
                return False
            if role == "element":
                if not user.operation.follows(*[a.type for a in user.operands]):  # type: ignore[attr-defined]
                    return False
                if user.outs[0].type.size > size and cost > 1.5 and not user.operation.pieces:  # type: ignore[attr-defined, union-attr]
                    return False
            repeated += 1
        return repeated <= 1 or cost <= CHEAP

    def is_view(self, equation: Equation) -> bool:
        """Whether the result is an array that is kept anyway, seen through other strides."""
        operation, x = equation.operation, equation.operands[0]
        if not operation.moves or not operation.strided or type(x) is Literal or x in self.small:  # type: ignore[attr-defined]
            return False
        if x in self.out.virtual:
            return x in self.views and operation.follows(x.type)  # type: ignore[attr-defined]
        self.views.add(equation.outs[0])
        return True

    # -- when, and what together --------------------------------------------------------------------

    def place_all(self) -> None:
        levels: dict[int, tuple[list[Equation], list[tuple[str, Any]]]] = {}
        groups: dict[tuple[int, ...], list[Group]] = {}
        order = {e: n for n, e in enumerate(self.function.equations)}
        known = self.level
        for equation in self.function.equations:
            role = self.role[equation]
            if len(equation.outs) == 1 and equation.outs[0] in self.out.virtual:
                continue
            if equation.outs and equation.outs[0] in self.small:
                level = 0
                virtual = False
                for a in (*equation.operands, *self.follows.get(equation, ())):
                    made = known.get(a)
                    if made is None:
                        virtual = virtual or a in self.out.virtual
                    elif made >= level:
                        level = made if a in self.small else made + 1
                if virtual:
                    level = self.earliest(equation, None)
                known[equation.outs[0]] = level
                levels.setdefault(level, ([], []))[0].append(equation)
                continue
            if role == "opaque" or role == "update":
                level = self.earliest(equation, None)
                for n in renewed(equation):
                    level = max(level, self.after_readers(equation, n, order))
                for v in (equation, *equation.outs):
                    self.level[v] = level
                if role == "update":
                    group = Group(equation.operands[-1].type.shape, level)  # type: ignore[union-attr]
                    group.roots.append(equation)
                    levels.setdefault(level, ([], []))[1].append((GROUP, group))
                else:
                    levels.setdefault(level, ([], []))[1].append((OPAQUE, equation))
                continue
            (v,) = equation.outs
            domain = equation.operands[0].type.shape if role == "reduce" else v.type.shape  # type: ignore[union-attr]
            group = self.join(equation, groups.setdefault(domain, []), levels, domain)
            group.roots.append(equation)
            group.members.add(v)
            self.level[v], self.group[v] = group.level, group
        self.out.outside.update(self.function.outputs)
        for equation in self.function.equations if self.group else ():
            if len(equation.outs) == 1 and equation.outs[0] in self.out.virtual:
                continue
            own = self.group.get(equation.outs[0]) if equation.outs else None
            self.out.outside.update([a for a in self.needs(equation) if own is None or a not in own.members])
        for group in [step for _, rest in levels.values() for kind, step in rest if kind == GROUP]:
            for equation in group.roots:
                self.find_homes(equation)
        for level in sorted(levels):
            small, rest = levels[level]
            self.out.steps += [(SMALL_STEP, e) for e in small]
            self.out.steps += rest

    def needs(self, equation: Equation) -> dict[Any, bool]:
        """The small and kept values an equation reads, through virtual ones, and whether at its own index only."""
        pointwise = self.role[equation] in ("scalar", "reduce")
        out: dict[Any, bool] = {}
        for a in equation.operands:
            if type(a) is not Var:
                continue
            if a in self.out.virtual:
                for b, same in self.reads[a].items():
                    out[b] = out.get(b, True) and same and pointwise
            else:
                out[a] = out.get(a, True) and pointwise
        out.update(dict.fromkeys(self.follows.get(equation, ()), False))
        return out

    def earliest(self, equation: Equation, group: Group | None) -> int:
        """The first level at which an equation can be computed, or whether it fits that of the group (then that level)."""
        level = 0
        for a, same in self.needs(equation).items():
            made = self.level.get(a)
            if made is None:
                continue
            if group is not None and a in group.members:
                if not same or self.role[self.maker[a]] == "reduce":
                    return group.level + 1
                level = max(level, made)
            else:
                level = max(level, made if a in self.small else made + 1)
        return level

    def join(self, equation: Equation, groups: list[Group], levels: Any, domain: tuple[int, ...]) -> Group:
        for group in groups[-4:]:
            if len(group.roots) < CROWDED and self.earliest(equation, group) <= group.level:
                return group
        group = Group(domain, self.earliest(equation, None))
        groups.append(group)
        levels.setdefault(group.level, ([], []))[1].append((GROUP, group))
        return group

    def find_homes(self, equation: Equation) -> None:
        """Note the operands that are made for nothing but to be put side by side here: they can be computed where they shall be."""
        operation: Any = equation.operation
        whole = equation.outs[0]
        if self.role[equation] != "element" or not operation.pieces or whole not in self.out.outside:
            return
        for a, starts in zip(equation.operands, operation.laid_at(*[a.type for a in equation.operands]), strict=True):
            if starts is None or type(a) is not Var:
                continue
            shape, v = a.type.shape, a  # type: ignore[union-attr]
            while v in self.out.virtual and self.out.virtual[v].operation.relabels and len(self.users[v]) == 1:  # type: ignore[attr-defined]
                v = self.out.virtual[v].operands[0]  # type: ignore[assignment]
            if list(equation.operands).count(a) == 1:
                self.settle(v, Home(whole, tuple(starts), shape))

    def settle(self, v: Any, home: Home) -> None:
        """Note where a value may be computed, if nothing but what is there reads it; and so for the array that it is made of by updates."""
        maker = self.maker.get(v)
        if maker is None or v in self.out.virtual or v in self.small or v in self.function.outputs or len(self.users[v]) > 1:
            return
        renewed = next((maker.operation.renews(i) for i, out in enumerate(maker.outs) if out is v), None)  # type: ignore[attr-defined]
        if renewed is None or self.role[maker] == "element":
            self.out.homes[v] = home
        elif (maker, renewed) in self.out.copied:  # begins with a copy of the operand
            self.out.homes[v] = home._replace(in_line=True)
        elif self.role[maker] == "update" and type(maker.operands[0]) is Var:
            self.out.homes[v] = home._replace(in_line=True)
            self.settle(maker.operands[0], Home(v, (0,) * len(v.type.shape), v.type.shape, in_line=True))

    # -- updates in place ------------------------------------------------------------------------------

    def all_readers(self) -> dict[Any, list[tuple[Equation, bool]]]:
        """Kept value -> the equations that read its memory, through virtual values too, and whether at their own index only."""
        if self._readers is None:
            self._readers = {}
            for equation in self.function.equations:
                if len(equation.outs) == 1 and equation.outs[0] in self.out.virtual:
                    continue
                aligned = reads_at(equation, self.out.virtual, {}) if self.role[equation] == "element" else {}
                for a, same in self.needs(equation).items():
                    shift = aligned.get(a)
                    self._readers.setdefault(a, []).append((equation, same or shift is not None and not any(shift)))
        return self._readers

    def heirs(self, old: Var) -> list[Var]:
        """A value, and all that may come to live in its memory: what is made of it in place, and of that."""
        found = {old: None}
        waiting = [old]
        while waiting:
            v = waiting.pop()
            for user in self.users.get(v, ()):
                for i, out in enumerate(user.outs):
                    n = user.operation.renews(i)  # type: ignore[attr-defined]
                    there = self.is_seen(user, out) or n is not None and user.operands[n] is v
                    if there and out not in found:
                        found[out] = None
                        waiting.append(out)
        return list(found)

    def is_seen(self, equation: Equation, out: Any) -> bool:
        """Whether a result that is not stored is its operand, seen through other strides."""
        return out in self.out.virtual and equation.operation.moves and equation.operation.strided  # type: ignore[attr-defined]

    def seen_through(self, a: Any) -> Any:
        """The value in whose memory this one is."""
        while a in self.out.virtual and self.is_seen(self.out.virtual[a], a):
            a = self.out.virtual[a].operands[0]
        return a

    def after_readers(self, equation: Equation, n: int, order: dict[Equation, int]) -> int:
        """The level after all that reads operand n, to be written over; where that is impossible, it is copied."""
        x = self.seen_through(equation.operands[n])
        copied = (equation, n)
        level = 0
        if type(x) is Literal or x in self.function.outputs:
            self.out.copied.add(copied)
            return 0
        for reader, _ in self.all_readers().get(x, []):
            if reader is equation:
                continue
            if order[reader] > order[equation]:
                self.out.copied.add(copied)
                return 0
            level = max(level, *[self.level[v] + (v not in self.small) for v in reader.outs or (reader,)])
        for m, a in enumerate(equation.operands):
            if m != n and (a is x or type(a) is Var and a in self.out.virtual and x in self.reads[a]):
                self.out.copied.add(copied)
        return level


def renewed(equation: Equation) -> list[int]:
    """The operands that results may be written over."""
    found = [equation.operation.renews(i) for i in range(len(equation.outs))]  # type: ignore[attr-defined]
    return [n for n in dict.fromkeys(found) if n is not None]


def is_array(a: Any) -> bool:
    """Whether it has a shape: no stack."""
    return isinstance(a.type, ArrayType)
