"""Entropy and information of data.

May import training, scores, processes, distributions and what these may; no thermodynamics.
"""
