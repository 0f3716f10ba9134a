"""Densities to diffuse: one family a file, each knowing what mathematics lets it know.

May import array_types, numerics, types, validation. A family's file is imported when its name is first asked for
(``__init__.pyi`` lists them), so that checks of samples can be had without JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
