"""The package reads from top to bottom: a file imports only from the files above it in LAYERS."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "thermodiff"

LAYERS = (
    "types",
    "compilation_cache",
    "numerics",
    "validation",
    "folders",
    "devices",
    "dequantisation",
    "distributions",
    "conditional",
    "processes",
    "points",
    "scores",
    "networks",
    "time_sampling",
    "losses",
    "progress",
    "checkpoints",
    "training_problem",
    "training_step",
    "training_sweep",
    "training",
    "saved_scores",
    "score_divergence",
    "noise_moments",
    "flow",
    "entropy_rates",
    "likelihood",
    "calibration",
    "bounds",
    "entropies",
    "audit_table",
    "audit_report",
    "audit",
    "nearest_neighbours",
    "density_baselines",
    "marginals",
    "gaussian_correction",
    "fold_training",
    "cross_fitting",
    "information_report",
    "information_sums",
    "information",
    "divergence",
    "held_out_likelihood",
    "data_io",
    "data_preparation",
    "named_data",
    "plotting",
    "user_job",
    "user_report",
    "user_audit",
    "user_samples",
    "information_tables",
    "user_entropy",
    "user_mutual_information",
    "cli",
)
SUBPACKAGE = "distributions"
# Inside it: what families share, in this order; then the other families, unknown to each other; then __init__.
SHARED = ("base", "quadrature", "truncated", "gaussian", "mixture")

# Who may import what from outside.
RESERVED = {"flax": {"networks"}, "optax": {"training_step"}, "orbax": {"checkpoints"}}

# What `import thermodiff` has to do without: slow to import, or optional.
LAZY = ("matplotlib", "sklearn", "tyro", "orbax")


def module_of(path: Path) -> str:
    """``distributions/base.py`` is "distributions.base"; ``distributions/__init__.py`` "distributions"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FILES.pop("", None)  # thermodiff/__init__.py is the front door: it may import everything


def resolve(name: str) -> str | None:
    """The module of ours that a dotted name is or lies in ("" for the front door), None for others'."""
    head, *rest = name.split(".")
    if head != "thermodiff":
        return None
    while rest and ".".join(rest) not in FILES:
        rest.pop()
    return ".".join(rest)


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of all that a file imports, wherever in the file it does so."""
    package = ["thermodiff", *module.split(".")]
    if not is_package:
        package.pop()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def rank(module: str) -> tuple[int, int]:
    """Where a module stands: a place in LAYERS, and one inside the subpackage."""
    head, _, rest = module.partition(".")
    families = len(SHARED)
    inner = SHARED.index(rest) if rest in SHARED else families if rest else families + 1
    return LAYERS.index(head), inner if head == SUBPACKAGE else 0


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    found = []
    for line, name in imports(source, module, is_package):
        target = resolve(name)
        if target is None:
            owners = RESERVED.get(name.split(".")[0])
            if owners is not None and module not in owners:
                found.append(f"line {line}: {name} is for {', '.join(sorted(owners))} alone")
        elif target == "":
            found.append(f"line {line}: {name}: import from the file that defines it, not from thermodiff")
        elif target == module and is_package:
            pass  # a package naming one of its own members
        elif rank(target) >= rank(module):
            found.append(f"line {line}: {module} imports {target}, which does not stand above it in LAYERS")
    return found


def test_every_file_has_a_layer():
    unlisted = sorted({module.split(".")[0] for module in FILES} - set(LAYERS))
    assert not unlisted, (
        f"not in LAYERS: {', '.join(unlisted)}. Add each to LAYERS in {Path(__file__).name}, "
        "below all that it imports and above all that imports it."
    )
    subpackages = sorted({m.split(".")[0] for m in FILES if "." in m} - {SUBPACKAGE})
    assert not subpackages, f"subpackages that this test does not know how to order: {subpackages}"


@pytest.mark.parametrize("module", [m for m in FILES if m.split(".")[0] in LAYERS])
def test_imports_point_down(module):
    path = FILES[module]
    found = violations(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
    assert not found, f"{path.relative_to(ROOT)}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source", "ok"),
    [
        ("numerics", "from thermodiff.types import Score", True),
        ("numerics", "from .types import Score", True),
        ("numerics", "def f():\n    import thermodiff.types", True),
        ("types", "from thermodiff.numerics import logsumexp", False),
        ("types", "from . import numerics", False),
        ("types", "from thermodiff import numerics", False),
        ("types", "def f():\n    import thermodiff.numerics as n", False),
        ("types", "from thermodiff import Score", False),
        ("types", "import thermodiff", False),
        ("networks", "from flax import nnx", True),
        ("training", "from flax import nnx", False),
        ("training_step", "import optax", True),
        ("networks", "import optax.losses", False),
        ("training", "import orbax.checkpoint as ocp", False),
        ("types", "import flaxible", True),
    ],
)
def test_the_rule_itself(module, source, ok, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FILES", dict.fromkeys(LAYERS))
    assert (not violations(source, module)) is ok


@pytest.mark.parametrize(
    ("module", "source", "ok"),
    [
        ("distributions", "from .base import Family\nfrom . import gaussian", True),
        ("distributions", "from thermodiff.distributions.gaussian import Gaussian", True),
        ("distributions", "from thermodiff import processes", False),
        ("distributions.gaussian", "from .base import Family\nfrom ..numerics import quad", True),
        ("distributions.gaussian", "from thermodiff.distributions import Family", False),
        ("distributions.gaussian", "from .uniform import Uniform", False),
        ("distributions.gaussian", "from ..processes import VP", False),
        ("distributions.base", "from .gaussian import Gaussian", False),
        ("processes", "from thermodiff.distributions.gaussian import Gaussian", True),
    ],
)
def test_the_rule_inside_distributions(module, source, ok, monkeypatch):
    inner = [f"distributions.{name}" for name in ("base", "gaussian", "uniform")]
    monkeypatch.setattr(sys.modules[__name__], "FILES", dict.fromkeys((*LAYERS, *inner)))
    assert (not violations(source, module, is_package=module == "distributions")) is ok


def test_importing_thermodiff_starts_no_device():
    """After it, processes can still be joined (``jax.distributed.initialize``) and devices be chosen."""
    code = (
        "import thermodiff, jax; jax.config.update('jax_num_cpu_devices', 3); print(len(jax.devices('cpu')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["3"], done.stderr


def test_importing_thermodiff_is_light():
    code = f"import sys, thermodiff; print(*(m for m in {LAZY} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "import these inside the functions that use them"
