"""Stochastic paths of a diffusion model: their probability ratios, the reverse SDE's likelihood, what steps cost.

May import everything up to sampling.
"""
