"""Scores: exact, learned, wrong on purpose, somebody else's, saved.

May import distributions, numerics, runtime and what these may.
"""
