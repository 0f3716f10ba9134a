"""The commands on a slow day: what is printed is theirs, not the clock's."""

import pytest

from thermodiff.runtime import progress


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    """No lines of progress, which a command gives after a second or two."""
    monkeypatch.setattr(progress, "FIRST_LINE", 3600.0)
