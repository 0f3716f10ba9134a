"""Estimators of entropy and mutual information that people would pick, each called as its documentation has it.

A function (seed, arrays) -> ``Answer`` for each question that an estimator takes, in nats. Where a package does not
scale columns itself they are divided by their standard deviations before mutual information, as its inventors do.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import resource
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

import thermodiff as td
from experiments.information import benchmark_mi, runs
from experiments.information.side_by_side_data import CLASSES, ENTROPY, INFORMATION, DataSet
from thermodiff.runtime.extras import from_extra
from thermodiff.types import Estimate

LEVEL = 0.9
"""Of intervals."""
Interval = tuple[float, float]


class Answer(NamedTuple):
    """Nats; the 90 % interval and the processor seconds where an estimator tells its own."""

    mean: float
    interval: Interval | None = None
    seconds: float | None = None


Function = Callable[..., Answer]


def own_release() -> str:
    """Of this package, which is here."""
    return f"thermodiff {td.__version__}"


def anything(data: DataSet) -> bool:
    """What most estimators take."""
    return True


@dataclasses.dataclass(frozen=True)
class Estimator:
    """What it is, and a function for each question that it takes."""

    setting: str
    """Call and settings, for the page."""
    answers: Mapping[str, Function]
    release: Callable[[], str] = own_release
    """Its package, loaded, with its version. Raises ValueError, one line, where it is not here."""
    fits: Callable[[DataSet], bool] = anything
    """Which data it takes, of those whose question it takes."""
    slow: bool = False
    """Minutes a number and another package's: on few of the data sets."""

    def takes(self, data: DataSet) -> bool:
        """Whether it has an answer."""
        return data.asked in self.answers and self.fits(data)


def processor_seconds() -> float:
    """Of this process and of those that it started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def unit_columns(x: np.ndarray) -> np.ndarray:
    """Each divided by its standard deviation."""
    return x / x.std(axis=0)


def ranked(x: np.ndarray) -> np.ndarray:
    """Each column made normal by its ranks."""
    return td.Gaussianise(x).forward(x)


# --- this package ----------------------------------------------------------------------------------


def _normal(value: Estimate) -> Answer:
    """With the interval of its standard error."""
    half = 1.6448536269514722 * float(value.stderr)
    return Answer(float(value.mean), (float(value.mean) - half, float(value.mean) + half))


def _own(value: td.Information) -> Answer:
    return Answer(value.mean, value.interval(LEVEL))


def own(**settings: Any) -> dict[str, Function]:
    """By score networks, with these arguments."""
    return {
        INFORMATION: lambda seed, x, y: _own(td.mutual_information(jax.random.key(seed), x, y, **settings)),
        CLASSES: lambda seed, x, c: _own(
            td.mutual_information(jax.random.key(seed), x, c, discrete="y", **settings)
        ),
        ENTROPY: lambda seed, x: _own(td.data_entropy(jax.random.key(seed), x, **settings)),
    }


def _held_out(model: Callable) -> Function:
    return lambda seed, x: _normal(td.held_out_entropy(model, x, seed=seed))


# --- peers -----------------------------------------------------------------------------------------


def _peer(module: str) -> Callable[[], Any]:
    """Its module, or one line that says how to have it."""
    return functools.partial(from_extra, "peers", module, "estimators")


INFOMEASURE, ENNEMI, NPEET = map(_peer, ("infomeasure", "ennemi", "npeet_plus.estimators"))


def _release(load: Callable[[], Any], package: str) -> Callable[[], str]:
    def of() -> str:
        load()
        return f"{package} {importlib.metadata.version(package)}"

    return of


def _infomeasure_information(seed: int, x: np.ndarray, y: np.ndarray) -> Answer:
    columns = (unit_columns(x), unit_columns(y))
    return Answer(float(INFOMEASURE().mutual_information(*columns, approach="metric", base="e")))


def _infomeasure_entropy(seed: int, x: np.ndarray) -> Answer:
    return Answer(float(INFOMEASURE().entropy(x, approach="metric", base="e")))


def _one_column_each(data: DataSet) -> bool:
    """ennemi's information is of single columns: several are asked one by one, not together."""
    return data.asked == ENTROPY or data.columns.startswith("1 + ")


def _ennemi_information(seed: int, x: np.ndarray, y: np.ndarray) -> Answer:
    return Answer(float(ENNEMI().estimate_mi(y[:, 0], x[:, 0]).item()))


def _ennemi_classes(seed: int, x: np.ndarray, c: np.ndarray) -> Answer:
    return Answer(float(ENNEMI().estimate_mi(c, x[:, 0], discrete_y=True).item()))


def _ennemi_entropy(seed: int, x: np.ndarray) -> Answer:
    return Answer(float(ENNEMI().estimate_entropy(x, multidim=True)))


