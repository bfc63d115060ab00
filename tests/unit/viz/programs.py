"""Programs that are drawn and tabulated in the tests, in one file, so that their lines do not move with the tests."""

import numpy as np


def baydin(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def branching(x, n):
    y = x
    for _ in range(n):
        if y.sum() > 2:
            y = np.sin(y) * x
        else:
            y = y * 2
    return y.sum()


def squared_until(x):
    while x < 100:
        x = x * x
    return x


def doubled(a):
    return np.exp(a) * 2


def calling(x):
    return doubled(x) + doubled(x * 2) / np.maximum(x, 1.5) ** 2


def layers(parameters, x):
    for w, b in parameters:
        x = np.tanh(w @ x + b)
    return np.sum(x**2)


def recursion(theta, r):
    s = np.zeros(len(r))
    s[0] = 1.0
    for t in range(1, len(r)):
        s[t] = theta[0] + theta[1] * r[t - 1] ** 2 + theta[2] * s[t - 1]
    return np.sum(np.log(s) + r**2 / s)


def decomposed(a):
    _, logdet = np.linalg.slogdet(a)
    w, v = np.linalg.eigh(a + a.T)
    return logdet + w.sum() + v[0, 0]


def straight(x):
    y = x
    y = np.sin(y) * 1.0 + np.exp(-y * x) / (x + 1.5) - y
    y = np.sin(y) * 2.0 + np.exp(-y * x) / (x + 2.5) - y
    y = np.sin(y) * 3.0 + np.exp(-y * x) / (x + 3.5) - y
    y = np.sin(y) * 4.0 + np.exp(-y * x) / (x + 4.5) - y
    return np.sin(y) * 5.0 + np.exp(-y * x) / (x + 5.5) - y


def collapsed(x):
    y = x
    for f in (np.sin, np.cos, np.exp, np.tanh) * 10:  # 40 times two lines: drawn together, line by line
        y = f(y) * x + y / 2
        y = y - np.sqrt(1 + y * y)
    return y


def _parameters():
    k = np.arange(9.0).reshape(3, 3) / 10
    return [(k - 0.3, k[0]), (k.T * 0.5, k[1] - 0.4)]


RETURNS = np.array([0.5, -1.0, 0.25, 2.0, -0.75, 0.5, 1.5, -0.25])
CALLS = {
    "baydin": (baydin, (2.0, 5.0)),
    "branching": (branching, (np.array([0.5, 0.7]), 8)),
    "squared_until": (squared_until, (2.0,)),
    "calling": (calling, (2.0,)),
    "layers": (layers, (_parameters(), np.array([1.0, -0.5, 0.25]))),
    "recursion": (recursion, (np.array([0.1, 0.1, 0.8]), RETURNS)),
    "decomposed": (decomposed, (np.array([[2.0, 1.0], [0.5, 3.0]]),)),
    "straight": (straight, (0.7,)),
    "collapsed": (collapsed, (0.3,)),
}
