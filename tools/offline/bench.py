"""How the offline engine scales: the snapshot's variants, repeated under new identifiers, indexed and queried.

    python -m tools.offline.bench --documents 150000 --documents 1500000

It takes a few minutes and some gigabytes for the larger index, in a folder that is removed again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

from tools.offline import snapshot
from tools.offline.documents import HG19_ID_KEY
from tools.offline.search import SearchRequest
from tools.offline.store import Index, Store

API = "myvariant"
SIZES = (150_000, 1_500_000)
_ROUNDS = 25
#: Selective queries: each finds a handful of documents of the snapshot.
QUERIES = {
    "identifier": r"_id:chr7\:g.140753336A>T",
    "term": "dbsnp.rsid:rs113488022",
    "boolean": "clinvar.gene.symbol:BRAF AND clinvar.type:deletion",
    "phrase": 'clinvar.rcv.conditions.name:"cystic fibrosis" AND dbsnp.rsid:rs113993960',
    "interval": "chr7:140753300-140753400",
    "wildcard": "dbsnp.rsid:rs11348802*",
}

Document = dict[str, Any]
#: Told what is being indexed, how much of it is done, and of how much (None: not known).
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Scale:
    """What was measured over `documents`: of each query the median seconds, and how many documents it finds."""

    documents: int
    indexing_seconds: float
    opening_seconds: float
    listing_seconds: float
    index_bytes: int
    queries: dict[str, tuple[float, int]]

    @property
    def documents_per_second(self) -> float:
        """How fast the documents were indexed, their reading included."""
        return self.documents / self.indexing_seconds


def repeat(documents: Callable[[], Iterator[Document]], total: int) -> Iterator[Document]:
    """Yield `total` documents: those given, then the same again and again under new identifiers."""

    def rounds() -> Iterator[Document]:
        for number in count():
            found = False
            for document in documents():
                found = True
                if not number:
                    yield document
                    continue
                again = {**document, "_id": f"{document['_id']}.{number}"}
                if HG19_ID_KEY in again:
                    again[HG19_ID_KEY] = f"{again[HG19_ID_KEY]}.{number}"
                yield again
            if not found:
                return

    return islice(rounds(), total)


def measure(home: Path, documents: int, progress: Progress | None = None, rounds: int = _ROUNDS) -> Scale:
    """Index so many documents below `home`, an empty folder, and ask the queries of them."""
    store = Store(home, progress)
    start = time.perf_counter()
    store.add(API, repeat(lambda: snapshot.documents(API), documents), True, "hg38")
    indexing = time.perf_counter() - start
    start = time.perf_counter()
    index = Store(home).index(API)
    opening = time.perf_counter() - start
    queries = {name: _ask(index, q, rounds) for name, q in QUERIES.items()}
    row = next(row for row in store.info() if row["api"] == API)
    return Scale(documents, indexing, opening, _list_last_page(index), row["bytes"], queries)


def _ask(index: Index, q: str, rounds: int) -> tuple[float, int]:
    seconds = []
    total = 0
    for _ in range(rounds):
        start = time.perf_counter()
        total = index.search(SearchRequest(q=q)).total
        seconds.append(time.perf_counter() - start)
    return median(seconds), total


def _list_last_page(index: Index) -> float:
    """Return the seconds that a page at the end of a listing of everything takes."""
    start = time.perf_counter()
    index.search(SearchRequest(after=max(index.count - 1001, 0), size=1000))
    return time.perf_counter() - start


def compare(
    sizes: Sequence[int] = SIZES, progress: Callable[[str, int, int | None], None] | None = None
) -> list[Scale]:
    """Measure several sizes, each in a folder of its own that is removed again."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="biothings-bench-") as folder:
            found.append(measure(Path(folder), size, progress))
    return found


def report(scales: Sequence[Scale]) -> str:
    """Return the figures as lines of text; queries of all sizes side by side."""
    lines = []
    for scale in scales:
        lines.append(
            f"{scale.documents:>9,} documents: indexed at {scale.documents_per_second:,.0f} a second, "
            f"opened in {1000 * scale.opening_seconds:.0f} ms, {scale.index_bytes / 1e6:,.0f} MB, "
            f"the last page of a listing in {1000 * scale.listing_seconds:.0f} ms"
        )
    for name in QUERIES:
        told = [f"{1000 * scale.queries[name][0]:.2f} ms ({scale.queries[name][1]} hits)" for scale in scales]
        ratio = scales[-1].queries[name][0] / max(scales[0].queries[name][0], 1e-9)
        lines.append(f"{name:<11} {'   '.join(told)}" + (f"   x{ratio:.1f}" if len(scales) > 1 else ""))
    return "\n".join(lines)


def main() -> None:
    """Measure the sizes given on the command line."""
    parser = argparse.ArgumentParser(description="How the offline engine scales.")
    parser.add_argument("--documents", type=int, action="append", help="a size; may be given several times")
    sizes = tuple(parser.parse_args().documents or SIZES)
    sys.stdout.write(report(compare(sizes)) + "\n")


if __name__ == "__main__":
    main()
