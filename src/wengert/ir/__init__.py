"""The language: typed SSA functions as data. Knows no operation and no NumPy function.

Read `types`, then `values`, then `operation`, then `builder`.
"""
