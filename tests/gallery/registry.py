"""The gallery's register: `@program(arguments…, wrt=…)` enters a plain NumPy function with sample arguments and returns it unchanged.

Knows nothing of wengert: the programs are what a user writes before ever hearing of derivatives. Start at `program`.
"""

from __future__ import annotations

import copy
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Program:
    """A function, sample arguments, and what is particular about it; a nonempty `no_jit` is the reason why it cannot be compiled."""

    function: Callable[..., Any]
    sample: tuple[Any, ...]
    wrt: tuple[int, ...]
    mutates: bool = False  # it changes an argument in place
    step: float = 1e-3  # of differences, relative to max(1, |x|)
    spread: float = 0.01  # how far the lanes of vmap lie apart, relative
    tolerance: float = 1e-7  # of the gradient against differences: looser only where the value itself is rounded more
    roams: bool = True  # it ends, with a number, at other arguments as well
    no_jit: str = ""  # compiled, and lane by lane, it is refused; taped it runs

    @property
    def name(self) -> str:
        return f"{self.function.__module__.rsplit('.', 1)[-1]}-{self.function.__name__}"

    def arguments(self) -> tuple[Any, ...]:
        """The sample arguments, copied: a program may change what it gets."""
        return copy.deepcopy(self.sample)


PROGRAMS: list[Program] = []


def program(*sample: Any, wrt: int | tuple[int, ...] = 0, **particular: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the decorated function; `wrt` says which arguments are differentiated."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(function, sample, (wrt,) if isinstance(wrt, int) else wrt, **particular))
        return function

    return enter


def load() -> list[Program]:
    """Every program of `programs/`, in order of module and line."""
    if not PROGRAMS:
        from tests.gallery import programs

        for module in pkgutil.iter_modules(programs.__path__):
            import_module(f"{programs.__name__}.{module.name}")
    return PROGRAMS


def normal(seed: int, *shape: int) -> np.ndarray:
    """Normal random numbers, the same in every run."""
    return np.random.default_rng(seed).normal(size=shape)


def uniform(seed: int, low: float, high: float, *shape: int) -> np.ndarray:
    """Uniform random numbers, the same in every run."""
    return np.random.default_rng(seed).uniform(low, high, size=shape)


def definite(seed: int, n: int) -> np.ndarray:
    """A well-conditioned symmetric positive definite matrix."""
    a = normal(seed, n, n)
    return a @ a.T / n + np.eye(n)


def dominant(seed: int, n: int) -> np.ndarray:
    """A matrix whose diagonal outweighs its rows."""
    return normal(seed, n, n) * 0.4 + n * np.eye(n)
