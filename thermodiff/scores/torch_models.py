"""PyTorch modules as models (x, c) -> (d,) that any score may be made of; PyTorch starts when the first is wrapped.

A module is called in evaluation mode and without a graph, on rows of its own type on its own device; the mode that it
was in comes back after each call. What is wrong with it is said when a program is made that asks it, from four rows of
random numbers: a shape, a value that changes from call to call, a derivative that its values do not have.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from thermodiff.runtime.extras import from_extra
from thermodiff.scores.outside import OutsideModel, Rows
from thermodiff.scores.torch_trials import trial_rows, try_values, way_of_products, way_of_pulling_back
from thermodiff.validation import complain, complain_of_model


class TorchModel(OutsideModel):
    """f(x, c), x (d,) and c () to (d,), of a PyTorch module; made by ``td.torch_model``, which says what it does."""

    argument = "module"

    def __init__(self, module: Any, shape: Any, dtype: Any, device: Any) -> None:
        super().__init__()
        self.torch = from_extra("torch", "torch", "torch_model")
        if isinstance(module, type) or not callable(module):
            got = f"the class {module.__name__}" if isinstance(module, type) else type(module).__name__
            raise complain("module", got, "a torch.nn.Module object, or a callable module(x, c) of tensors")
        self.module, self.shape = module, None if shape is None else tuple(int(n) for n in shape)
        self.inside = modules_of(self.torch, module)
        self.dtype, self.device = self._place(dtype, device)
        self.ways: dict[Any, Any] = {}
        self._warn_of_training()

    def _place(self, dtype: Any, device: Any) -> tuple[Any, Any]:
        """The type and device given, else those of the first floating-point weight, else PyTorch's own."""
        weights = [w for m in self.inside for w in (*m.parameters(), *m.buffers()) if w.is_floating_point()]
        first = weights[0] if weights else self.torch.empty(0)
        if any(w.is_meta for w in weights):
            raise complain("module", "weights on the device 'meta', which has no values", "a loaded module")
        return dtype or first.dtype, self.torch.device(device or first.device)

    def _warn_of_training(self) -> None:
        random = (self.torch.nn.modules.dropout._DropoutNd, self.torch.nn.modules.batchnorm._BatchNorm)
        named = [(name, m) for module in self.inside for name, m in module.named_modules()]
        found = [f"{type(m).__name__} {name!r}" for name, m in named if m.training and isinstance(m, random)]
        if found:
            got = f"training mode with {', '.join(found[:3])}, which is not a function of one point"
            need = "module.eval(): it is evaluated in that mode here, and is left in its own"
            warnings.warn(str(complain("module", got, need)), stacklevel=4)

    # Numbers in, numbers out

    def values(self, x: Rows, c: Rows) -> Rows:
        """The module at rows x (n, d) and c (n,)."""
        with self.evaluated():
            return self.array(self.rows(self.tensor(x), self.tensor(c)))

    def products(self, x: Rows, c: Rows, directions: dict[int, Rows]) -> Rows:
        """Its derivative in k directions, (k, n, d), in the way that the trial found."""
        product = self.ways["products", tuple(directions)]
        points = self.tensor(x), self.tensor(c)
        with self.evaluated():
            tensors = {i: self.tensor(d) for i, d in directions.items()}
            return self.array(product(self.torch, self.rows, points, tensors))

    def pulled_back(self, x: Rows, c: Rows, u: Rows, by: tuple[int, ...]) -> tuple[Rows, ...]:
        """Its transposed derivative of u (k, n, d)."""
        pull = self.ways["pulled back", by]
        points = self.tensor(x), self.tensor(c)
        with self.evaluated():
            return tuple(map(self.array, pull(self.torch, self.rows, points, self.tensor(u), by)))

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        """In here without a graph and in evaluation mode, whatever mode each part is in before and after."""
        training = [m for module in self.inside for m in module.modules() if m.training]
        for m in training:
            m.training = False
        try:
            with self.torch.no_grad():
                yield
        finally:
            for m in training:
                m.training = True

    def tensor(self, array: Rows) -> Any:
        """A copy as a tensor of the module's type on its device; whole numbers as its indices are."""
        whole = np.issubdtype(array.dtype, np.integer)
        return self.torch.tensor(array, dtype=self.torch.long if whole else self.dtype, device=self.device)

    def array(self, tensor: Any) -> Rows:
        """A tensor of any type on any device as an array that NumPy has a type for."""
        tensor = tensor.detach()
        wide = tensor if tensor.dtype in (self.torch.float32, self.torch.float64) else tensor.float()
        return wide.cpu().numpy()

    def rows(self, x: Any, c: Any) -> Any:
        """F: the module of tensors x (n, d) and c (n,), in the shape that it is made for, and back in rows."""
        shaped = x if self.shape is None else x.reshape(len(x), *self.shape)
        out = self.module(shaped, c)
        if not isinstance(out, self.torch.Tensor) or out.shape != shaped.shape:
            self._refuse(out, shaped)
        if not out.is_floating_point():
            raise complain_of_model("module", f"values of type {out.dtype}", "real floating-point ones")
        return out.reshape(x.shape)

    def _refuse(self, out: Any, x: Any) -> NoReturn:
        n, *shape = x.shape
        got, need = f"a {type(out).__name__}", f"one tensor of shape {(n, *shape)}"
        if isinstance(out, self.torch.Tensor):
            got = f"an output of shape {tuple(out.shape)} for x of shape {(n, *shape)}"
            if tuple(out.shape) == (n, 2 * shape[0], *shape[1:]):
                got += ", twice as long: mean and variance (learned sigma)"
                need = f"the mean alone: lambda x, c: module(x, c)[:, :{shape[0]}]"
        elif isinstance(out, tuple | list):
            got, need = f"{got} of {len(out)}", "the prediction alone: lambda x, c: module(x, c)[0]"
        elif isinstance(getattr(out, "sample", None), self.torch.Tensor):
            need = "the prediction alone: lambda x, c: module(x, c).sample"
        raise complain_of_model("module", got, need)

    def described(self, x: Any) -> str:
        """The rows that the module is given, in a word."""
        n, dim = x.shape
        return f"x {(n, *(self.shape or (dim,)))} and c {(n,)} of {self.dtype} on {self.device}"

    # Trials, while a program is written

    def try_values(self, dim: int, whole: bool) -> None:
        """Raises ModelError for a wrong shape or type, or what the module raises; warns of what is no function."""
        try_values(self, *self._trial(dim, whole))

    def try_products(self, dim: int, whole: bool, by: tuple[int, ...]) -> None:
        """Finds the way that works; raises ModelError where there is none or what comes is not the derivative."""
        self.ways["products", by] = way_of_products(self, *self._trial(dim, whole), by)

    def try_pulled_back(self, dim: int, whole: bool, by: tuple[int, ...]) -> None:
        """Finds the way that works; raises ModelError where there is none or its transpose is another derivative."""
        self.ways["pulled back", by] = way_of_pulling_back(self, *self._trial(dim, whole), by)

    def _trial(self, dim: int, whole: bool) -> tuple[Rows, Rows]:
        shape = self.shape or (dim,)
        if math.prod(shape) != dim:
            raise complain_of_model("shape", f"{shape} for points of {dim} numbers", "as many in both")
        return trial_rows(dim, whole)


