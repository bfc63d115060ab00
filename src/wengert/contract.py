"""The contract: what a primitive must say, checked when its class is defined.

Knows the IR; knows no operation. Start at `Primitive`, then the families `Elementwise`,
`Linear`, `Multilinear`. In the rules below `x, y` are values, `dx` tangents, `ct` cotangents;
None stands for a tangent or cotangent that is zero because nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wengert.config import settings
from wengert.errors import ContractError, NoRuleError, ShapeError, four_parts
from wengert.ir import builder as _builder
from wengert.ir.operation import OPERATIONS, Operation
from wengert.ir.types import ArrayType, StackType, Type, array_type
from wengert.ir.values import ROLES, Literal, Traced, Var, splat, zero_literal

RULES = ("type", "evaluate", "jvp", "transpose", "batch", "samples")


class no:
    """A rule that cannot exist, and why: `transpose = no("sin is not linear")`."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __set_name__(self, owner: type, name: str) -> None:
        self.rule, self.owner = name, owner.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NoRuleError(four_parts(f"{self.owner} has no {self.rule} rule", why=self.why[:1].upper() + self.why[1:] + "."))

    def __repr__(self) -> str:
        return f"no({self.why!r})"


class flat(no):
    """A jvp rule that is zero wherever it exists: `jvp = flat("floor is piecewise constant")`."""

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        return None


class Sample:
    """An operation with operands to test it at, written beside its rules.

    `smooth` says that differences and complex steps may be trusted here; `complex_step` that
    the operation accepts complex operands and is analytic.
    """

    def __init__(self, operation: Primitive, *operands: Any, smooth: bool = True, complex_step: bool = True) -> None:
        self.operation, self.operands = operation, operands
        self.smooth, self.complex_step = smooth, complex_step

    @property
    def active(self) -> tuple[bool, ...]:
        """Which operands can be differentiated by."""
        return tuple([np.asarray(a).dtype.kind in "fc" and i not in self.operation.fixed for i, a in enumerate(self.operands)])

    def __repr__(self) -> str:
        return f"{self.operation!r} at {', '.join(f'{np.asarray(a).dtype}{np.shape(a)}' for a in self.operands)}"


class Track(NamedTuple):
    """An axis followed through an operation that does the same at each of its places, or adds up over them: see `Primitive.tracks`.

    `operands` has for each operand its axis, None for one that lacks it; `result` that of the result, None where it is summed, in a
    result that is operand `start` + a sum if that is given. An operand in `counted` is a constant that counts the places from 0.
    """

    operands: tuple[int | None, ...]
    result: int | None
    start: int | None = None
    counted: tuple[int, ...] = ()


@cache
def _straight(operands: int, ndim: int) -> tuple[Track, ...]:
    return tuple([Track((a,) * operands, a) for a in range(ndim)])


