"""Loop nests as data, for no machine in particular: scalars, memory, loops, branches, calls.

Knows no array operation and no LLVM. Start at `nest`.
"""
