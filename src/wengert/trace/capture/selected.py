"""`x[mask]` where the mask is known only when the program runs: all of x, and which elements are meant.

What works element by element, reduces, or is put back at the same mask, works. Start at `Selected`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from wengert.errors import TraceError, four_parts
from wengert.ir.values import Traced
from wengert.numpy.table import lookup
from wengert.source import here

_NEUTRAL = {np.sum: 0, np.prod: 1, np.any: False, np.all: True}


class Selected(NDArrayOperatorsMixin):
    """The elements of an array that a traced mask chooses, as many as it will choose."""

    __array_priority__ = 2000.0

    def __init__(self, whole: Any, mask: Any) -> None:
        self.whole, self.mask = whole, mask

    def __repr__(self) -> str:
        return f"<elements of {self.whole.type!r} chosen by a mask>"

    def _safe(self) -> Any:
        """The array, with a number in most functions' domain where it is not meant: its derivative there is zero."""
        if self.whole.dtype.kind not in "fc":
            return self.whole
        return lookup(np.where)(self._wide(), self.whole, 0.5)

    def _wide(self) -> Any:
        extra = self.whole.ndim - self.mask.ndim
        return lookup(np.reshape)(self.mask, self.mask.shape + (1,) * extra) if extra else self.mask

    def at(self, mask: Any) -> Any:
        """All of the array, to be put where the mask is; an error if it is another mask."""
        if not isinstance(mask, Traced) or getattr(mask, "atom", None) is not self.mask.atom:
            _refuse("the elements chosen by one mask are put where another is")
        return self._safe()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            _refuse(f"np.{ufunc.__name__}.{method} of elements chosen by a mask")
        given = []
        for x in inputs:
            if isinstance(x, Selected):
                given.append(x.at(self.mask))
            elif np.ndim(x) == 0:
                given.append(x)
            else:
                _refuse("elements chosen by a mask meet an array")
        return Selected(ufunc(*given), self.mask)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if len(args) != 1 or kwargs or args[0] is not self:
            _refuse(f"np.{function.__name__} of elements chosen by a mask")
        return self._reduced(function)

    def _reduced(self, function: Any) -> Any:
        if function in _NEUTRAL:
            return lookup(function)(lookup(np.where)(self._wide(), self.whole, _NEUTRAL[function]))
        if function in (np.max, np.min):
            limit = -np.inf if function is np.max else np.inf
            if self.whole.dtype.kind in "iu":
                limits = np.iinfo(self.whole.dtype)
                limit = limits.min if function is np.max else limits.max
            return lookup(function)(lookup(np.where)(self._wide(), self.whole, limit))
        if function is np.mean:
            return self._reduced(np.sum) / self.size
        if function in (np.var, np.std):
            variance = ((self - self._reduced(np.mean)) ** 2)._reduced(np.mean)
            return variance if function is np.var else lookup(np.sqrt)(variance)
        if function in (np.size, len):
            return self.size
        return _refuse(f"np.{function.__name__} of elements chosen by a mask")

    @property
    def size(self) -> Any:
        """How many elements there are."""
        count = lookup(np.sum)(self.mask)
        return count * (self.whole.size // self.mask.size) if self.mask.size != self.whole.size else count

    dtype = property(lambda self: self.whole.dtype)

    def __getitem__(self, index: Any) -> Any:
        return _refuse("an item of the elements chosen by a mask")

    def __len__(self) -> int:
        return int(_refuse("the number of the elements chosen by a mask, as a Python int"))

    def __iter__(self) -> Any:
        return _refuse("going through the elements chosen by a mask")

    def astype(self, dtype: Any) -> Selected:
        """The elements in another dtype."""
        return Selected(self.whole.astype(dtype), self.mask)

    def copy(self) -> Selected:
        """The elements themselves: they never change."""
        return self


def _reduction(function: Any) -> Any:
    return lambda self: self._reduced(function)


for _name in ("sum", "prod", "any", "all", "max", "min", "mean", "var", "std"):
    setattr(Selected, _name, _reduction(getattr(np, _name)))


def _refuse(what: str) -> Any:
    raise TraceError(
        four_parts(
            what,
            why="How many elements the mask chooses is found while the program runs, so they have no shape.",
            instead="np.where(mask, a, b) on whole arrays",
            where=here(),
        )
    )
