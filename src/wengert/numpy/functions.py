"""Every function of NumPy that accepts traced values: importing this fills the table.

It is imported when a function is first looked for. `table.OWN` are the names that
`wengert.numpy` has and NumPy has not.
"""

from wengert.numpy import (
    calculus,
    creation,
    elementary,
    fourier,
    linear_algebra,
    operators,
    polynomials,
    products,
    reductions,
    selecting,
    shaping,
    statistics,
)
from wengert.numpy.indexing import at

FAMILIES = (
    operators,
    elementary,
    creation,
    shaping,
    reductions,
    selecting,
    products,
    linear_algebra,
    fourier,
    statistics,
    calculus,
    polynomials,
)
__all__ = ["FAMILIES", "at"]
