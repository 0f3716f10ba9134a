"""The words of the harness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
"""One measurement: its cell, what was measured, where it came from."""
Cell = dict[str, Any]
"""What names one measurement."""
Run = Callable[..., None]
"""``run(config, records, cells, label, cluster)`` measures the cells that have no row yet, a row each."""
