"""The interface for authors of primitives: what a file of one's own imports.

    from wengert.extend import Elementwise, elementwise

    class Softsign(Elementwise):
        ufunc, domain = my_ufunc, (0.5, 2.0)
        def partials(self, out, x): ...

See CONTRIBUTING.md.
"""

from wengert.contract import Elementwise, Linear, Multilinear, Primitive, Sample, flat, no
from wengert.ir.types import ArrayType, array_type
from wengert.numpy.table import elementwise, implements

__all__ = [
    "ArrayType",
    "Elementwise",
    "Linear",
    "Multilinear",
    "Primitive",
    "Sample",
    "array_type",
    "elementwise",
    "flat",
    "implements",
    "no",
]
