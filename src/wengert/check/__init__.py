"""Checks of derivatives against numbers: a function's (`check_grads`) and the rules' completeness (`audit`).

Knows the interface; nothing below knows this room. Start at `gradients.check_grads`.
"""

from wengert.check.gradients import check_grads

__all__ = ["check_grads"]
