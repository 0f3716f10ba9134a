"""How programs of JAX's call a model of rows outside it: three primitives, their derivatives and their batches.

With F the model of rows and J its Jacobian by what is differentiated of (x, c),

    F(x, c)        J(x, c) (dx, dc), for k directions at once        u^T J(x, c), likewise

``jax.vmap`` makes one call of many points, and of k directions at the same points one call that need compute F once.
The second is linear in (dx, dc) and the third its transpose, which is what ``jax.linearize`` and ``jax.grad`` ask for.
NumPy arrays are handed over and taken back: a call that started a computation of JAX's could wait for the very thread
that it runs in. Source: this project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from thermodiff.runtime.callbacks import called_back
from thermodiff.validation import complain_of_model

Model = Any
"""An ``outside.OutsideModel``."""
ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What somebody's model may raise of itself; interrupts are not its faults."""


def _called(model: Model, compute: Callable[..., Any], shapes: Any, *arguments: Any) -> Any:
    """``compute`` of NumPy arrays when the program runs; what it raises is told as a complaint about the model."""

    def checked(x: Any, *others: Any) -> Any:
        try:
            return compute(x, *others)
        except ERRORS as error:
            raise model.failed(error, x) from error

    return called_back(checked, shapes, *arguments)


def shape_and_kind(x: Any, c: Any) -> tuple[int, bool]:
    """Of rows x (n, d) and what they are conditioned on: d, and whether that is whole numbers."""
    return x.shape[1], bool(jnp.issubdtype(c.dtype, jnp.integer))


def _like(array: Any, *shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, array.dtype)


def _primitive(name: str, call: Callable[..., Any], shapes: Callable[..., Any], many: bool) -> Primitive:
    """A primitive that is ``call`` when it runs, and whose results have these ``shapes``."""
    made = Primitive(f"thermodiff_{name}")
    made.multiple_results = many
    made.def_impl(call)
    made.def_abstract_eval(
        lambda *a, **p: jax.tree.map(lambda s: jax.core.ShapedArray(s.shape, s.dtype), shapes(*a, **p))
    )
    mlir.register_lowering(made, mlir.lower_fun(call, multiple_results=many))
    return made


def _values_shape(x: Any, c: Any, *, model: Model) -> Any:
    return _like(x, *x.shape)


def _values(x: Any, c: Any, *, model: Model) -> Any:
    return _called(model, model.values, _values_shape(x, c, model=model), x, c)


def _products_shape(x: Any, c: Any, *directions: Any, model: Model, by: tuple[int, ...]) -> Any:
    return _like(x, directions[0].shape[0], *x.shape)


def _products(x: Any, c: Any, *directions: Any, model: Model, by: tuple[int, ...]) -> Any:
    def compute(x: Any, c: Any, *directions: Any) -> Any:
        return model.products(x, c, dict(zip(by, directions, strict=True)))

    return _called(model, compute, _products_shape(x, c, *directions, model=model, by=by), x, c, *directions)


def _pulled_shape(x: Any, c: Any, u: Any, *, model: Model, by: tuple[int, ...]) -> Any:
    return [_like(x, u.shape[0], *(x.shape, c.shape)[i]) for i in by]


def _pulled(x: Any, c: Any, u: Any, *, model: Model, by: tuple[int, ...]) -> Any:
    def compute(x: Any, c: Any, u: Any) -> list[Any]:
        return list(model.pulled_back(x, c, u, by))

    return _called(model, compute, _pulled_shape(x, c, u, model=model, by=by), x, c, u)


values_p = _primitive("values", _values, _values_shape, many=False)
_products_p = _primitive("products", _products, _products_shape, many=False)
_pulled_p = _primitive("pulled_back", _pulled, _pulled_shape, many=True)


# What JAX does with them: derivatives,


def _along(model: Model, points: Any, tangents: Any) -> Any:
    """J in one direction: ``tangents`` of x and c, zeros not made."""
    by = tuple(i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero))
    model.once(model.try_products, *shape_and_kind(*points), by)
    directions = [ad.instantiate_zeros(tangents[i])[None] for i in by]
    return _products_p.bind(*points, *directions, model=model, by=by)[0]


def _values_jvp(primals: Any, tangents: Any, *, model: Model) -> Any:
    return values_p.bind(*primals, model=model), _along(model, primals, tangents)


def _refuse_second(model: Model, tangents: Any) -> None:
    if any(not isinstance(tangent, ad.Zero) for tangent in tangents):
        got = "a second derivative asked of a model outside JAX"
        need = "first ones: gradients of a divergence or a flow likelihood need the model in JAX"
        raise complain_of_model(model.argument, got, need)


