"""The back end: a Function becomes loop nests, LLVM's text, object code.

Knows no tracer and no user's callable. Start at `pipeline`.
"""
