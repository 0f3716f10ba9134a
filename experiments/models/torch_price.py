"""What it costs to ask a PyTorch module from JAX: time beside the module's own forward pass and product.

python -m experiments.models.torch_price

For 4096 points at once in two dimensions: values alone; values and a Hutchinson probe, that is a forward pass and one
product with the Jacobian; and values with both products of an exact divergence. PyTorch's own time is that of the same
passes by the same ``torch.func`` on tensors that lie ready. Both by turns in one process, the median of the ratios of
each turn: other work on the machine slows both.
"""

import statistics
import time

import jax
import jax.numpy as jnp
import torch

import thermodiff as td
from experiments.models.ddpm_train import NoisePredictor
from thermodiff.numerics.divergence import ExactDivergence, HutchinsonDivergence

ROWS, TURNS = 4096, 15


def own_passes(net, x, k, directions):
    """The module's values, and its products with each of the directions (n_directions, rows, 2)."""
    with torch.no_grad():
        values = net(x, k)
        if len(directions) == 0:
            return values
        product = lambda v: torch.func.jvp(lambda y: net(y, k), (x,), (v,))[1]  # noqa: E731
        if len(directions) == 1:
            return values, product(directions[0])
        return values, torch.func.vmap(product)(directions)


def passes_from_jax(net):
    """The same from JAX, compiled: values, with one probe, with the exact divergence."""
    f = td.torch_model(net)
    probe, exact = HutchinsonDivergence(1), ExactDivergence()
    return {
        0: jax.jit(lambda x, k: jax.vmap(f)(x, k)),
        1: jax.jit(lambda x, k: jax.vmap(lambda x, k: probe(lambda y: f(y, k), x, jax.random.key(0)))(x, k)),
        2: jax.jit(lambda x, k: jax.vmap(lambda x, k: exact(lambda y: f(y, k), x))(x, k)),
    }


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    print(f"{torch.get_num_threads()} threads")
    for width in (128, 512):
        torch.manual_seed(0)
        net = NoisePredictor(width).eval()
        x, k = torch.randn(ROWS, 2), torch.rand(ROWS) * 999
        rows, steps = jnp.asarray(x.numpy()), jnp.asarray(k.numpy())
        for products, from_jax in passes_from_jax(net).items():
            directions = torch.randn(products, ROWS, 2)
            ours = lambda: jax.block_until_ready(from_jax(rows, steps))  # noqa: B023, E731
            theirs = lambda: own_passes(net, x, k, directions)  # noqa: B023, E731
            ours(), theirs()
            turns = [(seconds(ours), seconds(theirs)) for _ in range(TURNS)]
            ratio = statistics.median(a / b for a, b in turns)
            a, b = (1000 * statistics.median(column) for column in zip(*turns, strict=True))
            print(f"width {width}, {products} products: {a:.1f} ms beside {b:.1f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
