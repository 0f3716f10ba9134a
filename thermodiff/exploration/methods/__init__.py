"""Methods of training by verifiable rewards, as functions of arrays: advantages, their shaping, losses, selection.

Alike in NumPy, JAX (under ``jit``, ``vmap`` and ``grad``) and PyTorch; starts none of them. May import validation,
types.
"""
