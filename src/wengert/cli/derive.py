"""`wengert grad` and `wengert check`: derivatives of the user's function at a point, printed.

Start at `grad`.
"""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.derivatives import value_and_grad
from wengert.api.jacobian import hessian
from wengert.check import check_grads, kinks, nan_hunt
from wengert.cli.failure import Failure
from wengert.cli.target import resolve
from wengert.cli.values import Arguments, arguments
from wengert.errors import CheckFailed


def grad(options: Any) -> int:
    """`wengert grad`: the value, the gradient, the Hessian."""
    order = _order(options.order, (1, 2))
    f, call, name = _prepare(options)
    args, kwargs = call.split()
    argnums: Any = call.argnums if len(call.wrt) > 1 else call.argnums[0]
    value, gradient = value_and_grad(f, argnums=argnums)(*args, **kwargs)
    second = hessian(f, argnums=argnums)(*args, **kwargs) if order == 2 else None
    wrt = call.wrt
    if options.json:
        result: dict[str, Any] = {"function": name, "wrt": wrt, "value": _plain(value), "gradient": _plain(_by_name(gradient, wrt))}
        if order == 2:
            result["hessian"] = _plain(_by_name_twice(second, wrt))
        print(json.dumps(result, allow_nan=False))
        return 0
    print(f"{name} by {', '.join(wrt)}\n")
    print(f"value\n  {_number(value)}\n")
    _print("gradient", _by_name(gradient, wrt))
    if order == 2:
        print()
        _print("Hessian", _by_name_twice(second, wrt))
    return 0


def check(options: Any) -> int:
    """`wengert check`: check_grads; exit status 1 and its message if a derivative is wrong. Then what is not finite, and the kinks."""
    order = _order(options.order, (1, 2, 3))
    f, call, name = _prepare(options)
    modes = tuple(options.mode or ("forward", "reverse"))

    def of_chosen(*moved: Any) -> Any:
        args, kwargs = call.split(dict(zip(call.wrt, moved, strict=True)))
        return f(*args, **kwargs)

    of_chosen.__name__ = name
    of_chosen.__wrapped__ = f  # type: ignore[attr-defined]  # messages show the user's line, and the user's names if f tells them
    if all([n.isidentifier() for n in call.wrt]):
        parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in call.wrt]
        of_chosen.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    at = tuple([call.values[n] for n in call.wrt])
    status = 0
    try:
        check_grads(of_chosen, at, order=order, modes=modes)
        by = ", ".join(call.wrt)
        print(f"{name}: {' and '.join(modes)} derivatives by {by} agree with differences, to order {order}")
    except CheckFailed as failed:
        print(failed)
        status = 1
    for found in (nan_hunt(of_chosen)(*at), kinks(of_chosen)(*at)):
        if found:
            print(f"\n{found}")
    return status


def _prepare(options: Any) -> tuple[Any, Arguments, str]:
    f = resolve(options.target)
    name = getattr(f, "__name__", options.target)
    return f, arguments(f, options.at, options.data, options.wrt, name), name


def _order(text: str, allowed: tuple[int, ...]) -> int:
    if text not in [str(n) for n in allowed]:
        raise Failure(f"--order {text}: choose from {', '.join(map(str, allowed))}")
    return int(text)


def _by_name(values: Any, wrt: list[str]) -> Any:
    return dict(zip(wrt, values, strict=True)) if len(wrt) > 1 else values


def _by_name_twice(values: Any, wrt: list[str]) -> Any:
    return {a: _by_name(row, wrt) for a, row in zip(wrt, values, strict=True)} if len(wrt) > 1 else values


# -- printing ---------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """For JSON: lists and floats; complex numbers as {"re", "im"}; what is not finite as a string."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, complex):
        return {"re": _plain(value.real), "im": _plain(value.imag)}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _print(title: str, value: Any) -> None:
    leaves, structure = tree.flatten(value)
    for path, leaf in zip(tree.paths(structure), leaves, strict=True):
        print(f"{title}{path.replace(chr(39), '')}")
        array = np.asarray(leaf)
        text = (
            _number(leaf)
            if not array.ndim
            else np.array2string(array, precision=17, separator="  ", max_line_width=140, floatmode="unique")
        )
        print("  " + text.replace("\n", "\n  "))


def _number(value: Any) -> str:
    return repr(np.asarray(value).item())
