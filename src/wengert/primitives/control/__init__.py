"""Operations that contain Functions: call, cond, loop, while, custom rules, checkpoint, host callback.

Their rules are written with the transformations themselves. Start at `call.Call`.
"""

from wengert.primitives.control.call import Call

__all__ = ["Call"]
