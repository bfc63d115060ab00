"""The ways to a derivative, side by side: numerical, symbolic, forward and reverse; and how they compare.

Knows the interface; nothing below knows this room, and no other wing. Start at `interface.derivative`, then `compare`.
"""

from wengert.methods.interface import derivative, found
from wengert.methods.symbolic import formulas

__all__ = ["derivative", "formulas", "found"]