def _products_jvp(primals: Any, tangents: Any, *, model: Model, by: tuple[int, ...]) -> Any:
    _refuse_second(model, tangents[:2])
    x, c, *_ = primals
    directions = [ad.instantiate_zeros(tangent) for tangent in tangents[2:]]
    return tuple(_products_p.bind(x, c, *d, model=model, by=by) for d in (primals[2:], directions))


def _products_transpose(u: Any, x: Any, c: Any, *directions: Any, model: Any, by: tuple[int, ...]) -> Any:
    if isinstance(u, ad.Zero):
        return [None, None, *(None for _ in by)]
    model.once(model.try_pulled_back, *shape_and_kind(x, c), by)
    pulled = _pulled_p.bind(x, c, u, model=model, by=by)
    return [
        None,
        None,
        *(p if ad.is_undefined_primal(d) else None for p, d in zip(pulled, directions, strict=True)),
    ]


def _pulled_jvp(primals: Any, tangents: Any, *, model: Model, by: tuple[int, ...]) -> Any:
    _refuse_second(model, tangents[:2])
    x, c, u = primals
    du = ad.instantiate_zeros(tangents[2])
    return tuple(_pulled_p.bind(x, c, v, model=model, by=by) for v in (u, du))


def _pulled_transpose(directions: Any, x: Any, c: Any, u: Any, *, model: Any, by: tuple[int, ...]) -> Any:
    made = [ad.instantiate_zeros(d) for d in directions]
    return [None, None, _products_p.bind(x, c, *made, model=model, by=by)]


ad.primitive_jvps[values_p] = _values_jvp
ad.primitive_jvps[_products_p] = _products_jvp
ad.primitive_jvps[_pulled_p] = _pulled_jvp
ad.primitive_transposes[_products_p] = _products_transpose
ad.primitive_transposes[_pulled_p] = _pulled_transpose


# and batches: more points become more rows, more directions at the same points more directions.


def _first(array: Any, axis: Any, size: int) -> Any:
    """The array with the mapped axis first, repeated along it where it has none."""
    return jnp.broadcast_to(array, (size, *array.shape)) if axis is None else jnp.moveaxis(array, axis, 0)


def _size(arrays: Any, axes: Any) -> int:
    return next(array.shape[axis] for array, axis in zip(arrays, axes, strict=True) if axis is not None)


def _merged(array: Any) -> Any:
    """(b, n, ...) as (b n, ...)."""
    return array.reshape(-1, *array.shape[2:])


def _into_rows(array: Any) -> Any:
    """(b, k, n, ...) as (k, b n, ...)."""
    array = jnp.moveaxis(array, 0, 1)
    return array.reshape(array.shape[0], -1, *array.shape[3:])


def _out_of_rows(array: Any, size: int) -> Any:
    """(k, b n, ...) as (b, k, n, ...)."""
    return jnp.moveaxis(array.reshape(array.shape[0], size, -1, *array.shape[2:]), 1, 0)


def _values_batched(arguments: Any, axes: Any, *, model: Model) -> Any:
    size = _size(arguments, axes)
    x, c = (_first(a, axis, size) for a, axis in zip(arguments, axes, strict=True))
    return values_p.bind(_merged(x), _merged(c), model=model).reshape(x.shape), 0


def _batched(primitive: Primitive) -> Callable[..., Any]:
    """The rule of the two that have directions: x and c first, the others with k directions first."""

    def rule(arguments: Any, axes: Any, **parameters: Any) -> Any:
        size, many = _size(arguments, axes), primitive.multiple_results
        points, others = (
            arguments[:2],
            [_first(a, i, size) for a, i in zip(arguments[2:], axes[2:], strict=True)],
        )
        if axes[0] is None and axes[1] is None:
            out = primitive.bind(*points, *map(_merged, others), **parameters)
            parts = [o.reshape(size, -1, *o.shape[1:]) for o in (out if many else [out])]
        else:
            points = [_merged(_first(a, axis, size)) for a, axis in zip(points, axes[:2], strict=True)]
            out = primitive.bind(*points, *map(_into_rows, others), **parameters)
            parts = [_out_of_rows(o, size) for o in (out if many else [out])]
        return (parts, [0] * len(parts)) if many else (parts[0], 0)

    return rule


batching.primitive_batchers[values_p] = _values_batched
batching.primitive_batchers[_products_p] = _batched(_products_p)
batching.primitive_batchers[_pulled_p] = _batched(_pulled_p)
