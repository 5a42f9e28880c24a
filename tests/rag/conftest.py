from __future__ import annotations

from pathlib import Path

import pytest

from rag.index import Index, open_index
from rag.retrieve import Retriever


@pytest.fixture(scope="session")
def index_home(pytestconfig: pytest.Config) -> Path:
    """A home that outlives the run: vectors are computed anew only where a card has changed."""
    return pytestconfig.cache.mkdir("rag-home")


@pytest.fixture(scope="session")
def index(index_home: Path) -> Index:
    return open_index(index_home)


@pytest.fixture(scope="session")
def retriever(index: Index) -> Retriever:
    return Retriever(index)
