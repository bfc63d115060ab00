"""`wengert explore`: the user's function at a point, as a page to step through.

Start at `explore`.
"""

from __future__ import annotations

import functools
from typing import Any

from wengert.cli.failure import Failure
from wengert.cli.target import resolve
from wengert.cli.values import arguments
from wengert.viz.explore import explore as explore_function


def explore(options: Any) -> int:
    """Write the page; say where it is and what is in it. Arguments that are not differentiated by are held as they are."""
    f = resolve(options.target)
    name = getattr(f, "__name__", options.target)
    call = arguments(f, options.at, options.data, options.wrt, name)
    if not options.limit.isdigit() or int(options.limit) < 8:
        raise Failure(f"--limit {options.limit}: give a whole number of 8 or more")
    by_name = [n for n in call.argnums if isinstance(n, str)]
    if by_name:
        raise Failure(f"explore differentiates by positional arguments; {name} takes {by_name[0]} by name only")
    args, kwargs = call.split()
    subject: Any = f
    if kwargs:
        subject = functools.partial(f, **kwargs)
        functools.update_wrapper(subject, f)
    page = explore_function(subject, limit=int(options.limit), argnums=call.argnums)(*args)
    page.save(options.out)
    print(f"{options.out}: {name} in {len(page.events)} steps, {len(page.drawing.graph.vertices)} nodes")
    return 0
