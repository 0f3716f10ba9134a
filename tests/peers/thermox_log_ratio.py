"""Run where thermox is: ln P(path) - ln P(path reversed) of paths of dx = -x du + sqrt(2) dw, from a file."""

import json
import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import thermox  # noqa: E402

asked = json.loads(Path(sys.argv[1]).read_text())
u, paths = jnp.asarray(asked["clock"]), jnp.asarray(asked["paths"])
d = paths.shape[2]
of = (jnp.eye(d), jnp.zeros(d), 2 * jnp.eye(d))
answer = [
    float(thermox.log_prob(u - u[0], x, *of) - thermox.log_prob((u[-1] - u)[::-1], x[::-1], *of))
    for x in paths
]
Path(sys.argv[2]).write_text(json.dumps(answer))
