"""Linear algebra: contraction, factorisations, systems, spectra, functions of matrices.

Every operation but `Dot` works on the last one or two axes and stacks over those before them, so that batching is the
operation itself. Each module's docstring says where to start; the order in which they may import each other is

    diagonal, blas, elimination < lapack < by_svd < contraction < algebra < triangular < inverse < factor < solve
    < norm < eigen < svd, spectral, determinant, functions, schur
"""

from wengert.primitives.linalg.contraction import Dot, dot, einsum_strict, matmul_strict
from wengert.primitives.linalg.determinant import Adjugate, AdjugateTangent, Det, Slogdet, slogdet
from wengert.primitives.linalg.diagonal import Diagonal, DiagonalEmbed, Triangle, diagonal, embed, trace, tril, triu
from wengert.primitives.linalg.eigen import Eig, Eigenvectors, Eigh, Eigvals, Eigvalsh
from wengert.primitives.linalg.factor import ApplyPivots, Cholesky, Lu, Qr
from wengert.primitives.linalg.functions import Frechet, MatrixFunction, expm, logm, matrix_function, sqrtm
from wengert.primitives.linalg.inverse import Inv, Pinv, lstsq, pinv
from wengert.primitives.linalg.norm import VectorNorm, norm
from wengert.primitives.linalg.schur import Schur, SchurCoupling, schur
from wengert.primitives.linalg.solve import Solve, lu_solve, solve, solve_factored
from wengert.primitives.linalg.spectral import Spectral, SpectralSum
from wengert.primitives.linalg.svd import Polar, SingularVectors, Svd, Svdvals
from wengert.primitives.linalg.triangular import Sylvester, TriangularSolve, cho_solve

cholesky, lu, inv, det = Cholesky(), Lu(), Inv(), Det()
eigh, eigvalsh, eig, eigvals = Eigh(), Eigvalsh(), Eig(), Eigvals()
svdvals, polar, sylvester = Svdvals(), Polar(), Sylvester()

__all__ = [
    "Adjugate",
    "AdjugateTangent",
    "ApplyPivots",
    "Cholesky",
    "Det",
    "Diagonal",
    "DiagonalEmbed",
    "Dot",
    "Eig",
    "Eigenvectors",
    "Eigh",
    "Eigvals",
    "Eigvalsh",
    "Frechet",
    "Inv",
    "Lu",
    "MatrixFunction",
    "Pinv",
    "Polar",
    "Qr",
    "Schur",
    "SchurCoupling",
    "SingularVectors",
    "Slogdet",
    "Solve",
    "Spectral",
    "SpectralSum",
    "Svd",
    "Svdvals",
    "Sylvester",
    "Triangle",
    "TriangularSolve",
    "VectorNorm",
    "cho_solve",
    "cholesky",
    "det",
    "diagonal",
    "dot",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "einsum_strict",
    "embed",
    "expm",
    "inv",
    "logm",
    "lstsq",
    "lu",
    "lu_solve",
    "matmul_strict",
    "matrix_function",
    "norm",
    "pinv",
    "polar",
    "schur",
    "slogdet",
    "solve",
    "solve_factored",
    "sqrtm",
    "svdvals",
    "sylvester",
    "trace",
    "tril",
    "triu",
]
