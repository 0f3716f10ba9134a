"""Columns whose values are classes: which they are, and what is left of their entropy when others are known.

May import training, scores, information.cross_fitting and what these may.
"""
