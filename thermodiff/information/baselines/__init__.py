"""What other estimators say of the same rows.

May import numerics, information.gaussian_bias, validation, types.
"""
