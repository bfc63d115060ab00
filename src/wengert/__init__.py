"""wengert: exact derivatives of plain Python + NumPy functions.

The public names, listed; nothing is computed here, so that importing stays cheap.
"""

from wengert.api.batching import vmap
from wengert.api.control import cond, loop, scan, while_loop
from wengert.api.custom import checkpoint, custom_jvp, custom_vjp
from wengert.api.derivatives import elementwise_grad, grad, hvp, jvp, linearize, stop_gradient, value_and_grad, vjp
from wengert.api.jacobian import hessian, jacfwd, jacobian, jacrev
from wengert.api.opaque import defjvp, defvjp, primitive
from wengert.api.recording import record
from wengert.config import config

__version__ = "0.1.0"

__all__ = [
    "checkpoint",
    "cond",
    "config",
    "custom_jvp",
    "custom_vjp",
    "defjvp",
    "defvjp",
    "elementwise_grad",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "loop",
    "primitive",
    "record",
    "scan",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
