"""How operations are written in mathematics: infix, in front, as powers. What is not listed is written as a call.

Knows names of operations as text, and their parameters. Start at `NOTATION`.
"""

from __future__ import annotations

from typing import Any

SUM, PRODUCT, PREFIX, POWER, ATOM = 1, 3, 4, 5, 6  # how tightly it binds
RELATION = 0

# operation -> (text, LaTeX, binds, whether the right operand needs parentheses where it binds as tightly)
INFIX: dict[str, tuple[str, str, int, bool]] = {
    "add": ("+", "+", SUM, False),
    "sub": ("−", "-", SUM, True),
    "mul": ("×", r"\times", PRODUCT, False),
    "strong_mul": ("×", r"\times", PRODUCT, False),
    "div": ("/", "/", PRODUCT, True),
    "floor_divide": ("//", r"\mathbin{//}", PRODUCT, True),
    "remainder": ("mod", r"\bmod", PRODUCT, True),
    "less": ("<", "<", RELATION, True),
    "less_equal": ("≤", r"\le", RELATION, True),
    "greater": (">", ">", RELATION, True),
    "greater_equal": ("≥", r"\ge", RELATION, True),
    "equal": ("=", "=", RELATION, True),
    "not_equal": ("≠", r"\ne", RELATION, True),
    "logical_and": ("and", r"\wedge", RELATION, True),
    "logical_or": ("or", r"\vee", RELATION, True),
}

# operation -> (text, LaTeX): a function that is written in front of its argument
FUNCTIONS: dict[str, tuple[str, str]] = {
    "log": ("ln", r"\ln"),
    "log10": ("log₁₀", r"\log_{10}"),
    "log2": ("log₂", r"\log_2"),
    "sin": ("sin", r"\sin"),
    "cos": ("cos", r"\cos"),
    "tan": ("tan", r"\tan"),
    "arcsin": ("arcsin", r"\arcsin"),
    "arccos": ("arccos", r"\arccos"),
    "arctan": ("arctan", r"\arctan"),
    "sinh": ("sinh", r"\sinh"),
    "cosh": ("cosh", r"\cosh"),
    "tanh": ("tanh", r"\tanh"),
    "exp": ("exp", r"\exp"),
    "sqrt": ("√", r"\sqrt"),
    "sum": ("Σ", r"\sum"),
    "prod": ("Π", r"\prod"),
    "logical_not": ("not", r"\neg"),
    "expit": ("σ", r"\sigma"),
}

# Moves that change no number: inside a formula only their operand is written.
SILENT = frozenset({"broadcast", "cast", "reshape", "stop_gradient"})

# operation -> the word for it in a call
WORDS = {
    "maximum": "max",
    "minimum": "min",
    "select": "where",
    "slice": "part",
    "gather": "at",
    "expand": "copies",
    "cum_sum": "cumsum",
    "cum_prod": "cumprod",
}


def parameters(operation: Any) -> str:
    """What a call says besides its operands: `axis=0`. Long ones, and Functions, are left out."""
    shown = []
    for name, value in zip(operation.fields, operation.parameters, strict=True):
        text = str(value)
        if name in ("axes", "batch_axes", "n_batch") or operation.name == "broadcast" and name != "shape":
            continue
        if len(text) <= 12 and value is not False and value is not None and not operation.functions():
            shown.append(f"{name}={text}")
    return ", ".join(shown)


def sliced(operation: Any, shape: tuple[int, ...]) -> str:
    """A slice as Python writes it: `1:3, :`."""
    parts = []
    for start, stop, step, n in zip(*operation.parameters, shape, strict=True):
        if stop - start == 1:
            parts.append(str(start) if n > 1 else ":")
        else:
            parts.append(f"{start or ''}:{stop if stop != n else ''}" + (f":{step}" if step != 1 else ""))
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)
