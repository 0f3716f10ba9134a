"""What the theory names: ensembles, moments, rates, entropies, bounds.

May import trajectories, scores and what these may.
"""
