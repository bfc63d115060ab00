"""What the rewritten text of a function calls. One name a construct; each is described where it is defined."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.promote import stack_objects
from wengert.trace.capture.branch import and_, any_of, choice, if_, none_of, not_, or_
from wengert.trace.capture.builtins import CHOSEN
from wengert.trace.capture.calls import call
from wengert.trace.capture.classes import CALL, special
from wengert.trace.capture.containers import made
from wengert.trace.capture.effects import assert_, defined, result, text
from wengert.trace.capture.loop import for_, while_
from wengert.trace.capture.mutation import augment, augment_attribute, augment_item, boxed, delitem, setitem
from wengert.trace.capture.objects import BINARY, assign_attribute, attribute, contains, inverted, negative, positive
from wengert.trace.capture.over import staged
from wengert.trace.capture.raising import handling, raise_
from wengert.trace.capture.selected import Selected, chosen, unknown_mask
from wengert.trace.capture.values import UNDEFINED, is_data

slice_ = slice
globals().update({f"op_{name}": apply for name, apply in BINARY.items()})  # `a + b` is op_add(a, b)
__all__ = [
    "UNDEFINED", "and_", "any_of", "assert_", "assign_attribute", "attribute", "augment", "augment_attribute", "augment_item", "call",
    "choice", "contains", "defined", "delitem", "for_", "getitem", "handling", "if_", "inverted", "made", "negative", "none_of", "not_",
    "or_", "positive", "raise_", "result", "setitem", "slice_", "text", "while_",
]  # fmt: skip


def getitem(place: Any, index: Any) -> Any:
    """`place[index]`, also of plain arrays and lists of numbers at a traced index."""
    mask = unknown_mask(index)
    if mask is not None and isinstance(place, (Traced, np.ndarray)):
        found = chosen(place if isinstance(place, Traced) else boxed(np.asarray(place)), index, mask)
        return Selected(found.whole.snapshot(), mask, found.place)
    if isinstance(index, Traced) or isinstance(index, tuple) and any([isinstance(p, Traced) for p in index]):
        if type(place) is np.ndarray and place.dtype.kind in "fciub":
            return boxed(place)[index]
        if isinstance(place, (list, tuple)) and isinstance(index, Traced) and staged() and place:
            return _chosen(place, index)
    own = special(place, "__getitem__")
    return place[index] if own is None else CALL[0](own, place, index)


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
