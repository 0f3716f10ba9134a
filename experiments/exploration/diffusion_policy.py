"""What a reward costs a diffusion whose denoising steps are actions: the ledger of paths, exact on the line.

    python -m experiments.exploration.diffusion_policy --preset paper --out results/diffusion_policy-paper

Cells, in parts:
    steps   no training: the best fixed-variance policy, the control of continuous time, the best steps of any shape and
            the tilt for an exact score of three modes, for more and more steps, of a process that forgets and of one
            that remembers its start
    line    a trained score of six modes on the line, three of them rewarded, fine-tuned at several beta: the ledger
            exactly and from paths, the entropies of paths and of samples, the mass of each mode before and after
    plane   the same for eight Gaussians on a circle, every second one rewarded, from paths alone
Where nothing holds the policy to its base (beta = 0) paths may leave for ever larger |x|: a row then says so and has no
ledger.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

import thermodiff as td
from experiments.exploration import diffusion_policy_figure, diffusion_policy_table
from experiments.harness.cells import one_by_one
from experiments.harness.command import Experiment
from experiments.harness.types import Cell, Row
from thermodiff import exploration as explore
from thermodiff.exploration.diffusion_policy.line import LineLedger
from thermodiff.exploration.diffusion_policy.path_ledger import PathLedger
from thermodiff.types import Estimate

Part = Literal["steps", "line", "plane"]
Memory = Literal["forgets", "remembers"]
PROCESSES = {"forgets": td.VariancePreserving, "remembers": lambda: td.OrnsteinUhlenbeck(2.0)}


@dataclasses.dataclass(frozen=True)
class Config:
    """Fine-tuning of denoising chains by reward; ``betas`` weigh the divergence of paths from the base."""

    parts: tuple[Part, ...] = get_args(Part)
    step_numbers: tuple[int, ...] = (5, 10, 20, 40, 80, 160)
    memories: tuple[Memory, ...] = get_args(Memory)
    step_beta: float = 0.5
    betas: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5)
    plane_betas: tuple[float, ...] = (0.0, 0.2)
    seeds: int = 5
    chain_steps: tuple[int, ...] = (16, 48)
    base_steps: int = 1500
    tuning_steps: int = 250
    paths: int = 512
    learning_rate: float = 4e-3
    width: int = 32
    ledger_paths: int = 4096
    kernels: int = 16384


PRESETS = {
    "paper": Config(),
    "smoke": Config(
        step_numbers=(5, 10), betas=(0.2,), plane_betas=(0.2,), seeds=1, chain_steps=(16,), base_steps=150,
        tuning_steps=30, paths=128, ledger_paths=512, kernels=1024,
    ),
}  # fmt: skip
CELL_KEYS = ("part", "process", "steps", "beta", "seed")


def cells(config: Config) -> list[Cell]:
    """All parts that are asked for, one after the other; the plane with the shortest chain alone."""
    few, seeds = config.chain_steps[0], range(config.seeds)
    lists = {
        "steps": [
            ("steps", memory, steps, config.step_beta, None)
            for memory in config.memories
            for steps in config.step_numbers
        ],
        "line": [
            ("line", "forgets", n, b, s) for n in config.chain_steps for b in config.betas for s in seeds
        ],
        "plane": [("plane", "forgets", few, b, s) for b in config.plane_betas for s in seeds],
    }
    return [dict(zip(CELL_KEYS, cell, strict=True)) for part in config.parts for cell in lists[part]]


def three_modes() -> tuple[Any, Any]:
    """Data and reward of the part on steps: p = 0.326."""
    data = td.GaussianMixture([0.4, 0.3, 0.3], [[-1.4], [0.1], [1.4]], np.full((3, 1, 1), 0.09))
    return data, explore.HalfSpace([1.0], 0.6)


def six_modes() -> tuple[Any, Any]:
    """Six Gaussians on the line of falling weight, the first, third and fifth from the left rewarded."""
    centres = np.array([-2.0, -1.2, -0.4, 0.4, 1.2, 2.0])[:, None]
    data = td.GaussianMixture(np.array([8, 7, 6, 5, 3, 6]) / 35, centres, np.full((6, 1, 1), 0.15**2))
    return data, explore.Balls(centres[::2], 0.38)


def eight_modes() -> tuple[Any, Any]:
    """Eight equal Gaussians on a circle, every second one rewarded."""
    data = td.distributions.eight_gaussians(radius=2.0, width=0.2)
    return data, explore.Balls(np.asarray(data.means)[::2], 0.7)


FAR = 50.0
"""Data are of order 1: a path that has been here is on its way to infinity."""


def measure_steps(config: Config, cell: Cell) -> Row:
    """What the best policies reach, without training; exact numbers."""
    data, reward = three_modes()
    process, beta = PROCESSES[cell["process"]](), cell["beta"]
    chain, base = explore.reverse_chain(process, cell["steps"]), td.exact_score(data, process)
    best = explore.finite_step_optima(base, chain, reward, beta)
    control = explore.line_ledger(explore.tilted_score(data, process, reward, beta), base, chain, reward)
    closed = explore.reward_tilt(data, reward, beta)
    return {
        **best._asdict(),
        "control": control.accuracy,
        "control_objective": control.accuracy - beta * control.path_divergence,
        "closed_base": closed.base_reward,
        "closed_tilt": closed.reward,
    }


def trained(config: Config, cell: Cell, data: Any, reward: Any) -> tuple[Any, Any, Any, Any]:
    """The chain, a base score trained on the data, the policy fine-tuned from it, and a key for what is drawn.

    Raises FineTuningDivergedError as ``fine_tune_diffusion``.
    """
    keys = jax.random.split(jax.random.key(cell["seed"]), 3)
    process = PROCESSES[cell["process"]]()
    base = td.fit(keys[0], data, process, steps=config.base_steps, width=config.width).score
    chain = explore.reverse_chain(process, cell["steps"])
    tuned = explore.fine_tune_diffusion(
        keys[1], base, chain, reward, data.dim, beta=cell["beta"], steps=config.tuning_steps,
        paths=config.paths, learning_rate=config.learning_rate,
    )  # fmt: skip
    return chain, base, tuned.score, keys[2]


def held(measure: Callable[..., Row], data_and_reward: Callable[[], tuple[Any, Any]]) -> Any:
    """``measure`` of a policy that stays where its data are, else only which share of its paths does not."""

    def measured(config: Config, cell: Cell) -> Row:
        data, reward = data_and_reward()
        try:
            chain, base, policy, key = trained(config, cell, data, reward)
        except explore.FineTuningDivergedError as error:
            return {"ran_away": 1.0, "said": str(error)}
        paths = chain.draw(jax.random.fold_in(key, 1), policy, config.ledger_paths, data.dim)
        away = float(jnp.mean(~jnp.all(jnp.abs(paths) < FAR, axis=(1, 2))))
        if away:
            return {"ran_away": away}
        return measure(config, cell["beta"], data, reward, chain, base, policy, key)

    return measured


def measure_line(
    config: Config, beta: float, data: Any, reward: Any, chain: Any, base: Any, policy: Any, key: Any
) -> Row:
    """The ledger exactly and from paths, the best that there is, and the modes."""
    exact = explore.line_ledger(policy, base, chain, reward)
    before = explore.line_ledger(base, base, chain, reward)
    drawn = explore.path_ledger(
        key, policy, base, chain, reward, 1, n=config.ledger_paths, kernels=config.kernels
    )
    row = {**numbers(exact), "drawn": estimates(drawn), "before_sample_entropy": before.sample_entropy}
    row |= {"drawn_remarks": drawn.remarks}
    if beta:
        best = explore.finite_step_optima(base, chain, reward, beta)
        row |= {"best": best.gaussian, "best_objective": best.gaussian_objective, "tilt": best.tilt}
        row |= {"tilt_objective": best.tilt_objective}
    return row | modes_on_line(exact, np.asarray(data.means)[:, 0])


def numbers(ledger: LineLedger) -> Row:
    """The terms of a ledger that are single numbers."""
    return {name: value for name, value in ledger._asdict().items() if isinstance(value, float)}


def estimates(ledger: PathLedger) -> Row:
    """The terms that are single estimates, mean and standard error."""
    terms = ledger._asdict().items()
    return {
        name: [value.mean, value.stderr]
        for name, value in terms
        if isinstance(value, Estimate) and np.ndim(value.mean) == 0
    }


def modes_on_line(ledger: LineLedger, centres: np.ndarray) -> Row:
    """The mass nearest to each centre before and after, exact."""
    nearest = np.argmin(np.abs(ledger.x[:, None] - centres), axis=1)
    laws = {"modes_before": ledger.base_density, "modes": ledger.density}
    return {
        name: [float(law[nearest == k].sum() / law.sum()) for k in range(len(centres))]
        for name, law in laws.items()
    }


def measure_plane(
    config: Config, beta: float, data: Any, reward: Any, chain: Any, base: Any, policy: Any, key: Any
) -> Row:
    """The ledger from paths, and the modes of as many samples."""
    keys = jax.random.split(key, 3)
    n = config.ledger_paths
    drawn = explore.path_ledger(keys[0], policy, base, chain, reward, 2, n=n, kernels=config.kernels)
    row = {"drawn": estimates(drawn), "drawn_remarks": drawn.remarks}
    row |= {"path_entropy": drawn.path_entropy}
    for name, score, key in (("modes_before", base, keys[1]), ("modes", policy, keys[2])):
        x = chain.draw(key, score, n, 2)[:, -1]
        nearest = jnp.argmin(jnp.sum((x[:, None] - data.means) ** 2, axis=-1), axis=1)
        row[name] = np.bincount(np.asarray(nearest), minlength=8) / n
    return row


MEASURES: dict[Part, Callable[[Config, Cell], Row]] = {
    "steps": measure_steps,
    "line": held(measure_line, six_modes),
    "plane": held(measure_plane, eight_modes),
}


def measure(config: Config, cell: Cell) -> Row:
    """One row, of what the cell's part measures."""
    return MEASURES[cell["part"]](config, cell)


EXPERIMENT = Experiment(
    "exploration.diffusion_policy",
    PRESETS,
    CELL_KEYS,
    cells,
    one_by_one(measure),
    diffusion_policy_table.table,
    diffusion_policy_figure.draw,
)
main = EXPERIMENT.main

if __name__ == "__main__":
    raise SystemExit(main())
