"""The user's rows, from a file or a name to samples of a density. Starts no JAX.

May import distributions.sample_checks, validation, types.
"""
