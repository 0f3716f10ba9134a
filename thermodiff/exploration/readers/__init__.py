"""Formats of rollouts, one file a format; ``formats`` is the table by whose fields they are recognised.

May import exploration.rollouts, runtime, validation.
"""
