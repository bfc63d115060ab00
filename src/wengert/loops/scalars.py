"""The scalar operations of loop nests: how many operands each takes, and of which kind its result is.

A target gives each a meaning (`codegen.llvm`). "same" is the kind of the last operand. Knows no array operation.
"""

from __future__ import annotations

# name -> (number of operands, kind of the result)
OPS: dict[str, tuple[int, str]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "and", "or", "xor", "shl", "shr"), (2, "same")),
    **dict.fromkeys(("quotient", "rest"), (2, "same")),  # of integers, truncated; the divisor is neither 0 nor -1
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "copysign"), (2, "same")),  # the first two pass NaN on
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), (2, "b1")),
    **dict.fromkeys(("neg", "not", "abs", "sqrt", "floor", "ceil", "trunc", "rint"), (1, "same")),
    "select": (3, "same"),  # condition, value if it holds, value if not; both are computed
    "muladd": (3, "same"),  # x * y + z of floats, rounded once where the machine can
    "bits": (1, "bits"),  # the integer with the bits of a float, and the other way
    # sums whose order the target may change; only what a reduction carries is added so
    "accumulate": (2, "same"),
    "accumulate_product": (2, "same"),
    # elementary functions, of C's libm and of its vector companions
    **dict.fromkeys(
        (
            *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "erf", "erfc", "tgamma", "lgamma"),
        ),
        (1, "same"),
    ),
    **dict.fromkeys(("pow", "atan2", "hypot", "fmod", "nextafter"), (2, "same")),
}

# Elementary functions of complex numbers: cexp and its like, each part an operation of the two parts of the operands.
COMPLEX = (
    *("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "pow"),
)
OPS.update({f"c{name}.{part}": (4 if name == "pow" else 2, "same") for name in COMPLEX for part in ("re", "im")})
EXPENSIVE = frozenset(
    [name for name, (arity, kind) in OPS.items() if name[0] == "c" and "." in name]
    + [
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "cbrt",
        "erf",
        "erfc",
        "tgamma",
        "lgamma",
    ]
    + ["pow", "atan2", "hypot", "fmod", "nextafter"]
)
