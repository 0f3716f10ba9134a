"""How points move: the probability flow.

May import scores, numerics, runtime and what these may.
"""