class Primitive(Operation, abstract=True):
    """Base of all primitives: one frozen class says everything there is to say about an operation.

    A subclass must give every rule in `RULES`, or declare it impossible with `no("why")`.
    """

    elementwise: ClassVar[bool] = False  # result[i] depends on operands[..][i] alone, and evaluate broadcasts as NumPy does
    analytic: ClassVar[bool] = True  # holomorphic, where complex operands are accepted
    moves: ClassVar[bool] = False  # every element of the result is an element of operand 0, or zero
    views: ClassVar[bool] = False  # evaluate may return memory of operand 0
    fresh: ClassVar[bool] = True  # otherwise the result is new memory
    may_raise: ClassVar[bool] = False  # evaluate can raise on values (a singular matrix)
    accumulates: ClassVar[bool] = False  # operation(a, *rest) == a + operation(0, *rest)
    continues: ClassVar[bool] = False  # `transpose` takes what has been summed of each operand's cotangent, and may add to it: see `Sum`
    fixed: ClassVar[dict[int, str]] = {}  # operands by which there is no derivative, and why: {0: "SciPy offers none by the order"}
    update: ClassVar[Callable[..., Any] | None] = None  # evaluate that overwrites operand 0

    # Where its derivative jumps: (*operands) -> for each element of operand 0 how far it lies beyond that place, negative before it.
    # Subtracted from the element it leads there. `check.kinks` asks for it.
    kink: ClassVar[Any] = None

    # In exact arithmetic, on numbers of any precision or on formulas: (m, *elements) -> element of an elementwise operation, else
    # (m, *operands) -> results, with an m of `methods.exact`. Where it says nothing, `scalar` or `reduction` does if it is a name.
    exact: ClassVar[Any] = None
    exact_reads: ClassVar[Sequence[int] | None] = None  # the operands that `exact` reads; others save floats a second computation

    # Loops. An operation says how its result comes about in one of these ways, written with a `loops.build.Builder` k;
    # one that says nothing is run by `evaluate`, called from native code.
    scalar: ClassVar[Any] = None  # elementwise: a name of `loops.scalars.OPS`, or (k, *numbers) -> number
    element: ClassVar[Any] = None  # (k, readers, index, *types) -> the result's element; readers[i](*index) is operand i's
    pieces: ClassVar[bool] = False  # `element` chooses between operands by the index
    strided: ClassVar[bool] = False  # `element` is operand 0 at an index that is linear in its own
    relabels: ClassVar[bool] = False  # the elements stay in row-major order
    reduction: ClassVar[Any] = None  # along `axes`: the scalar operation and what it gives of nothing
    spreads: ClassVar[bool] = False  # `nest` writes results into memory of any strides, those that renew no operand
    target: ClassVar[Any] = None  # (k, readers, index, *types) -> where in operand 0 the element of the last one is written, or added
    nest: ClassVar[Any] = None  # (k, operands, outs) -> places of the results, None for those written to outs; else NotImplemented

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if abstract:
            return
        missing = [rule for rule in RULES if getattr(cls, rule) is getattr(Primitive, rule) or rule == "samples" and not _has_samples(cls)]
        if missing:
            OPERATIONS.pop(cls.name, None)
            raise ContractError(
                four_parts(
                    f"primitive {cls.__name__} does not say how it behaves",
                    "missing: " + ", ".join(missing),
                    "Every transformation relies on every rule.",
                    f'write the rule, or declare it impossible: {missing[0]} = no("why it cannot exist")',
                )
            )

    def __call__(self, *operands: Any) -> Any:
        """Evaluate now if all operands are concrete, else record where the innermost of them lives."""
        for a in operands:
            if isinstance(a, (Traced, Literal)):
                return _builder.apply(self, operands)
        return self.evaluate(*operands)

    # -- the rules -------------------------------------------------------------------------

    def type(self, *operands: Type) -> tuple[Type, ...]:
        raise NotImplementedError

    def evaluate(self, *operands: Any) -> Any:
        """The value, by NumPy or SciPy. A tuple for several results."""
        raise NotImplementedError

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        """(operands, results, their tangents) -> tangents of the results."""
        raise NotImplementedError

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        """(cotangents of the results, operands, which are linear) -> their cotangents, None elsewhere."""
        raise NotImplementedError

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Results with a leading axis of `size`, given operands of which some have one."""
        raise NotImplementedError

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        raise NotImplementedError

    # -- rules with a default, for operations that contain functions ------------------------

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """(operands, tangents) -> (results, tangents of the results), both emitted."""
        outs = self(*primals)
        return outs, self.jvp(primals, outs, tangents)

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """As `forward`, splitting what depends on tangents from what does not."""
        return self.forward(primals, tangents)

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Emit the known part of an equation of which some operands are known; None if there is none.

        -> (results, None where not known; the operation that gives the others; its operands)
        """
        return None

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        """A smaller operation that gives the needed results, which operands it keeps, and which results it gives."""
        return None

    def compaction(self) -> Any:
        """For an expansion: how an elementwise consumer can use the operand instead. None for everything else.

        "same" if NumPy's broadcasting lines the operand up by itself, else a function that reshapes it.
        """
        return None

    def scalars(self, *types: Type) -> bool:
        """Whether `scalar` takes numbers of these operands' types."""
        return True

    def follows(self, *types: Type) -> bool:
        """Whether `element` reads its operands at an index as simple as its own."""
        return True

    def element_of(self, *types: Type) -> bool:
        """Whether `element` is the better way, where there is a `target` too."""
        return self.element is not None

    def laid_at(self, *types: Type) -> Sequence[Sequence[int] | None]:
        """For an operation that sets operands side by side: where in the result each begins, None for one that is not there as it is."""
        return (None,) * len(types)

    def renews(self, result: int) -> int | None:
        """The operand that this result may be written over: what it is made of, changed step by step or in places."""
        return 0 if self.target is not None else None

    def adds_to(self, result: int) -> int | None:
        """The operand to which this result is a sum: result = operand + something that does not depend on it."""
        return 0 if self.accumulates else None

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        """The axes of which any part of the result needs that part of the operands alone; of a single result."""
        if not self.elementwise:
            return ()
        return _straight(len(operands), operands[0].type.ndim)

    def shortened(self, axis: int, n: int) -> Any:
        """The operation where that axis of its result has length n: the same, unless it says how long axes are."""
        return self

    def indexed(self, operands: Sequence[Any]) -> Sequence[int]:
        """The operands whose elements are found by integers that are computed as the program runs."""
        if not self.moves and self.target is None:
            return ()
        places = operands[1:] if self.target is None else operands[1:-1]
        return (0,) if any([type(a) is Var and a.type.dtype.kind in "iu" for a in places]) else ()  # type: ignore[union-attr]

    def with_each_once(self, operands: Sequence[Any]) -> tuple[Primitive, Sequence[Any]]:
        """For an operation that holds Functions: one that is given each thing once, and its operands."""
        return self, operands

    def overwritten(self, x: Any, rest: Sequence[Any]) -> Any:
        """For an update of x in places: what is in those places, emitted. None where it does not tell."""
        return None

    def restored(self, x: Any, rest: Sequence[Any], old: Any) -> Any:
        """x with that put back, emitted; the last operand of the update is not looked at."""
        raise NotImplementedError

    def readable(self, rest: Sequence[Any]) -> bool:
        """Whether the last operand of the update is in those places after it, all of it."""
        return False

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        """Where the cotangent of operand `index` can be nonzero, given that mask for the result's; None if anywhere."""
        return mask if self.elementwise else None


