"""What generating a sample costs: entropy production, work, heat, joules, seconds, and what stands against speed.

May import paths, sampling, likelihood, thermodynamics and what these may.
"""
