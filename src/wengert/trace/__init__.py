"""The front end: run a Python function on traced values and keep the operations it performs.

`tape` keeps them, `tracer` is the value that a user's function sees, `record` runs the function.
"""
