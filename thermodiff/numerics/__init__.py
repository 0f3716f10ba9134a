"""Mathematics without physics: divergences, quadrature, even points, means with errors.

May import array_types, types.
"""
