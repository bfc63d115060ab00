"""Fit a logistic regression by Newton's method, the Hessian exact.

Run it: `python examples/logistic_regression.py`.
"""

import numpy as np

import wengert as wg


def loss(w, x, y):
    """Mean negative log-likelihood of labels y in {0, 1}, with a small L2 penalty."""
    z = x @ w
    return np.mean(np.logaddexp(0.0, z) - y * z) + 1e-3 * np.sum(w**2)


def newton(w, x, y, steps=12):
    """W minimising the loss, and the gradient norms on the way."""
    norms = []
    for _ in range(steps):
        gradient = wg.grad(loss)(w, x, y)
        norms.append(np.linalg.norm(gradient))
        w = w - np.linalg.solve(wg.hessian(loss)(w, x, y), gradient)
    return w, norms


def main():
    rng = np.random.default_rng(0)
    truth = np.array([0.5, -2.0, 1.0])
    x = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    y = (rng.random(400) < 1 / (1 + np.exp(-x @ truth))).astype(float)
    w, norms = newton(np.zeros(3), x, y)
    print("coefficients:", np.round(w, 4), " truth:", truth)
    print("gradient norms:", " ".join(f"{n:.0e}" for n in norms))
    assert norms[-1] < 1e-14
    assert np.max(np.abs(w - truth)) < 0.6
    return w


if __name__ == "__main__":
    main()
