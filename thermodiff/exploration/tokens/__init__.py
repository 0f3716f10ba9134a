"""Entropy, breadth and surprise of the tokens that a policy drew.

May import exploration.rollouts, validation, types.
"""
