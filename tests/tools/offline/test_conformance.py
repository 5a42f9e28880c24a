"""The engine against real Lucene: hand-made documents, and what Lucene found for each query string."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.offline import conformance

FOLDER = Path(__file__).parent.parent / "conformance"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, conformance.Outcome]:
    return {outcome.q: outcome for outcome in conformance.run(FOLDER)}


@pytest.mark.parametrize("q", [case["q"] for case in conformance.read_lines(FOLDER / "cases.jsonl")])
def test_agrees_with_lucene(q: str, outcomes: dict[str, conformance.Outcome]) -> None:
    assert outcomes[q].found == outcomes[q].expected
