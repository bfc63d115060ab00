"""Minimise a function of 200 variables with SciPy, by exact Hessian-vector products and by the exact Hessian.

Run it: `python examples/newton_cg.py`.
"""

import numpy as np
from scipy.optimize import minimize

import wengert as wg


def chain(x):
    """A chain of coupled double wells."""
    return np.sum((x**2 - 1) ** 2) + 4.0 * np.sum((x[1:] - x[:-1]) ** 2) + 0.1 * np.sum(x)


def main(n=200):
    start = np.cos(np.arange(n))
    fits = {
        "hessp": minimize(wg.value_and_grad(chain), start, jac=True, hessp=wg.hvp(chain), method="trust-ncg", options={"gtol": 1e-7}),
        "hess": minimize(wg.value_and_grad(chain), start, jac=True, hess=wg.hessian(chain), method="trust-ncg", options={"gtol": 1e-7}),
    }
    for name, fit in fits.items():
        print(f"{name:<6} energy {fit.fun:.9f}  gradient {np.linalg.norm(fit.jac):.0e}  {fit.nit} iterations")
        assert fit.success
        assert np.linalg.norm(fit.jac) < 1e-7
    assert np.all(np.linalg.eigvalsh(wg.hessian(chain)(fits["hess"].x)) > 0)
    return fits


if __name__ == "__main__":
    main()
