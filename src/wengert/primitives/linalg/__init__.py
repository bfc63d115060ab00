"""Linear algebra: contraction here at once, factorisations and functions of matrices beside it.

Every operation but `Dot` works on the last one or two axes and stacks over the others, so batching is the
operation itself. Start at `contraction.Dot`.
"""

from wengert.primitives.linalg.contraction import Dot, dot, einsum_strict, matmul_strict
from wengert.primitives.linalg.diagonal import Diagonal, DiagonalEmbed, Triangle, diagonal, embed, trace, tril, triu

__all__ = [
    "Diagonal",
    "DiagonalEmbed",
    "Dot",
    "Triangle",
    "diagonal",
    "dot",
    "einsum_strict",
    "embed",
    "matmul_strict",
    "trace",
    "tril",
    "triu",
]