def _has_samples(cls: type) -> bool:
    declared = cls.__dict__.get("samples")
    if declared is not None or getattr(cls, "domain", None) is not None:
        return True
    inherited = getattr(cls, "samples", None)
    return getattr(inherited, "__func__", inherited) not in (Primitive.samples.__func__, Elementwise.samples.__func__)  # type: ignore[attr-defined]


def as_evaluated(self: Any, m: Any, *operands: Any) -> Any:
    """The `exact` of an operation that moves, adds and multiplies: NumPy does that with numbers of any kind."""
    return self.evaluate(*operands)


# -- what engines and family bases may ask of the operations above: a vector space ------------


def role(name: str) -> Callable[[Any], Any]:
    """Let an operation, or a function that emits some, fill a role: add, mul, expand, …"""

    def fill(filler: Any) -> Any:
        ROLES[name] = filler() if isinstance(filler, type) else filler
        return filler

    return fill


def zeros(type: Type) -> Any:
    """The zero of a type: a literal, or the empty stack, which stands for zeros of any height."""
    return ROLES["empty_stack"](type) if isinstance(type, StackType) else zero_literal(type)


def instantiate(value: Any, type: Any) -> Any:
    """A symbolic zero made explicit."""
    return zeros(type) if value is None else value


def add_any(a: Any, b: Any) -> Any:
    """Sum of two tangents or cotangents, either of which may be a symbolic zero."""
    if a is None or b is None:
        return a if b is None else b
    if isinstance(getattr(a, "type", None), StackType):
        return ROLES["add_stacks"](a, b)
    return ROLES["add"](a, b)


def scale(partial: Any, dx: Any) -> Any:
    """partial * dx, where either may be a symbolic zero and `partial` a plain number."""
    if dx is None or partial is None:
        return None
    constant = isinstance(dx, Literal) and dx.is_splat
    if constant and dx.is_value(0):
        return None
    if isinstance(partial, (int, float)):
        if partial == 1:
            return dx
        if constant:
            return splat(partial * dx.value, dx.type)
        if partial == -1:
            return ROLES["neg"](dx)
        partial = splat(partial, dx.type)
    if isinstance(partial, Literal) and partial.is_value(0):
        return None
    if constant and dx.is_value(1):
        return partial
    return ROLES["strong_mul" if settings().strong_zero else "mul"](partial, dx)


def keep(mask: Any, x: Any) -> Any:
    """x where the mask holds, exactly zero elsewhere, whatever x is there."""
    return ROLES["select"](mask, x, zeros(x.type))


def expand(x: Any, size: int) -> Any:
    """A new leading axis of `size`, by repetition; each item of a stack gets it."""
    if isinstance(getattr(x, "type", None), StackType):
        return ROLES["expand_stack"](x, size)
    if isinstance(x, Literal) and x.is_splat:
        return splat(x.value, array_type((size, *x.type.shape), x.type.dtype))
    return ROLES["expand"](x, size)


