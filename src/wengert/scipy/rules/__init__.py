"""What functions of SciPy mean for traced values, one file a module of SciPy; the namespaces beside this package lead here.

Knows the numpy room. Start at `special`.
"""
