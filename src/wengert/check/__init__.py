"""What a derivative can be trusted for: against differences, at kinks, where NaN begin; and whether all rules are written (`audit`).

Knows the interface; nothing below knows this room. Start at `gradients.check_grads`.
"""

from wengert.check.assertion import assert_gradient
from wengert.check.gradients import check_grads
from wengert.check.kinks import kinks
from wengert.check.nans import nan_hunt

__all__ = ["assert_gradient", "check_grads", "kinks", "nan_hunt"]
