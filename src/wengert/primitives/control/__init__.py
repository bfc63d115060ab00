"""Operations that contain Functions: call, cond, loop, while, custom rules, checkpoint, host callback; and effects.

Their rules are written with the transformations themselves. Start at `call.Call`.
"""

from wengert.primitives.control.call import Call
from wengert.primitives.control.checkpoint import Checkpoint, HostCallback
from wengert.primitives.control.cond import Cond
from wengert.primitives.control.custom import CustomJvp, CustomVjp, GivenVjp, LinearCall
from wengert.primitives.control.effects import Check, Print
from wengert.primitives.control.loop import Loop
from wengert.primitives.control.stack import EmptyStack, Height, Stack
from wengert.primitives.control.while_ import While

__all__ = [
    "Call",
    "Check",
    "Checkpoint",
    "Cond",
    "CustomJvp",
    "CustomVjp",
    "EmptyStack",
    "GivenVjp",
    "Height",
    "HostCallback",
    "LinearCall",
    "Loop",
    "Print",
    "Stack",
    "While",
]
