"""Special functions with SciPy's names, one file a family; loaded when first asked for, as it imports SciPy.

Knows SciPy, and the families up to linalg. Formulas are cited by their number in the NIST Digital Library of
Mathematical Functions (DLMF). Start at `gamma`.
"""

from wengert.primitives.special import airy, bessel, beta, elliptic, erf, expint, gamma, hypergeometric, incomplete, logistic, polynomial

__all__ = ["airy", "bessel", "beta", "elliptic", "erf", "expint", "gamma", "hypergeometric", "incomplete", "logistic", "polynomial"]
