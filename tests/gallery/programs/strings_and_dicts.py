"""Programs steered by strings: options, tokens, tables of functions and of numbers."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(normal(1, 5), "relu", 0.1, wrt=(0, 2))
def activation(x, kind, slope):
    """An activation chosen by name."""
    if kind == "relu":
        out = np.zeros_like(x)
        for i in range(len(x)):
            out[i] = x[i] if x[i] > 0 else slope * x[i]
    elif kind == "tanh":
        out = np.tanh(x)
    else:
        raise ValueError(f"unknown activation {kind!r}")
    return out


METHODS = {
    "euler": lambda f, y, h: y + h * f(y),
    "midpoint": lambda f, y, h: y + h * f(y + h / 2 * f(y)),
    "heun": lambda f, y, h: y + h / 2 * (f(y) + f(y + h * f(y))),
}


@program(0.8, 0.6, ("euler", "midpoint", "heun"), wrt=(0, 1))
def integrators(y, k, names):
    """The same equation by several methods looked up in a table."""
    results = {}
    for name in names:
        step = METHODS[name]
        state = y
        for _ in range(4):
            state = step(lambda v: -k * v * v, state, 0.2)
        results[name] = state
    return results


SUBSTITUTION = {("A", "A"): 0, ("C", "C"): 0, ("G", "G"): 0, ("T", "T"): 0}


@program(np.array([1.1, -0.7, 0.4]), 0.6, "GATTAC", "GCATG", wrt=(0, 1))
def align_strings(scores, gap, a, b):
    """The score of aligning two strings; purines and pyrimidines are near each other."""

    def similarity(p, q):
        if (p, q) in SUBSTITUTION:
            return scores[0]
        same_kind = (p in "AG") == (q in "AG")
        return scores[2] if same_kind else scores[1]

    previous = [-gap * j for j in range(len(b) + 1)]
    for i, p in enumerate(a, 1):
        current = [-gap * i]
        for j, q in enumerate(b, 1):
            current.append(np.logaddexp(previous[j - 1] + similarity(p, q), max(previous[j], current[-1]) - gap))
        previous = current
    return previous[-1]


ATOMIC_WEIGHTS = {"H": 1.008, "C": 12.011, "O": 15.999, "N": 14.007}


@program(0.3, 1.2, "C6H12O6", wrt=(0, 1))
def osmotic_pressure(grams, litres, formula):
    """The pressure of a solution, the molar mass read from a formula."""
    mass = 0.0
    i = 0
    while i < len(formula):
        symbol = formula[i]
        i += 1
        digits = ""
        while i < len(formula) and formula[i].isdigit():
            digits += formula[i]
            i += 1
        mass += ATOMIC_WEIGHTS[symbol] * (int(digits) if digits else 1)
    return grams / mass / litres * 0.0821 * 298.0


@program({"x": 1.3, "y": 0.4}, "sin(x)*y+x*x-exp(y)")
def evaluate_expression(variables, text):
    """A parser by recursive descent that computes while it reads."""
    functions = {"sin": math.sin, "exp": math.exp}
    position = 0

    def peek():
        return text[position] if position < len(text) else ""

    def expression():
        nonlocal position
        value = term()
        while peek() in ("+", "-") and peek():
            sign = text[position]
            position += 1
            value = value + term() if sign == "+" else value - term()
        return value

    def term():
        nonlocal position
        value = atom()
        while peek() == "*":
            position += 1
            value = value * atom()
        return value

    def atom():
        nonlocal position
        start = position
        while peek().isalpha():
            position += 1
        name = text[start:position]
        if peek() == "(":
            position += 1
            value = functions[name](expression())
            position += 1
            return value
        return variables[name]

    return expression()


@program({"mean": 0.2, "log_scale": -0.3}, normal(2, 5), "normal")
def log_density(parameters, data, family="normal"):
    """Log-densities by family, parameters by name."""
    mean = parameters["mean"]
    scale = np.exp(parameters["log_scale"])
    z = (data - mean) / scale
    if family == "normal":
        terms = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    elif family == "laplace":
        terms = -np.abs(z) - np.log(2.0)
    elif family == "logistic":
        terms = -z - 2 * np.log1p(np.exp(-z))
    else:
        raise KeyError(family)
    return np.sum(terms - np.log(scale))


UNITS = {"km": 1000.0, "m": 1.0, "cm": 0.01}


@program(uniform(3, 1.0, 2.0, 3), ("km", "cm", "m"))
def converted_lengths(lengths, units):
    """Lengths in their own units as one harmonic mean in metres."""
    total = 0.0
    for length, unit in zip(lengths, units, strict=True):
        if unit not in UNITS:
            raise ValueError(f"no unit {unit}")
        total += 1.0 / (length * UNITS[unit])
    return len(lengths) / total


@program(normal(4, 4), {"steps": 3, "method": "momentum", "clip": 0.9})
def configured_descent(x, options):
    """An optimiser steered by a dictionary with defaults."""
    options = {"rate": 0.1, "momentum": 0.5, **options}
    velocity = np.zeros_like(x)
    for _ in range(options["steps"]):
        gradient = 2 * x + 3 * np.cos(3 * x)
        norm = np.linalg.norm(gradient)
        limit = options.get("clip")
        if limit is not None and norm > limit:
            gradient = gradient * (limit / norm)
        match options["method"]:
            case "momentum":
                velocity = options["momentum"] * velocity - options["rate"] * gradient
            case "plain":
                velocity = -options["rate"] * gradient
            case _:
                raise ValueError(options["method"])
        x = x + velocity
    return x


@program(uniform(5, 0.1, 1.0, 3, 3), "abacab")
def bigram_likelihood(weights, text):
    """The log-likelihood of a string under transitions between letters."""
    index = {letter: i for i, letter in enumerate("abc")}
    total = 0.0
    for a, b in zip(text, text[1:], strict=False):
        row = weights[index[a]]
        total += math.log(row[index[b]] / sum(row))
    return total


@program({"k1": 0.6, "k2": 0.3}, {"A": 1.0, "B": 0.2, "C": 0.0}, wrt=(0, 1))
def reaction_network(rates, concentrations):
    """Reactions in a table, concentrations by name and changed in a copy."""
    reactions = [("k1", ["A"], ["B"]), ("k2", ["A", "B"], ["C"])]
    amounts = dict(concentrations)
    for _ in range(5):
        change = dict.fromkeys(amounts, 0.0)
        for rate, reactants, products in reactions:
            flux = rates[rate]
            for name in reactants:
                flux = flux * amounts[name]
            for name in reactants:
                change[name] -= flux
            for name in products:
                change[name] += flux
        for name in amounts:
            amounts[name] += 0.2 * change[name]
    return amounts