def modules_of(torch: Any, function: Any) -> list[Any]:
    """The modules that a callable is or reaches: of a function, partial or method those that it names or holds."""
    if isinstance(function, torch.nn.Module):
        return [function]
    held: list[Any] = []
    if isinstance(function, functools.partial):
        held = [function.func, *function.args, *function.keywords.values()]
    elif inspect.ismethod(function):
        held = [function.__self__]
    elif inspect.isfunction(function):
        named = inspect.getclosurevars(function)
        held = [*named.nonlocals.values(), *named.globals.values(), *(function.__defaults__ or ())]
    elif not isinstance(function, type):
        held = list(getattr(function, "__dict__", {}).values())
    return [thing for thing in held if isinstance(thing, torch.nn.Module)]


def torch_model(module: Any, *, shape: Any = None, dtype: Any = None, device: Any = None) -> TorchModel:
    """f(x, c), x (d,) and c () to (d,), of a PyTorch ``module``: what a score is made of.

    ``module(x, c)`` maps tensors of n points, x (n, d) and what each is conditioned on, c (n,), to (n, d). ``shape`` is
    the shape (channels, height, width) of a point where it wants images, (n, channels, height, width). A closure over
    a module is one as well: classes, guidance, a time of another kind, ``lambda x, c: net(x, c.round().long())``.
    ``dtype`` and ``device`` are those of the first weight, and PyTorch's own where none is found.

    One call a batch by ``jax.pure_callback``, in evaluation mode and without a graph. First derivatives, by x and by c,
    by ``torch.func``, where that fails by ``torch.autograd``; second ones, and with them gradients of a divergence,
    are not there. Weights are read at each call. Raises ValueError for what is no callable, and where the extra
    ``torch`` is not installed; when it is first asked, ModelError (a ValueError) for values of another shape or type,
    for what the module raises itself, and for a derivative that is missing or disagrees with its values. Warns of
    training mode with dropout or batch norm, and of values that are no function of one point. Source: this project.
    """
    return TorchModel(module, shape, dtype, device)
