"""Plain Python under every transformation: a function's text, rewritten so that its assignments, branches and loops are seen.

`source` finds the text, `rewrite` and `stage` change it, `convert` compiles it; `operators` is what it then calls:
`calls`, `mutation`, `branch`, `loop`, `effects`. Only this room knows Python's syntax. Start at `call`.
"""

from wengert.trace.capture.calls import call

__all__ = ["call"]
