"""Arrays in messages, in one line. Knows NumPy only. Start at `short`."""

from __future__ import annotations

from typing import Any

import numpy as np


def short(x: Any) -> str:
    """A value, or a container of them, in one line; few numbers to their last digit."""
    if isinstance(x, (tuple, list)):
        return f"({', '.join([short(y) for y in x])})"
    if isinstance(x, dict):
        return "{" + ", ".join([f"{k}: {short(y)}" for k, y in x.items()]) + "}"
    x = np.asarray(x)
    exact: dict[str, Any] = {"floatmode": "unique"} if x.size <= 3 else {"precision": 6}
    text = np.array2string(x, threshold=8, edgeitems=3, separator=", ", **exact).replace("\n", "")
    return text if len(text) < 160 else text[:157] + "..."
