"""wengert: exact derivatives of plain Python + NumPy functions.

The public names and where each lives. A name is imported when it is first used, so that
`import wengert` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wengert.config import config  # now, lest the submodule of that name stand in its place

if TYPE_CHECKING:
    from wengert.api.aot import compile, spec
    from wengert.api.batching import vmap
    from wengert.api.compile import jit
    from wengert.api.control import cond, loop, scan, while_loop
    from wengert.api.custom import checkpoint, custom_jvp, custom_vjp
    from wengert.api.derivatives import elementwise_grad, grad, hvp, jvp, linearize, stop_gradient, value_and_grad, vjp
    from wengert.api.jacobian import hessian, jacfwd, jacobian, jacrev
    from wengert.api.opaque import defjvp, defvjp, primitive
    from wengert.api.recording import record
    from wengert.api.variable import Variable, no_grad
    from wengert.check.assertion import assert_gradient
    from wengert.methods.compare import compare
    from wengert.viz.draw import draw
    from wengert.viz.explore import explore
    from wengert.viz.table import trace_table

__version__ = "0.1.0"

__all__ = [
    "Variable",
    "assert_gradient",
    "checkpoint",
    "compare",
    "compile",
    "cond",
    "config",
    "custom_jvp",
    "custom_vjp",
    "defjvp",
    "defvjp",
    "draw",
    "elementwise_grad",
    "explore",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "loop",
    "no_grad",
    "primitive",
    "record",
    "scan",
    "spec",
    "stop_gradient",
    "trace_table",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]

_HOME = {
    "aot": ("compile", "spec"),
    "batching": ("vmap",),
    "compile": ("jit",),
    "control": ("cond", "loop", "scan", "while_loop"),
    "custom": ("checkpoint", "custom_jvp", "custom_vjp"),
    "derivatives": ("elementwise_grad", "grad", "hvp", "jvp", "linearize", "stop_gradient", "value_and_grad", "vjp"),
    "jacobian": ("hessian", "jacfwd", "jacobian", "jacrev"),
    "opaque": ("defjvp", "defvjp", "primitive"),
    "recording": ("record",),
    "variable": ("Variable", "no_grad"),
}
_MODULE = {name: f"wengert.api.{module}" for module, names in _HOME.items() for name in names}
_MODULE["compare"] = "wengert.methods.compare"
_MODULE |= {"draw": "wengert.viz.draw", "explore": "wengert.viz.explore", "trace_table": "wengert.viz.table"}
_MODULE["assert_gradient"] = "wengert.check.assertion"
_SUBMODULES = ("check", "extend", "methods", "nn", "numpy", "scipy")


def __getattr__(name: str) -> Any:
    if name in _MODULE:
        value: Any = getattr(import_module(_MODULE[name]), name)
    elif name in _SUBMODULES:
        value = import_module(f"wengert.{name}")
    else:
        raise AttributeError(f"module 'wengert' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