def expand_all(size: int, batched: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    """Every operand with the leading axis."""
    return [x if has else expand(x, size) for has, x in zip(batched, operands, strict=True)]


# -- families -----------------------------------------------------------------------------


def same_types(operation: Operation, operands: Sequence[Type]) -> ArrayType:
    first = operands[0]
    for other in operands[1:]:
        if other is not first:
            raise ShapeError(four_parts(f"{operation!r} needs operands of one type", ", ".join(map(repr, operands))))
    assert isinstance(first, ArrayType), f"{operation!r} of a {first!r}"
    return first


class Elementwise(Primitive, abstract=True):
    """An operation applied element by element to operands of one type.

    `ufunc` is NumPy's or SciPy's; `partials(out, x, …)` gives the partial derivative by each
    operand: a value, a number, None where there is none, or a function called only when the
    operand is active (so that an expensive or impossible one costs nothing until asked for).
    `domain` is one (low, high) interval an operand, away from kinks, where tests look;
    `result` is "same", "bool" or "real" (the dtype of the result).
    """

    elementwise = True
    ufunc: ClassVar[Any] = None
    ufuncs: ClassVar[tuple[Any, ...]] = ()  # every NumPy function that is this primitive under lenient rules
    domain: ClassVar[Any] = None
    result: ClassVar[str] = "same"
    dtypes: ClassVar[str] = "fdFD"  # kinds the tests try
    transpose = no("the operation is not linear")

    def type(self, *operands: Type) -> tuple[Type, ...]:
        type = same_types(self, operands)
        if self.result == "same":
            return (type,)
        if self.result == "bool":
            return (type.with_dtype(np.bool_),)
        return (type.with_dtype(np.empty(0, type.dtype).real.dtype),)

    def evaluate(self, *operands: Any) -> Any:
        return self.ufunc(*operands)

    def partials(self, out: Any, *operands: Any) -> Sequence[Any]:
        """The partial derivatives by each operand."""
        raise NotImplementedError

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        total = None
        for i, why in self.fixed.items():
            if tangents[i] is not None:
                raise NoRuleError(
                    four_parts(f"{self.name} has no derivative by operand {i}", f"operand {i} is {primals[i].type!r}", f"{why}.")
                )
        partials = self.partials(outs, *primals)
        if not isinstance(partials, (tuple, list)) or len(partials) != len(tangents):
            got = len(partials) if isinstance(partials, (tuple, list)) else f"a {type(partials).__name__}"
            raise ContractError(
                four_parts(
                    f"the partials of {type(self).__name__} must be a tuple with one for each operand",
                    f"{self.name} has {len(tangents)} operand(s); partials gave {got}",
                    instead="return (partial,), with None where there is no derivative",
                )
            )
        for partial, dx in zip(partials, tangents, strict=True):
            if dx is not None:
                total = add_any(total, scale(partial() if callable(partial) else partial, dx))
        return total

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        domain = cls.domain if isinstance(cls.domain[0], tuple) else (cls.domain,)
        rng = np.random.default_rng(len(cls.name) + 7 * ord(cls.name[0]))
        operation = cls()
        for code in cls.dtypes:
            dtype = np.dtype(code)
            for shape in ((), (3,), (2, 2)):
                operands = []
                for low, high in domain:
                    x = rng.uniform(low, high, shape)
                    if dtype.kind == "c":
                        if not cls.analytic:
                            break
                        x = x + 1j * rng.uniform(-0.2, 0.2, shape)
                    elif dtype.kind in "iu":
                        x = np.round(x)
                    operands.append(np.asarray(x, dtype)[()])
                else:
                    yield Sample(operation, *operands, complex_step=cls.analytic)

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        if not abstract and cls.jvp is Elementwise.jvp and cls.partials is Elementwise.partials:
            cls.jvp = Primitive.jvp  # type: ignore[method-assign]  # partials forgotten: let the check say so
        if not abstract and cls.evaluate is Elementwise.evaluate and cls.ufunc is None:
            cls.evaluate = Primitive.evaluate  # type: ignore[method-assign]  # ufunc forgotten
        super().__init_subclass__(abstract=abstract, **kwargs)


class Linear(Primitive, abstract=True):
    """Linear in all its operands together: the tangent is the operation applied to tangents."""

    exact = as_evaluated

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if all(dx is None for dx in tangents):
            return None
        return self(*[instantiate(dx, x.type) for dx, x in zip(tangents, primals, strict=True)])


class Multilinear(Primitive, abstract=True):
    """Linear in each of the operands in `factors`, with the others held: product rules follow."""

    factors: ClassVar[tuple[int, ...]] = (0, 1)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        total = None
        for i in self.factors:
            if tangents[i] is not None and not _has_zero_literal(primals, self.factors, i):
                operands = list(primals)
                operands[i] = tangents[i]
                total = add_any(total, self(*operands))
        return total


def _has_zero_literal(primals: Sequence[Any], factors: Iterable[int], but: int) -> bool:
    """Whether another factor is a literal zero: a structural zero stays zero, whatever it multiplies."""
    return any(j != but and isinstance(primals[j], Literal) and primals[j].is_value(0) for j in factors)


class Shared:
    """A result of a batch rule that is the same in all lanes, and has no lane axis."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Into:
    """A cotangent that is added into a part of its array: operation(accumulator, *rest).

    A transpose rule returns it so that a thousand reads of single elements cost a thousand
    additions of one number, not of a thousand.
    """

    __slots__ = ("operation", "rest")

    def __init__(self, operation: Primitive, *rest: Any) -> None:
        self.operation, self.rest = operation, rest

    def onto(self, accumulator: Any) -> Any:
        return self.operation(accumulator, *self.rest)


class Sum:
    """A cotangent with all that was summed of it before.

    The transpose rule of an operation that `continues` may return it, so that a loop adds into an array that is there
    instead of making one of zeros, to be added when the loop has run.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
