"""From data and a process to a learned score.

May import scores, distributions, runtime and what these may.
"""
