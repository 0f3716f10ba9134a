"""Diffusions alpha(t), sigma(t), one family a file.

May import array_types, validation, types.
"""
