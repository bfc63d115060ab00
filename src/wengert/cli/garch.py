"""The model that `wengert demo` fits, as a user writes it: plain Python and NumPy that know nothing of wengert.

The demo runs this text as a program of the user's (see `demo.model`). Start at `variances`.
"""
# mypy: ignore-errors
# (a user writes no types)

import numpy as np


def variances(theta, returns, backcast):
    """Conditional variances of a GARCH(1,1) model with constant mean (Bollerslev 1986), from the recursion as textbooks print it."""
    mu, omega, alpha, beta = theta
    eps = returns - mu
    sigma2 = np.empty_like(eps)
    sigma2[0] = omega + (alpha + beta) * backcast
    for t in range(1, len(eps)):
        sigma2[t] = omega + alpha * eps[t - 1] ** 2 + beta * sigma2[t - 1]
    return sigma2


def log_likelihoods(theta, returns, backcast):
    """Log-likelihood of each observation, given those before it, with normal errors."""
    sigma2 = variances(theta, returns, backcast)
    return -0.5 * (np.log(2 * np.pi) + np.log(sigma2) + (returns - theta[0]) ** 2 / sigma2)


def loss(theta, returns, backcast):
    """Negative log-likelihood; infinite where a variance could be negative, so that no optimiser stays there."""
    _, omega, alpha, beta = theta
    if omega <= 0 or alpha < 0 or beta < 0:
        return np.inf
    return -np.sum(log_likelihoods(theta, returns, backcast))


def backcast(returns):
    """The variance before the first observation, as package arch has it: weights 0.94ⁱ on the first 75 squared deviations from the mean."""
    eps = returns[:75] - np.mean(returns)
    return np.average(eps**2, weights=0.94 ** np.arange(len(eps)))


def start(returns):
    """Parameters (mu, omega, alpha, beta) to begin at: a persistent variance with the sample's own mean and variance."""
    return np.array([np.mean(returns), 0.05 * np.var(returns), 0.05, 0.9])
