"""Prices, yields and volatilities."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(np.array([0.05, 0.1, 0.85]), normal(1, 10), 0.02, wrt=(0, 1, 2))
def garch(parameters, returns, mean):
    """The log-likelihood of GARCH(1,1) from the textbook recursion."""
    omega, alpha, beta = parameters
    n = len(returns)
    variance = np.zeros(n)
    residual = returns - mean
    variance[0] = np.mean(residual**2)
    for t in range(1, n):
        variance[t] = omega + alpha * residual[t - 1] ** 2 + beta * variance[t - 1]
    return -0.5 * np.sum(np.log(2 * np.pi) + np.log(variance) + residual**2 / variance)


@program(100.0, 101.3, 0.25, 0.04, 0.9, 6, wrt=(0, 1, 2, 3, 4))
def american_put(spot, strike, volatility, rate, maturity, steps):
    """An American put on a binomial tree, by backward induction in place."""
    dt = maturity / steps
    up = math.exp(volatility * math.sqrt(dt))
    down = 1.0 / up
    p = (math.exp(rate * dt) - down) / (up - down)
    discount = math.exp(-rate * dt)
    value = np.zeros(steps + 1)
    for i in range(steps + 1):
        value[i] = max(strike - spot * up ** (steps - i) * down**i, 0.0)
    for step in range(steps - 1, -1, -1):
        for i in range(step + 1):
            hold = discount * (p * value[i] + (1.0 - p) * value[i + 1])
            exercise = strike - spot * up ** (step - i) * down**i
            value[i] = exercise if exercise > hold else hold
    return value[0]


def normal_cdf(x):
    """The standard normal distribution function."""
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


@program(100.0, 105.0, 0.2, 0.03, 0.5, "call", wrt=(0, 1, 2, 3, 4))
def black_scholes(spot, strike, volatility, rate, maturity, kind):
    """The price of a European option."""
    d1 = (math.log(spot / strike) + (rate + volatility**2 / 2) * maturity) / (volatility * math.sqrt(maturity))
    d2 = d1 - volatility * math.sqrt(maturity)
    if kind == "call":
        return spot * normal_cdf(d1) - strike * math.exp(-rate * maturity) * normal_cdf(d2)
    if kind == "put":
        return strike * math.exp(-rate * maturity) * normal_cdf(-d2) - spot * normal_cdf(-d1)
    raise ValueError(f"unknown kind: {kind}")


@program(1.0, 1.1, 0.3, normal(2, 5, 4), wrt=(0, 1, 2))
def asian_call(spot, strike, volatility, shocks):
    """A call on the average of paths driven by fixed normals."""
    paths, steps = shocks.shape
    dt = 1.0 / steps
    total = 0.0
    for path in range(paths):
        s = spot
        average = 0.0
        for step in range(steps):
            s *= math.exp(-0.5 * volatility**2 * dt + volatility * math.sqrt(dt) * shocks[path, step])
            average += s / steps
        payoff = average - strike
        if payoff > 0:
            total += payoff
    return total / paths


@program(98.7, 0.05, 5, wrt=(0, 1))
def bond_yield(price, coupon, years):
    """The yield to maturity by Newton's method."""
    y = coupon
    for _ in range(50):
        value = 0.0
        slope = 0.0
        for t in range(1, years + 1):
            cash = 100.0 * coupon + (100.0 if t == years else 0.0)
            value += cash / (1.0 + y) ** t
            slope -= t * cash / (1.0 + y) ** (t + 1)
        step = (value - price) / slope
        y -= step
        if abs(step) < 1e-14:
            break
    return y


@program(np.cumsum(normal(3, 10)) + 20.0)
def maximum_drawdown(prices):
    """The largest fall from a peak, relative to it."""
    peak = prices[0]
    worst = 0.0
    for p in prices[1:]:
        if p > peak:
            peak = p
        drawdown = (peak - p) / peak
        worst = max(worst, drawdown)
    return worst


@program(8.2, 100.0, 103.0, wrt=(0, 1, 2), roams=False)
def implied_volatility(price, spot, strike):
    """The volatility that explains a price, by Newton with vega."""
    sigma = 0.3
    iteration = 0
    while iteration < 50:
        d1 = math.log(spot / strike) / sigma + 0.5 * sigma
        d2 = d1 - sigma
        value = spot * normal_cdf(d1) - strike * normal_cdf(d2)
        vega = spot * math.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
        difference = value - price
        sigma -= difference / vega
        if abs(difference) < 1e-11:
            break
        iteration += 1
    else:
        return math.nan
    return sigma


@program(1000.0, 0.06, 187.3, wrt=(0, 1, 2), roams=False)
def mortgage_interest(balance, rate, payment):
    """All interest paid until a loan is gone, in as many years as it takes."""
    interest_paid = 0.0
    while balance > 0:
        interest = balance * rate
        interest_paid += interest
        if balance + interest < payment:
            break
        balance += interest - payment
    return interest_paid


@program(0.04, 0.8, 0.05, 0.15, normal(4, 8), wrt=(0, 1, 2, 3))
def short_rate(rate, speed, level, volatility, shocks):
    """A bond's price on a Cox-Ingersoll-Ross path, the rate truncated at zero."""
    dt = 0.125
    integral = 0.0
    for z in shocks:
        integral += rate * dt
        positive = max(rate, 0.0)
        rate = rate + speed * (level - positive) * dt + volatility * math.sqrt(positive * dt) * z
    return math.exp(-integral)


@program(np.array([0.6, 0.4]), normal(5, 8, 2) * 0.05, wrt=(0, 1))
def rebalanced_portfolio(weights, returns):
    """Wealth of a portfolio that is rebalanced when it has drifted, at a cost."""
    holdings = weights.copy()
    for day in returns:
        holdings *= 1.0 + day
        wealth = holdings.sum()
        drift = np.abs(holdings / wealth - weights).max()
        if drift > 0.03:
            target = wealth * weights
            cost = 0.01 * np.abs(holdings - target).sum()
            holdings[:] = target - cost / len(weights)
    return np.sum(holdings)


@program(uniform(6, 0.01, 0.05, 5))
def bootstrapped_curve(par_rates):
    """Discount factors from par rates, each from those before."""
    factors = []
    for rate in par_rates:
        annuity = sum(factors)
        factors.append((1.0 - rate * annuity) / (1.0 + rate))
    return np.array(factors)


@program(0.03, np.array([0.02, 0.025, 0.03, 0.04]), wrt=(0, 1))
def default_leg(recovery, hazards):
    """The expected loss of a credit over years with their own hazards."""
    survival = 1.0
    loss = 0.0
    for year, hazard in enumerate(hazards):
        default = survival * (1 - math.exp(-hazard))
        loss += (1 - recovery) * default * math.exp(-0.03 * (year + 0.5))
        survival -= default
    return loss / survival
