"""grad, value_and_grad, jvp, vjp, linearize and their kin: the derivatives of a user's function at a point.

Each traces the function, transforms the Function it gets (remembered, when the trace was seen
before) and applies that. Start at `value_and_grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import Argnums, Point, apply, as_value, locate
from wengert.api.transformed import Transformed
from wengert.errors import ArgumentError, NonScalarOutputError, ShapeError, four_parts
from wengert.ir.values import Function, Traced
from wengert.primitives.shape import stop_gradient as _stop_gradient
from wengert.source import here
from wengert.trace.record import Run, name_of, where
from wengert.transform.jvp import jvp as _jvp
from wengert.transform.linearize import gradient
from wengert.transform.linearize import linearize as _linearize
from wengert.transform.linearize import vjp as _vjp
from wengert.transform.transpose import transpose


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Transformed:
    """The value of a function and its gradient, in one reverse sweep.

    Use it wherever both are needed: the gradient costs a small multiple of the function,
    whatever the number of inputs.

    Parameters
    ----------
    f : callable
        Returns one real number (0-d array). Of complex arguments the gradient follows JAX's
        convention: it is the conjugate of the direction of steepest ascent.
    argnums : int, str, or sequence of them
        Arguments to differentiate by, by position or name. Their leaves are floats or arrays of
        real or complex dtype; the gradient has the same containers, shapes and dtypes.
    has_aux : bool
        f returns (value, aux), and so does this: ((value, aux), gradient).
    holomorphic : bool
        f is complex differentiable with a complex result.

    Raises
    ------
    NotDifferentiableError
        For an integer, bool or string argument.
    NonScalarOutputError
        If f does not return one number.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> value, gradient = wg.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))

    Reverse accumulation: Griewank & Walther, Evaluating Derivatives (2008), ch. 3.
    """
    return Transformed(_value_and_grad, f, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic)


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Transformed:
    """The gradient of a function that returns one number.

    Use it where the value is not needed; parameters, errors and method are those of `value_and_grad`.
    With `has_aux` it returns (gradient, aux).

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.grad(np.sin)(0.0)
    np.float64(1.0)
    >>> wg.grad(wg.grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    return Transformed(_grad, f, argnums=argnums, has_aux=has_aux, holomorphic=holomorphic)


def _grad(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    value, gradients = _value_and_grad(f, options, args, kwargs)
    return (gradients, value[1]) if options["has_aux"] else gradients


def _value_and_grad(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    point = Point(f, args, kwargs, options["argnums"])
    done = point.run(options["has_aux"])
    _require_scalar(f, done, point, options["holomorphic"])
    arguments = [*point.values, *done.captured]
    results = apply(gradient(done.function, point.mask(done.function)), arguments)
    n = len(done.function.outputs)
    point.write_back(done, results[:n])
    value = done.outputs(results[:1])
    gradients = point.rebuild(results[n:])
    return ((value, done.auxiliary(results[1:n])) if options["has_aux"] else value), gradients


def _require_scalar(f: Any, done: Run, point: Point, holomorphic: bool) -> None:
    if done.n_outputs != 1 or done.function.outputs[0].type.shape != ():  # type: ignore[union-attr]
        got = ", ".join(repr(t) for t in done.function.out_types[: done.n_outputs]) or "nothing"
        raise NonScalarOutputError(
            four_parts(
                f"grad needs a function that returns one number; {name_of(f)} does not",
                f"it returned {got}",
                "A gradient is defined for one output; several outputs have a Jacobian.",
                "wengert.jacobian(f), wengert.vjp(f, x) with a cotangent, or sum the outputs",
                where(f),
            )
        )
    kind = done.function.outputs[0].type.dtype.kind  # type: ignore[union-attr]
    if kind not in "fc":
        raise NonScalarOutputError(
            four_parts(
                f"{name_of(f)} returns an integer or bool, which has no gradient",
                f"it returned {done.function.outputs[0].type!r}",
                "It changes in steps.",
                "return a float",
                where(f),
            )
        )
    if kind == "c" and not holomorphic:
        raise NonScalarOutputError(
            four_parts(
                f"{name_of(f)} returns a complex number",
                f"it returned {done.function.outputs[0].type!r}",
                "A gradient of a complex result is defined only for holomorphic functions.",
                "return a real number such as abs(z) or z.real; or, if f is complex differentiable, holomorphic=True",
                where(f),
            )
        )
    if holomorphic and any(t.dtype.kind != "c" for t in point.types):  # type: ignore[union-attr]
        raise NonScalarOutputError(
            four_parts(
                "holomorphic=True needs complex arguments",
                f"got {', '.join(map(repr, point.types))}",
                instead="x.astype(complex)",
                where=here(),
            )
        )


# -- forward mode and the building blocks ------------------------------------------------------


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """The value of f and its derivative in one direction: J·v, in one forward sweep.

    Use it for few inputs and many outputs; it costs about as much again as f, for any number of outputs.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    primals, tangents : sequences of arguments
        One tangent for each positional argument, of its containers, shapes and dtypes.
    has_aux : bool
        f returns (value, aux).

    Returns
    -------
    (value, tangent), or (value, tangent, aux)
        The tangent has the containers, shapes and dtypes of the value; float64 zeros for an integer.

    Raises
    ------
    NotDifferentiableError
        For an integer, bool or string argument.
    ArgumentError, TreeError, ShapeError
        If the tangents do not fit the primals: in number, containers or shapes.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> value, tangent = wg.jvp(lambda x: x * np.array([1.0, 2.0]), (3.0,), (1.0,))
    >>> tangent
    array([1., 2.])

    Forward accumulation: Griewank & Walther, Evaluating Derivatives (2008), ch. 3.
    """
    point, direction = _direction(f, primals, tangents)
    done = point.run(has_aux)
    function, out_active = _jvp(done.function, point.mask(done.function))
    results = apply(function, [*point.values, *done.captured, *direction])
    n = len(done.function.outputs)
    point.write_back(done, results[:n])
    out = done.outputs(results[: done.n_outputs])
    dout = done.outputs(_scatter_tangents(done, out_active, results[n:]))
    return (out, dout, done.auxiliary(results[done.n_outputs : n])) if has_aux else (out, dout)


def _direction(f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Point, list[Any]]:
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise ArgumentError(
            four_parts("jvp takes tuples: jvp(f, (x,), (dx,))", f"got {type(primals).__name__} and {type(tangents).__name__}", where=here())
        )
    if len(primals) != len(tangents):
        raise ArgumentError(
            four_parts(
                "jvp needs one tangent for each argument", f"got {len(primals)} arguments and {len(tangents)} tangents", where=here()
            )
        )
    point = Point(f, tuple(primals), {}, tuple(range(len(primals))))
    leaves, structure = tree.flatten(tuple(tangents))
    tree.require_same("the tangents", point.structure, structure)
    return point, [conform(leaves[i], t, "tangent") for i, t in zip(point.active, point.types, strict=True)]


def conform(value: Any, type: Any, what: str) -> Any:
    """A tangent or cotangent in the dtype of its primal; an error if its shape is another."""
    value = as_value(value)
    if value is None or value.shape != type.shape:
        got = "not a number or an array" if value is None else f"shape {value.shape}"
        raise ShapeError(four_parts(f"a {what} must have the shape of what it belongs to", f"expected {type!r}, got {got}", where=here()))
    if value.dtype.kind == "c" and type.dtype.kind != "c":
        raise ShapeError(
            four_parts(
                f"a complex {what} for a real value",
                f"expected {type!r}, got {value.dtype}",
                instead=f"pass the real part of the {what}",
                where=here(),
            )
        )
    if value.dtype == type.dtype:
        return value
    return value.astype(type.dtype)


def _scatter_tangents(done: Run, out_active: Sequence[bool], tangents: Sequence[Any]) -> list[Any]:
    """Tangents of all outputs: zeros where an output does not depend on the arguments."""
    remaining = iter(tangents)
    full = [next(remaining) if on else zero_of(a.type) for a, on in zip(done.function.outputs, out_active, strict=True)]
    return full[: done.n_outputs]


def zero_of(type: Any) -> Any:
    """A concrete zero of an array type; float64 for an integer one, which has no tangent of its own."""
    dtype = type.dtype if type.inexact else np.float64
    return np.zeros(type.shape, dtype) if type.shape else np.dtype(dtype).type(0)


class Pullback:
    """The transposed linear part of a function at a point: cotangents of outputs -> cotangents of arguments.

    Callable any number of times; picklable.
    """

    def __init__(self, tangent: Function, residuals: list[Any], out_active: Sequence[bool], run: Run, point: Point) -> None:
        self._tangent, self._residuals, self._out_active = tangent, residuals, tuple(out_active)
        self._out_types = run.function.out_types[: run.n_outputs]
        self._out_structure = run.structure
        self._structure, self._leaves, self._active, self._single = (
            point.structure,
            [_skeleton(x) for x in point.leaves],
            point.active,
            point.single,
        )
        self._types = point.types

    def __call__(self, cotangent: Any) -> Any:
        """A cotangent in the containers of the output -> a tuple of cotangents, one an argument."""
        leaves, structure = tree.flatten(cotangent)
        tree.require_same("the cotangent", self._out_structure, structure)
        cts = [conform(leaf, type, "cotangent") for leaf, type, on in zip(leaves, self._out_types, self._out_active, strict=False) if on]
        n = len(self._tangent.inputs) - len(self._residuals)
        seeded = (True,) * len(cts) + (False,) * (len(self._tangent.outputs) - len(cts))
        backward = transpose(self._tangent, (False,) * len(self._residuals) + (True,) * n, seeded)
        results = apply(backward, [*self._residuals, *cts])
        out = list(self._leaves)
        for i, value in zip(self._active, results, strict=True):
            out[i] = value
        return tree.unflatten(self._structure, out)


def _skeleton(leaf: Any) -> Any:
    value = as_value(leaf)
    return None if value is None else np.zeros(value.shape)[()]


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of f and its pullback, which maps a cotangent v of the output to vᵀJ.

    Use it for outputs that are not one number, or for many cotangents at one point: f is evaluated once.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    primals : arguments
        Floats, arrays of real or complex dtype, containers of them.
    has_aux : bool
        f returns (value, aux).

    Returns
    -------
    (value, pullback), or (value, pullback, aux)
        `pullback(ct)` takes a cotangent in the containers and shapes of the value, and returns a tuple, one cotangent
        an argument, in its containers, shapes and dtypes. The pairing is the plain one, without conjugation.

    Raises
    ------
    NotDifferentiableError
        For an integer, bool or string argument.
    TreeError, ShapeError
        By the pullback, for a cotangent that does not fit the value.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> value, pullback = wg.vjp(lambda x, y: x * y, np.array([1.0, 2.0]), 3.0)
    >>> pullback(np.ones(2))
    (array([3., 3.]), np.float64(3.0))

    Radul et al., You Only Linearize Once: Tangents Transpose to Gradients (2023).
    """
    point = Point(f, primals, {}, tuple(range(len(primals))))
    done = point.run(has_aux)
    split = _linearize(done.function, point.mask(done.function))
    results = apply(split.primal, [*point.values, *done.captured])
    n = len(done.function.outputs)
    point.write_back(done, results[:n])
    pullback = Pullback(split.tangent, results[n:], split.out_active[: done.n_outputs], done, point)
    out = done.outputs(results[: done.n_outputs])
    return (out, pullback, done.auxiliary(results[done.n_outputs : n])) if has_aux else (out, pullback)


class Pushforward:
    """The linear part of a function at a point: tangents of arguments -> tangent of the output."""

    def __init__(self, tangent: Function, residuals: list[Any], out_active: Sequence[bool], run: Run, point: Point) -> None:
        self._tangent, self._residuals, self._out_active = tangent, residuals, tuple(out_active)
        self._out_types, self._out_structure, self._n = run.function.out_types, run.structure, run.n_outputs
        self._structure, self._active, self._types = point.structure, point.active, point.types

    def __call__(self, *tangents: Any) -> Any:
        """One tangent an argument -> the tangent of the output, in its containers."""
        leaves, structure = tree.flatten(tuple(tangents))
        tree.require_same("the tangents", self._structure, structure)
        direction = [conform(leaves[i], t, "tangent") for i, t in zip(self._active, self._types, strict=True)]
        remaining = iter(apply(self._tangent, [*self._residuals, *direction]))
        full = [next(remaining) if on else zero_of(t) for t, on in zip(self._out_types, self._out_active, strict=True)]
        return tree.unflatten(self._out_structure, full[: self._n])


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Pushforward]:
    """The value of f and its derivative at a point as a function of the direction.

    Use it instead of `jvp` when many directions are wanted at one point: f itself is evaluated once.
    Tangents are as in `jvp`, and so are the errors.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> value, pushforward = wg.linearize(np.sin, 0.0)
    >>> pushforward(2.0)
    np.float64(2.0)
    """
    point = Point(f, primals, {}, tuple(range(len(primals))))
    done = point.run()
    split = _linearize(done.function, point.mask(done.function))
    results = apply(split.primal, [*point.values, *done.captured])
    n = len(done.function.outputs)
    point.write_back(done, results[:n])
    return done.outputs(results[:n]), Pushforward(split.tangent, results[n:], split.out_active, done, point)


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Transformed:
    """The derivative of a function that works element by element: the sum of each Jacobian column.

    Use it for functions of the kind of `np.sin`; of any other, the columns' sums are seldom what is wanted.

    Parameters
    ----------
    f : callable
        Returns an array of the shape of its argument.
    argnums : int, str, or sequence of them
        Arguments to differentiate by; the derivative has their containers, shapes and dtypes.

    Raises
    ------
    NotDifferentiableError
        For an integer, bool or string argument.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Transformed(_elementwise_grad, f, argnums=argnums)


def _elementwise_grad(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    point = Point(f, args, kwargs, options["argnums"])
    done = point.run()
    function = done.function
    seeds = [np.ones(t.shape, t.dtype) for t in function.out_types if t.inexact]  # type: ignore[union-attr]
    results = apply(_vjp(function, point.mask(function)), [*point.values, *done.captured, *seeds])
    point.write_back(done, results[: len(function.outputs)])
    return point.rebuild(results[len(function.outputs) :])


def hvp(f: Callable[..., Any], argnums: int | str = 0) -> Transformed:
    """Hessian-vector products of a scalar function: `hvp(f)(*args, v)` is H·v, at a few times the cost of f.

    Use it where the Hessian is too large, as in Newton-CG: forward mode over reverse mode, it is never formed.

    Parameters
    ----------
    f : callable
        Returns one real number.
    argnums : int or str
        The argument to differentiate by, by position or name. The vector v, the last positional
        argument, has its containers, shapes and dtypes, and so has the product.

    Raises
    ------
    ArgumentError
        If the call lacks the argument or the vector.
    NonScalarOutputError, NotDifferentiableError, TreeError, ShapeError
        As for `grad` and `jvp`.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])

    Pearlmutter, Fast exact multiplication by the Hessian (1994).
    """
    return Transformed(_hvp, f, argnums=argnums)


def _hvp(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    asked, rest, v = options["argnums"], list(args[:-1]), args[-1] if args else None
    if not args or (isinstance(asked, int) and not -len(rest) <= asked < len(rest)):
        raise ArgumentError(
            four_parts(
                "hvp(f)(*args, v) needs the arguments of f and the vector", f"got {len(args)} arguments, argnums={asked}", where=here()
            )
        )
    which = locate(f, asked, tuple(rest), kwargs)

    def of_one(x: Any) -> Any:
        moved, named = (rest.copy(), kwargs) if isinstance(which, int) else (rest, kwargs.copy())
        (moved if isinstance(which, int) else named)[which] = x  # type: ignore[index]
        return _grad(f, {"argnums": which, "has_aux": False, "holomorphic": False}, tuple(moved), named)

    at = rest[which] if isinstance(which, int) else kwargs[which]
    return jvp(of_one, (at,), (v,))[1]


def stop_gradient(x: Any) -> Any:
    """x, as a constant to every derivative. Containers are taken leaf by leaf, and what is no number stays as it is.

    Use it for targets, step sizes and estimates that should not be differentiated through.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.grad(lambda x: x * wg.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return tree.map_leaves(lambda leaf: _stop_gradient(leaf) if isinstance(leaf, Traced) else leaf, x)
