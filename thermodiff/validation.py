"""Bad input gets one clear message: which argument, what came, what is needed.

Checks look only at values that exist now; under a JAX trace they pass silently, because a traced value
was checked when its owner was made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermodiff.types import is_concrete


def complain(name: str, got: str, need: str) -> ValueError:
    """The one form that every message about an argument has."""
    return ValueError(f"{name}: got {got}, need {need}")


class ModelError(ValueError):
    """A complaint about somebody's model, in words that name what is wrong: not to be told again in others."""


def complain_of_model(name: str, got: str, need: str) -> ModelError:
    """As ``complain``, about the model ``name`` that a score is made of."""
    return ModelError(*complain(name, got, need).args)


def check_finite(name: str, x: Any) -> None:
    """Raise if an array holds NaN, infinity or masked values, saying how many and where the first is."""
    if not is_concrete(x):
        return
    check_numbers(name, x)
    check_unmasked(name, x)
    array = np.asarray(x)
    bad = ~np.isfinite(array if array.dtype.kind == "f" else array.astype(np.float64))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f" (first at index {where}, counted from 0)" if where else ""
        raise complain(name, f"{int(bad.sum())} NaN or infinite value(s){place}", "finite numbers")


def check_unmasked(name: str, x: Any) -> None:
    """Raise if values of a masked array are masked: an array made of it would have whatever lies under the mask."""
    masked = np.ma.getmaskarray(x) if isinstance(x, np.ma.MaskedArray) else np.zeros(())
    if masked.any():
        first = tuple(int(i) for i in np.argwhere(masked)[0])
        rows = f" in {int(masked.any(axis=1).sum())} row(s)" if masked.ndim == 2 else ""
        got = f"{int(masked.sum())} masked value(s){rows} (first at index {first}, counted from 0)"
        raise complain(name, got, "values without a mask, such as numpy.ma.compress_rows gives")


def check_numbers(name: str, x: Any) -> None:
    """Raise unless an array holds real numbers: no text, no objects, nothing complex."""
    kind = np.asarray(x).dtype
    # The short floats of accelerators are kinds of their own, which NumPy can make doubles of.
    if kind.kind not in "biuf" and not np.can_cast(kind, np.float64):
        raise complain(name, f"entries of type {kind}", "real numbers")


def check_magnitude(name: str, x: Any, dtype: Any = None) -> None:
    """Raise if an array holds a number whose square ``dtype`` cannot hold: every density takes squares.

    That is 1.8e19 in single precision, 1.3e154 in double; ``dtype`` is by default the one that JAX computes in.
    """
    if not is_concrete(x):
        return
    if dtype is None:
        import jax

        dtype = jax.dtypes.canonicalize_dtype(np.float64)
    most = float(np.sqrt(np.finfo(dtype).max))
    array = np.asarray(x)
    beyond = np.abs(array.astype(np.float64)) > most
    if beyond.any():
        where = tuple(int(i) for i in np.argwhere(beyond)[0])
        raise complain(
            name,
            f"{array[where]:.3g} (at index {where}, counted from 0)",
            f"numbers up to {most:.2g}, whose squares {np.dtype(dtype)} holds: rescale or standardise them",
        )


def check_time(t: Any, name: str = "t") -> None:
    """Raise if a time lies outside [0, 1]."""
    if not is_concrete(t):
        return
    check_numbers(name, t)
    values = np.asarray(t, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        bad = values[~((values >= 0) & (values <= 1))].ravel()[0]
        raise complain(name, f"{bad:g}", "times in [0, 1] (data at 0, noise at 1)")


def check_positive(name: str, value: Any) -> None:
    """Raise unless every entry is positive and finite."""
    if not is_concrete(value):
        return
    check_numbers(name, value)
    values = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(values) & (values > 0)):
        raise complain(name, f"{value}", "a positive, finite number")


def check_count(name: str, value: Any) -> None:
    """Raise unless ``value`` is a whole number, at least 1."""
    if not (isinstance(value, int | np.integer) and value >= 1):
        raise complain(name, f"{value}", "a positive whole number")


