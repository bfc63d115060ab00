"""`wengert compare`: all ways to the derivatives of the user's function at a point, in one table.

Start at `compare`.
"""

from __future__ import annotations

import functools
from typing import Any

from wengert.cli.failure import Failure
from wengert.cli.target import resolve
from wengert.cli.values import arguments
from wengert.methods.compare import compare as compare_methods


def compare(options: Any) -> int:
    """Print the table, or JSON; with --plot, save the picture of errors over the step."""
    f = resolve(options.target)
    name = getattr(f, "__name__", options.target)
    call = arguments(f, options.at, options.data, options.wrt, name)
    args, kwargs = call.split()
    by_name = [n for n in call.argnums if isinstance(n, str)]
    if by_name:
        raise Failure(f"compare differentiates by positional arguments; {name} takes {by_name[0]} by name only")
    if not options.digits.isdigit():
        raise Failure(f"--digits {options.digits}: give a whole number")
    subject: Any = f
    if kwargs:
        subject = functools.partial(f, **kwargs)
        subject.__name__ = name
    manual = None if options.manual is None else resolve(options.manual)
    places: Any = list(call.argnums)
    found = compare_methods(
        subject,
        *args,
        argnums=places,
        manual=manual,
        compiled=options.compiled,
        digits=int(options.digits) or None,
    )
    if options.json:
        print(found.json())
    else:
        found.show()
    if options.plot is not None:
        if len(args) > 1:
            raise Failure(f"--plot draws the errors of a function of one number; {name} has {len(args)} arguments")
        compare_methods.step_size(subject, args[0]).plot(options.plot)
    return 0
