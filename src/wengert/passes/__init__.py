"""Rewriting, Function -> Function: patterns of several operations, found once when a Function has been traced.

May import the primitives and all below; knows no tracer and no NumPy function. Start at `rewrite`;
each pass is a file, loaded when a Function has an operation that it looks for.
"""

from importlib import import_module

from wengert.ir.values import Function

PASSES = {"spectral": {"eigh", "eigvalsh", "svd"}}  # pass -> the operations without which it has nothing to do


def rewrite(function: Function) -> Function:
    """The Function after every pass that applies to it; itself in most cases."""
    names = {e.operation.name for e in function.equations}
    for name, looked_for in PASSES.items():
        if not looked_for.isdisjoint(names):
            function = import_module(f"{__name__}.{name}").rewrite(function)
    return function