def check_generator(name: str, rng: Any) -> None:
    """Raise unless ``rng`` is a generator of NumPy: a seed would draw the same in every call."""
    if not isinstance(rng, np.random.Generator):
        raise complain(name, f"{rng!r}", "a generator, such as numpy.random.default_rng(0)")


def check_covariance(name: str, cov: Any, dim: int) -> None:
    """Raise unless ``cov`` is a finite, symmetric, positive definite (dim, dim) matrix."""
    if not is_concrete(cov):
        return
    need = f"a covariance matrix of shape ({dim}, {dim})"
    try:
        check_numbers(name, cov)
    except ValueError as error:
        # Ours names the argument already; numpy's is about rows that do not make an array.
        raise (
            error if str(error).startswith(f"{name}: ") else complain(name, "rows of different lengths", need)
        ) from error
    matrix = np.asarray(cov, dtype=np.float64)
    if matrix.shape != (dim, dim):
        raise complain(name, f"shape {matrix.shape}", need)
    check_finite(name, matrix)
    asymmetry = np.abs(matrix - matrix.T).max()
    if asymmetry > 1e-5 * np.abs(matrix).max():
        raise complain(
            name, f"a matrix that differs from its transpose by {asymmetry:.3g}", "a symmetric one"
        )
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest <= 1e-7 * max(np.abs(matrix).max(), 1e-300):
        raise complain(name, f"smallest eigenvalue {smallest:.3g}", "a positive definite matrix")


def check_points(name: str, x: Any, dim: int | None = None) -> None:
    """Raise unless ``x`` is a finite array of shape (n, d), with d = ``dim`` if given."""
    need = "an array of shape (n, d)" if dim is None else f"an array of shape (n, {dim})"
    try:
        shape = np.shape(x)
    except ValueError as error:
        raise complain(name, "rows of different lengths", need) from error
    if len(shape) == 1 and dim in (None, 1, shape[0]):
        need += f" ({name}[:, None] is n rows of one column, {name}[None] one row)"
    if len(shape) != 2 or shape[0] == 0 or shape[1] == 0 or (dim is not None and shape[1] != dim):
        raise complain(name, f"shape {tuple(shape)}", need)
    check_finite(name, x)


OLD_KEYS = {(2,): "threefry2x32", (4,): "rbg"}
"""Shapes of ``jax.random.PRNGKey``'s arrays, and whose they are."""


def check_key(key: Any) -> Any:
    """``key`` as one JAX random key of the new style: a key of the old style draws the same and compiles nothing anew.

    Raises ValueError for what is no key or several.
    """
    import jax

    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    if shape == () and dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        return key
    if shape not in OLD_KEYS or dtype != np.uint32:
        got = repr(key) if shape is None else f"an array of shape {shape}"
        raise complain("key", got, "one random key, such as jax.random.key(0)")
    return jax.random.wrap_key_data(key, impl=OLD_KEYS[shape])


def check_process(process: Any) -> None:
    """Raise unless ``process`` has the methods of a diffusion process that everything downstream calls."""
    if isinstance(process, type):
        raise complain(
            "process", f"the class {process.__name__}", f"an object of it, {process.__name__}(...)"
        )
    needed = ("alpha", "sigma", "drift_rate", "diffusivity", "log_snr", "time_of_log_snr")
    if not all(callable(getattr(process, name, None)) for name in needed):
        raise complain(
            "process", type(process).__name__, "a diffusion process, such as VarianceExploding(25.0)"
        )


def check_score(score: Any, dim: int) -> None:
    """Raise unless ``score(x, t)`` maps shapes (d,), () to (d,), real and floating-point."""
    check_callable(score, dim)
    x = _like((dim,))
    out = traced_call("score", score, x, _like(()), f"x of shape ({dim},), t of shape ()", f"shape ({dim},)")
    shape = getattr(out, "shape", None)
    if shape != (dim,):
        raise complain("score", f"an output of shape {shape} for x of shape ({dim},)", f"shape ({dim},)")
    check_kind(out.dtype)


