"""The operations, one file a family; every rule of an operation is in its one class.

Importing this package registers the families that need only NumPy. Those that need SciPy
are loaded when first asked for, by `load`.
"""

from importlib import import_module

LIGHT = ("shape", "arith", "math", "reduce", "index", "control")
HEAVY = ("linalg", "special", "fft")


def load(*families: str) -> None:
    """Import families by name; all of them without arguments."""
    for family in families or (*LIGHT, *HEAVY):
        import_module(f"{__name__}.{family}")


load("shape", "arith", "math", "reduce", "index", "control")
