"""Diffusion as a policy: denoising steps are actions, the reward is of the sample, and the cost is a path divergence.

Names are those of ``thermodiff.exploration``.
"""
