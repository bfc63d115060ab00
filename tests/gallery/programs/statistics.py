"""Estimators as loops: filters, likelihoods, order statistics, clusters."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(normal(1, 7))
def welford(x):
    """Mean and variance in one pass."""
    mean = 0.0
    m2 = 0.0
    for n, value in enumerate(x, start=1):
        delta = value - mean
        mean += delta / n
        m2 += delta * (value - mean)
    return mean, m2 / (len(x) - 1)


@program(uniform(2, 0.0, 4.0, 7), 0.6, wrt=(0, 1))
def soft_histogram(x, width):
    """A histogram whose bins share what lies between them."""
    centres = np.linspace(0.0, 4.0, 5)
    counts = np.zeros(5)
    for value in x:
        weights = np.exp(-(((value - centres) / width) ** 2))
        counts += weights / weights.sum()
    return counts


@program(normal(3, 6), 0.3, 0.7, wrt=(0, 1, 2))
def kalman_filter(observations, q, r):
    """The log-likelihood of a local linear trend by the Kalman filter."""
    x = np.zeros(2)
    p = np.eye(2) * 2.0
    f = np.array([[1.0, 1.0], [0.0, 1.0]])
    log_likelihood = 0.0
    for y in observations:
        x = f @ x
        p = f @ p @ f.T + q * np.eye(2)
        s = p[0, 0] + r
        innovation = y - x[0]
        gain = p[:, 0] / s
        x = x + gain * innovation
        p = p - np.outer(gain, p[0])
        log_likelihood -= 0.5 * (math.log(2 * math.pi * s) + innovation**2 / s)
    return log_likelihood


@program(normal(4, 8, 2), np.array([[-1.0, 0.1], [1.0, -0.2]]), wrt=(0, 1))
def k_means_step(points, centres):
    """One step of k-means: each point to its nearest centre, each centre to its points' mean."""
    k = centres.shape[0]
    sums = np.zeros_like(centres)
    counts = np.zeros(k)
    inertia = 0.0
    for point in points:
        distances = np.sum((centres - point) ** 2, axis=1)
        nearest = np.argmin(distances)
        sums[nearest] += point
        counts[nearest] += 1
        inertia += distances[nearest]
    new = centres.copy()
    for j in range(k):
        if counts[j] > 0:
            new[j] = sums[j] / counts[j]
    return new, inertia


@program(normal(5, 6), np.array([-0.5, 0.8]), np.array([0.9, 0.6]), wrt=(0, 1, 2))
def mixture_likelihood(x, means, scales):
    """The log-likelihood of a mixture of Gaussians with equal weights."""
    total = 0.0
    for value in x:
        density = 0.0
        for mean, scale in zip(means, scales, strict=True):
            density += math.exp(-0.5 * ((value - mean) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
        total += math.log(density / len(means))
    return total


@program(normal(6, 7), 0.25)
def trimmed_mean(x, fraction):
    """The mean without the extremes."""
    ordered = np.sort(x)
    cut = int(fraction * len(x))
    total = 0.0
    for i in range(cut, len(x) - cut):
        total += ordered[i]
    return total / (len(x) - 2 * cut)


@program(normal(7, 8))
def moving_median(x):
    """The median of three neighbours, ends kept."""
    y = x.copy()
    for i in range(1, len(x) - 1):
        a, b, c = x[i - 1], x[i], x[i + 1]
        if a > b:
            a, b = b, a
        if b > c:
            b = c
        if a > b:
            b = a
        y[i] = b
    return y


@program(normal(8, 6), uniform(9, 0.5, 2.0, 6), wrt=(0, 1), no_jit="the length of a list depends on the data")
def isotonic_regression(y, weights):
    """The nearest increasing sequence, by pooling adjacent violators."""
    values, sizes, totals = [], [], []
    for v, w in zip(y, weights, strict=True):
        values.append(v)
        totals.append(w)
        sizes.append(1)
        while len(values) > 1 and values[-2] > values[-1]:
            w2, w1 = totals.pop(), totals.pop()
            v2, v1 = values.pop(), values.pop()
            n2, n1 = sizes.pop(), sizes.pop()
            values.append((v1 * w1 + v2 * w2) / (w1 + w2))
            totals.append(w1 + w2)
            sizes.append(n1 + n2)
    fitted = []
    for v, n in zip(values, sizes, strict=True):
        fitted += [v] * n
    return np.array(fitted)


@program(normal(10, 6, 2), np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]))
def logistic_regression(x, y):
    """A logistic regression with a ridge, by four Newton steps."""
    w = np.zeros(x.shape[1])
    for _ in range(4):
        gradient = np.zeros_like(w)
        hessian = np.eye(len(w)) * 0.1
        for features, label in zip(x, y, strict=True):
            p = 1 / (1 + np.exp(-features @ w))
            gradient += (p - label) * features
            hessian += p * (1 - p) * np.outer(features, features)
        w = w - np.linalg.solve(hessian, gradient + 0.1 * w)
    return w


@program(uniform(11, 0.5, 3.0, 6), np.array([3, 0, 5, 5, 2, 1]))
def bootstrap_mean(x, draws):
    """The mean and spread of a resample with repeats."""
    resample = x[draws]
    mean = resample.mean()
    spread = 0.0
    for v in resample:
        spread += (v - mean) ** 2
    return mean + math.sqrt(spread / len(draws))


@program(uniform(12, 1.0, 4.0, 6), np.array([2, 0, 3, 5, 1, 2]))
def poisson_likelihood(rates, counts):
    """The log-likelihood of Poisson counts, factorials by a loop."""
    total = 0.0
    for rate, count in zip(rates, counts, strict=True):
        log_factorial = 0.0
        for k in range(2, count + 1):
            log_factorial += math.log(k)
        total += count * math.log(rate) - rate - log_factorial
    return total


@program(normal(13, 6), normal(14, 6), 0.5, wrt=(0, 1, 2))
def huber_fit(x, y, delta):
    """The Huber loss of a line after ten gradient steps."""
    slope, intercept = 0.0, 0.0
    n = len(x)
    for _ in range(10):
        ds = di = 0.0
        for i in range(n):
            r = y[i] - slope * x[i] - intercept
            if -delta <= r <= delta:
                g = r
            elif r > 0:
                g = delta
            else:
                g = -delta
            ds += g * x[i]
            di += g
        slope += 0.1 * ds
        intercept += 0.1 * di
    loss = 0.0
    for i in range(n):
        r = abs(y[i] - slope * x[i] - intercept)
        loss += 0.5 * r**2 if r <= delta else delta * (r - 0.5 * delta)
    return loss


@program(uniform(15, 0.5, 2.0, 6), np.array([2.0, 1.0, 5.0, 3.0, 4.0, 6.0]), np.array([True, False, True, True, False, True]))
def cox_partial_likelihood(risk, times, observed):
    """Cox's partial likelihood, risk sets by comparison of times."""
    total = 0.0
    for i in range(len(times)):
        if not observed[i]:
            continue
        at_risk = 0.0
        for j in range(len(times)):
            if times[j] >= times[i]:
                at_risk += math.exp(risk[j])
        total += risk[i] - math.log(at_risk)
    return total
