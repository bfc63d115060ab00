"""What all distributions have in common: SciPy's calls with shapes, location and scale, on traced or plain values.

Knows the numpy room. Start at `Distribution`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from wengert.errors import UnknownFunctionError, four_parts
from wengert.numpy.arguments import array
from wengert.numpy.promote import as_inexact, contains_traced, is_traced
from wengert.source import here

DISTRIBUTIONS: dict[str, Any] = {}
_EDGES = {"logpdf": (-np.inf, -np.inf), "cdf": (0.0, 1.0), "sf": (1.0, 0.0), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}


class Distribution:
    """A distribution of SciPy's, with formulas for traced values.

    A formula takes the standardised variable and the shapes; `formulas` has at least logpdf or logpmf, and any of
    cdf, sf, logcdf, logsf, ppf, isf, mean and var. `support` gives (low, high) from the shapes; `inside` is a
    point in the interior at which formulas are finite, put where the variable is outside, so that the untaken
    branch stays finite.
    """

    def __init__(
        self,
        original: Any,
        shapes: tuple[str, ...] = (),
        support: Callable[..., Any] | None = None,
        inside: Any = 0.5,
        **formulas: Callable[..., Any],
    ) -> None:
        self.original, self.shapes, self.support, self.inside, self.formulas = original, shapes, support, inside, formulas
        self.name = original.name
        self.discrete = "logpmf" in formulas
        self.parameters = (*shapes, "loc") if self.discrete else (*shapes, "loc", "scale")
        DISTRIBUTIONS[self.name] = self

    def __repr__(self) -> str:
        return f"<wengert.scipy.stats.{self.name}>"

    def __call__(self, *args: Any, **keywords: Any) -> Frozen:
        """The distribution with its parameters fixed."""
        return Frozen(self, args, keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in METHODS:
            return partial(self._dispatch, name)
        value = getattr(self.original, name)
        return partial(self._untraced, name, value) if callable(value) else value

    def __reduce__(self) -> Any:
        return DISTRIBUTIONS.__getitem__, (self.name,)

    def _untraced(self, name: str, method: Any, *args: Any, **keywords: Any) -> Any:
        if contains_traced(args) or contains_traced(keywords):
            self._refuse(name)
        return method(*args, **keywords)

    def _refuse(self, name: str) -> Any:
        raise UnknownFunctionError(
            four_parts(
                f"scipy.stats.{self.name}.{name} has no derivative rule",
                why="A function that wengert does not know would be treated as a constant, and the derivative be wrong.",
                instead=f"one of {', '.join(sorted(self._known()))}",
                where=here(),
            )
        )

    def _known(self) -> set[str]:
        return {name for name in METHODS if any(need in self.formulas for need in METHODS[name])}

    def _dispatch(self, name: str, *args: Any, **keywords: Any) -> Any:
        if not (contains_traced(args) or contains_traced(keywords)):
            return getattr(self.original, name)(*args, **keywords)
        if not any(need in self.formulas for need in METHODS[name]):
            self._refuse(name)
        return self.traced(name, *args, **keywords)

    # -- the methods on traced values --------------------------------------------------------------

    def traced(self, name: str, *args: Any, **keywords: Any) -> Any:
        if name in ("pdf", "pmf"):
            return np.exp(self.traced("log" + name, *args, **keywords))
        if name == "std":
            return np.sqrt(self.traced("var", *args, **keywords))
        of_moments = name in ("mean", "var")
        names = self.parameters if of_moments else ({"ppf": "q", "isf": "q"}.get(name, "k" if self.discrete else "x"), *self.parameters)
        values = dict(zip(names, args, strict=False))
        repeated = set(values) & set(keywords)
        given = {"loc": 0.0, "scale": 1.0} | values | keywords
        unknown = set(given) - {*names, "loc", "scale"}
        missing = [n for n in names if n not in given]
        if repeated or unknown or missing or len(args) > len(names):
            raise TypeError(f"{self.name}.{name} takes {', '.join(names)}; got {len(args)} arguments and {sorted(keywords)}")
        shapes = [as_inexact(array(given[s])) for s in self.shapes]
        loc, scale = as_inexact(array(given["loc"])), as_inexact(array(given["scale"]))
        if of_moments:
            out = self.formulas[name](*shapes)
            return loc + scale * out if name == "mean" else scale * scale * out
        x = as_inexact(array(given[names[0]]))
        if name in ("ppf", "isf"):
            return loc + scale * self.formulas[name](x, *shapes)
        return self._at(name, x, shapes, loc, scale)

    def _at(self, name: str, x: Any, shapes: list[Any], loc: Any, scale: Any) -> Any:
        if name in self.formulas:
            formula, outer = self.formulas[name], None
        else:  # logcdf and logsf from cdf and sf
            formula, outer = self.formulas[name.removeprefix("log")], np.log
        y = _standardised(x, loc, scale)
        density = name in ("logpdf", "logpmf")
        if self.discrete and not density:
            y = np.floor(y)
        if self.support is None:
            out = formula(y, *shapes)
        else:
            low, high = self.support(*shapes)
            below, above = y < low, y > high
            outside = np.logical_or(below, above)
            if self.discrete and density:
                outside = np.logical_or(outside, y != np.floor(y))
            elif self.discrete:
                above = y >= high
                outside = np.logical_or(below, above)
            inside = self.inside(*shapes) if callable(self.inside) else self.inside
            out = formula(np.where(outside, inside, y), *shapes)
            at_low, at_high = _EDGES["logpdf" if density else name if outer is None else name.removeprefix("log")]
            out = np.where(below, at_low, np.where(outside if density else above, at_high, out))
        if outer is not None:
            out = outer(out)
        return out if not density or self.discrete or _is_one(scale) else out - np.log(scale)


def _standardised(x: Any, loc: Any, scale: Any) -> Any:
    y = x if _is_value(loc, 0) else x - loc
    return y if _is_one(scale) else y / scale


def _is_value(x: Any, value: float) -> bool:
    return not is_traced(x) and np.ndim(x) == 0 and bool(x == value)


def _is_one(x: Any) -> bool:
    return _is_value(x, 1)


# method -> the formulas any one of which it can be made from
METHODS: dict[str, tuple[str, ...]] = {
    "logpdf": ("logpdf",),
    "pdf": ("logpdf",),
    "logpmf": ("logpmf",),
    "pmf": ("logpmf",),
    "cdf": ("cdf",),
    "sf": ("sf",),
    "logcdf": ("logcdf", "cdf"),
    "logsf": ("logsf", "sf"),
    "ppf": ("ppf",),
    "isf": ("isf",),
    "mean": ("mean",),
    "var": ("var",),
    "std": ("var",),
}


class Frozen:
    """A distribution with its parameters fixed, traced or not."""

    def __init__(self, distribution: Distribution, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.distribution, self.args, self.keywords = distribution, args, keywords

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self.distribution, name)
        if name in ("mean", "var", "std"):
            return lambda: method(*self.args, **self.keywords)
        if name in METHODS:
            return lambda x: method(x, *self.args, **self.keywords)
        if contains_traced(self.args) or contains_traced(self.keywords):
            self.distribution._refuse(name)
        return getattr(self.distribution.original(*self.args, **self.keywords), name)
