"""All of it for one score and one data set.

May import thermodynamics, trajectories, scores and what these may.
"""
