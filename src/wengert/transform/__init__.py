"""Transformations, Function -> Function. Written against the contract; names no operation.

`evaluate` runs a Function; `jvp`, `linearize`, `transpose`, `batch`, `partial` make new ones.
"""
