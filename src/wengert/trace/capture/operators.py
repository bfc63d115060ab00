"""What the rewritten text of a function calls. One name a construct; each is described where it is defined."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.promote import stack_objects
from wengert.trace import boxes
from wengert.trace.capture.branch import and_, any_of, choice, if_, none_of, not_, or_
from wengert.trace.capture.builtins import CHOSEN
from wengert.trace.capture.calls import call
from wengert.trace.capture.containers import made
from wengert.trace.capture.effects import assert_, defined, handling, raise_, result, text
from wengert.trace.capture.loop import for_, while_
from wengert.trace.capture.mutation import augment, augment_attribute, augment_item, boxed, delitem, set_attribute, setitem
from wengert.trace.capture.over import staged
from wengert.trace.capture.selected import Selected
from wengert.trace.capture.values import UNDEFINED, is_data

setattr_ = set_attribute
slice_ = slice
__all__ = [
    "UNDEFINED", "and_", "any_of", "assert_", "augment", "augment_attribute", "augment_item", "call", "choice", "defined", "delitem",
    "for_", "getitem", "handling",
    "if_", "made", "none_of", "not_", "or_", "raise_", "result", "set_attribute", "setitem", "slice_", "text", "while_",
]  # fmt: skip


def getitem(place: Any, index: Any) -> Any:
    """`place[index]`, also of plain arrays and lists of numbers at a traced index."""
    if boxes.is_mask(index) and isinstance(place, (Traced, np.ndarray)) and staged() and index.tape.fixed(index.atom) is None:
        whole = place.snapshot() if isinstance(place, Traced) else boxed(np.asarray(place))  # type: ignore[attr-defined]
        return Selected(whole, index)
    if isinstance(index, Traced) or isinstance(index, tuple) and any([isinstance(p, Traced) for p in index]):
        if type(place) is np.ndarray and place.dtype.kind in "fciub":
            return boxed(place)[index]
        if isinstance(place, (list, tuple)) and isinstance(index, Traced) and staged() and place:
            return _chosen(place, index)
    return place[index]


def _chosen(place: Any, index: Any) -> Any:
    """An item of a list at a traced index: where all are numbers, or arrays of one type, that of them as an array."""
    known = index.tape.fixed(index.atom)  # type: ignore[attr-defined]
    if known is not None:
        return place[int(known)]
    if all([is_data(x) for x in place]) and len({(np.shape(x), getattr(x, "dtype", type(x))) for x in place}) == 1:
        whole = stack_objects(list(place))
        out = (whole if isinstance(whole, Traced) else boxed(whole))[index]
        if type(place[0]) in (int, float, complex):
            out.weak = True
        return out
    return place[index]


CHOSEN.append(_chosen)
