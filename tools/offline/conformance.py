"""Compares the offline engine with real Lucene: `python -m tools.offline.conformance DIR`.

DIR holds `cases.jsonl`, one `{"corpus", "tag", "q", "ids", "error"}` a line, and for each corpus the documents
`NAME.docs.jsonl` and the field listing `NAME.mapping.json`. A case agrees when the same documents are found, or when
both refuse the query string.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tools.errors import QueryError
from tools.offline.search import SearchRequest
from tools.offline.store import Index, Store

_EVERYTHING = 10_000


@dataclass(frozen=True)
class Outcome:
    """One case with what was expected and found: sorted identifiers, or None where the query string is refused."""

    corpus: str
    tag: str
    q: str
    expected: list[str] | None
    found: list[str] | None

    @property
    def agrees(self) -> bool:
        """Whether the engine did what Lucene does."""
        return self.expected == self.found


def run(folder: Path) -> Iterator[Outcome]:
    """Yield the outcome of every case of a folder, in order."""
    cases = read_lines(folder / "cases.jsonl")
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        indexes = {corpus: _load(store, folder, corpus) for corpus in {case["corpus"] for case in cases}}
        for case in cases:
            expected = None if case["error"] else sorted(case["ids"])
            found = find(indexes[case["corpus"]], case["q"])
            yield Outcome(case["corpus"], case["tag"], case["q"], expected, found)


def find(index: Index, q: str) -> list[str] | None:
    """Return the sorted identifiers that a query string finds; None where it is refused."""
    try:
        result = index.search(SearchRequest(q=q, size=_EVERYTHING))
    except QueryError:
        return None
    return sorted(hit.id for hit in result.hits)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def report(outcomes: list[Outcome], out: TextIO) -> None:
    """Write the disagreements, then the agreement by corpus and tag."""
    for outcome in outcomes:
        if not outcome.agrees:
            out.write(f"{outcome.corpus} {outcome.tag}  {outcome.q!r}\n")
            out.write(f"    expected {_show(outcome.expected)}\n    got      {_show(outcome.found)}\n")
    asked = Counter((outcome.corpus, outcome.tag) for outcome in outcomes)
    agreed = Counter((outcome.corpus, outcome.tag) for outcome in outcomes if outcome.agrees)
    for key, count in asked.items():
        out.write(f"{key[0]:<10} {key[1]:<16} {agreed[key]:>4} of {count}\n")
    out.write(f"{agreed.total()} of {asked.total()} agree\n")


def _load(store: Store, folder: Path, corpus: str) -> Index:
    # Under a name of its own, so that the rules of mygene for plain words do not apply.
    name = f"conformance-{corpus}"
    store.create(name, json.loads((folder / f"{corpus}.mapping.json").read_text("utf-8")))
    store.add(name, read_lines(folder / f"{corpus}.docs.jsonl"), replace=True, assembly=None)
    return store.index(name)


def _show(ids: list[str] | None) -> str:
    if ids is None:
        return "an error"
    shown = " ".join(ids[:12]) + (" …" if len(ids) > 12 else "")
    return f"{len(ids)}: {shown}"


def main() -> int:
    """Run the cases of the folder named on the command line; the exit code is 1 where any disagrees."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "cases.jsonl").is_file():
        sys.stderr.write("Usage: make conformance DIR=path (a folder with cases.jsonl)\n")
        return 2
    outcomes = list(run(Path(sys.argv[1])))
    report(outcomes, sys.stdout)
    return 0 if all(outcome.agrees for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
