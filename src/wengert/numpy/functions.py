"""Every function of NumPy that accepts traced values: importing this fills the table.

`OWN` are the names that `wengert.numpy` has and NumPy has not.
"""

from wengert.numpy import creation, elementary, operators, products, reductions, selecting, shaping  # noqa: F401
from wengert.numpy.indexing import at

OWN = frozenset({"at"})

__all__ = ["OWN", "at"]
