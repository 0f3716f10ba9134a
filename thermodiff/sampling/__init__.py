"""Samples from a score: where the steps stand, how they are made, and how good the samples are.

May import types, validation, units, array_types, runtime, numerics, distributions, processes, scores, trajectories,
thermodynamics.
"""
