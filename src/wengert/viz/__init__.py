"""Seeing a computation: the trace as a table, the graph as a picture, both step by step in a browser; and plots of series.

Knows programs and what happens in them, by the contract; drawing libraries are imported when a picture is asked for. Start at `observe`.
"""