BITS = np.log(2)
"""Nats in the bit that npeet-plus answers in."""
BOOTSTRAPS, BOOTSTRAP_ROWS = 25, 2_000
"""Of more rows they take minutes, and have no other flaw than that of few."""


def _npeet_bootstrap(kind: str, seed: int, x: np.ndarray, y: np.ndarray) -> Interval | None:
    if len(x) > BOOTSTRAP_ROWS:
        return None
    found = NPEET().mi_confidence_interval(
        x, y, mi_type=kind, n_bootstraps=BOOTSTRAPS, confidence_level=LEVEL, random_state=seed
    )
    return float(found[1] * BITS), float(found[2] * BITS)


def _npeet_information(seed: int, x: np.ndarray, y: np.ndarray) -> Answer:
    x, y = unit_columns(x), unit_columns(y)
    start = processor_seconds()
    value = float(NPEET().mi(x, y) * BITS)
    return Answer(value, seconds=processor_seconds() - start, interval=_npeet_bootstrap("mi", seed, x, y))


def _npeet_classes(seed: int, x: np.ndarray, c: np.ndarray) -> Answer:
    x, c = unit_columns(x), c[:, None]
    start = processor_seconds()
    value = float(NPEET().micd(x, c) * BITS)
    return Answer(value, seconds=processor_seconds() - start, interval=_npeet_bootstrap("micd", seed, x, c))


def _npeet_entropy(seed: int, x: np.ndarray) -> Answer:
    return Answer(float(NPEET().entropy(x) * BITS))


def _neural(name: str) -> Estimator:
    def information(seed: int, x: np.ndarray, y: np.ndarray) -> Answer:
        found = benchmark_mi.estimate(name, seed, x, y)
        return Answer(found["mean"], seconds=found["seconds"])

    return Estimator(
        f"`bmi.estimators.{name}()`, best of its held-out values",
        {INFORMATION: information},
        benchmark_mi.release,
        slow=True,
    )


ESTIMATORS: dict[str, Estimator] = {
    "infomeasure": Estimator(
        '`mutual_information(x, y, approach="metric")`, `entropy(x, approach="metric")`; k = 4, unit columns',
        {INFORMATION: _infomeasure_information, ENTROPY: _infomeasure_entropy},
        _release(INFOMEASURE, "infomeasure"),
    ),
    "ennemi": Estimator(
        "`estimate_mi(y, x)`, `discrete_y=True` for classes, `estimate_entropy(x, multidim=True)`; k = 3, own scaling",
        {INFORMATION: _ennemi_information, CLASSES: _ennemi_classes, ENTROPY: _ennemi_entropy},
        _release(ENNEMI, "ennemi"),
        _one_column_each,
    ),
    "npeet-plus": Estimator(
        "`mi(x, y)`, `micd(x, c)`, `entropy(x)`, times ln 2; k = 3, unit columns",
        {INFORMATION: _npeet_information, CLASSES: _npeet_classes, ENTROPY: _npeet_entropy},
        _release(NPEET, "npeet-plus"),
    ),
    "neighbours": Estimator(
        "`td.nearest_neighbour_mutual_information` on ranks made normal, k = 10; `td.nearest_neighbour_entropy`, k = 3",
        {
            INFORMATION: lambda seed, x, y: _normal(
                td.nearest_neighbour_mutual_information(ranked(x), ranked(y))
            ),
            ENTROPY: lambda seed, x: _normal(td.nearest_neighbour_entropy(x)),
        },
    ),
    "Gaussian": Estimator(
        "`td.gaussian_mutual_information` on ranks made normal; `td.held_out_entropy(td.GaussianBaseline, x)`",
        {
            INFORMATION: lambda seed, x, y: _normal(td.gaussian_mutual_information(ranked(x), ranked(y))),
            ENTROPY: _held_out(td.GaussianBaseline),
        },
    ),
    "mixture": Estimator(
        "`td.held_out_entropy(td.MixtureBaseline, x)`", {ENTROPY: _held_out(td.MixtureBaseline)}
    ),
    "MINE": _neural("MINEEstimator"),
    "InfoNCE": _neural("InfoNCEEstimator"),
    "NWJ": _neural("NWJEstimator"),
    "Donsker-Varadhan": _neural("DonskerVaradhanEstimator"),
    "thermodiff": Estimator(
        '`td.mutual_information(key, x, y)`, `discrete="y"` for classes, `td.data_entropy(key, x)`', own()
    ),
}
"""By name, quick ones first: an interrupted run has the comparison, and what takes hours is last."""

SMALL = {
    "thermodiff, small": Estimator(
        "the same with small networks", own(settings=runs.settings(runs.Sizes(**runs.SMALL)))
    )
}
"""For a look in seconds."""