def check_kind(dtype: Any) -> None:
    """Raise unless a score's values are real floating-point numbers: an integer one has no derivative."""
    import jax

    if jax.dtypes.issubdtype(dtype, np.complexfloating):
        raise complain("score", f"complex values ({dtype})", "real ones, (d,) for x of shape (d,)")
    if not jax.dtypes.issubdtype(dtype, np.floating):
        raise complain(
            "score", f"values of type {dtype}", "floating-point ones: whole numbers have no derivative"
        )


def check_callable(score: Any, dim: int) -> None:
    """Raise for classes, unbound modules, what cannot be called, and a score that knows of other data."""
    if isinstance(score, type):
        raise complain(
            "score", f"the class {score.__name__}", "an object of it, called as score(x, t) -> (d,)"
        )
    if hasattr(score, "apply") and hasattr(score, "init") and getattr(score, "scope", None) is None:
        need = "lambda x, t: module.apply(variables, x, t)"
        raise complain("score", f"{type(score).__name__}, a module without its variables", need)
    if not callable(score):
        raise complain("score", f"{type(score).__name__}", "a callable score(x, t) -> (d,)")
    check_is_of_jax("score", score)
    known = getattr(getattr(score, "reference", None), "dim", dim)
    if known != dim:
        raise complain("score", f"one of {known} dimensions for data of {dim}", "as many in both")


def check_is_of_jax(name: str, model: Any) -> None:
    """Raise for a PyTorch module, saying what makes a model of it."""
    if any(base.__module__.partition(".")[0] == "torch" for base in type(model).__mro__):
        need = "what td.score_from_noise_prediction and others make of td.torch_model(module)"
        raise complain(name, f"{type(model).__name__}, a PyTorch module", need)


def batched_form(score: Any, dim: int) -> bool | None:
    """Of a score that maps batches, whether its times are a batch too: (n, d), (n,) -> (n, d); None if it maps none.

    Raises ValueError for complex or integer values.
    """
    rows = dim + 2
    for batch_of_times in (True, False):
        t = _like((rows,) if batch_of_times else ())
        try:
            out = traced_call("score", score, _like((rows, dim)), t, "a batch", "a batch")
        except ValueError:  # then it is no such score, and the first message about it stands
            continue
        if getattr(out, "shape", None) == (rows, dim):
            check_kind(out.dtype)
            return batch_of_times
    return None


def _like(shape: tuple[int, ...]) -> Any:
    """What stands for a single-precision array of this shape."""
    import jax

    return jax.ShapeDtypeStruct(shape, np.float32)


_TRACEABLE = (
    "one written with jax.numpy, or td.torch_model(f) of PyTorch's tensors, td.numpy_model(f) of NumPy's rows"
)
WHOLE_STEPS = (
    "a model of times with fractions; of one that looks steps up, time=td.WholeSteps(1000) for 1000 steps"
)


def is_about_an_index(error: BaseException) -> bool:
    """Whether JAX, NumPy or PyTorch was given a number that is not whole where one belongs that is looked up."""
    line = str(error)
    parts = (
        "Indexer must have integer",
        "must be of integer",
        "used as indices must be",
        "are valid indices",
    )
    return any(part in line for part in parts)


def traced_call(name: str, function: Any, x: Any, t: Any, of: str, need: str) -> Any:
    """Shape and type of ``function(x, t)``; raises ValueError, with what came, where it cannot be had."""
    import jax

    def named(x: Any, t: Any) -> Any:
        # JAX prints what it is given, for its messages: a network would be printed with its weights, for 40 ms.
        return function(x, t)

    try:
        return jax.eval_shape(named, x, t)
    except ModelError:
        raise
    except (
        jax.errors.TracerArrayConversionError,
        jax.errors.ConcretizationTypeError,
        AttributeError,
    ) as error:
        raise complain(name, "a callable that JAX cannot trace", _TRACEABLE) from error
    except (TypeError, ValueError, IndexError) as error:
        first = str(error).split("\n")[0]
        if "must be Tensor" in first:
            raise complain(
                name, "a callable that JAX cannot trace, of PyTorch's tensors", _TRACEABLE
            ) from error
        got = f"{type(error).__name__} for {of}: {first}"
        raise complain(name, got, WHOLE_STEPS if is_about_an_index(error) else need) from error
