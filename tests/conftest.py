"""What all tests share: an environment of their own, and one home folder with the real data in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in os.environ:
        if name.upper().startswith("BIOTHINGS_ASSISTANT_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def real_home(pytestconfig: pytest.Config) -> Path:
    """A home folder that outlives the run, so that indexes of the snapshot and of the fields are built once."""
    return pytestconfig.cache.mkdir("home")
