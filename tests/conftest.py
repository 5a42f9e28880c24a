"""What all tests share: an environment of their own, and one home folder with the real data in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import apis, catalogue


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in os.environ:
        if name.upper().startswith("BIOTHINGS_ASSISTANT_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_apis() -> Iterator[None]:
    """APIs that a test registers, and the home that it names, are forgotten when it ends."""
    known, home = dict(apis._registry), catalogue._home
    yield
    if apis._registry != known or catalogue._home != home:
        apis._registry.clear()
        apis._registry.update(known)
        catalogue._home = home
        catalogue._cache.clear()


@pytest.fixture(scope="session")
def real_home(pytestconfig: pytest.Config) -> Path:
    """A home folder that outlives the run, so that indexes of the snapshot and of the fields are built once."""
    return pytestconfig.cache.mkdir("home")
