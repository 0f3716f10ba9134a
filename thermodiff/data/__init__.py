"""The user's rows, from a file or a name to samples of a density. Starts no JAX.

May import distributions.rows, .repeats and .sample_checks, runtime.extras, validation, types.
"""
