"""How the offline engine scales: the snapshot's variants, repeated under new identifiers, indexed and queried.

    python -m tools.offline.bench --documents 150000 --documents 1500000

It takes a few minutes and some gigabytes for the larger index, in a folder that is removed again. Indexing is told in
seconds of the clock and of processors, queries in those of processors, so that a busy machine changes little.

    python -P -m tools.offline.bench --memory HOME

prints the most memory, in bytes, that a service over the indexes below HOME takes for requests of several kinds.
"""

from __future__ import annotations

import argparse
import subprocess
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
from tools.offline.service import Service
from tools.offline.store import Index, Store

API = "myvariant"
SIZES = (150_000, 1_500_000)
_ROUNDS = 25
#: Selective queries: each finds a handful of documents of the snapshot.
QUERIES = {
    "identifier": r"_id:chr7\:g.140753336A>T",
    "term": "dbsnp.rsid:rs113488022",
    "boolean": "clinvar.gene.symbol:BRAF AND dbsnp.rsid:(rs113488022 OR rs397507484)",
    "phrase": 'clinvar.rcv.conditions.name:"cystic fibrosis" AND dbsnp.rsid:rs113993960',
    "interval": "chr7:140753300-140753400",
    "wildcard": "dbsnp.rsid:rs11348802*",
}

Document = dict[str, Any]
#: Told what is being indexed, how much of it is done, and of how much (None: not known).
Progress = Callable[[str, int, int | None], None]


# What a service is asked while its memory is measured.
REQUESTS: dict[str, dict[str, str]] = {
    "mygene/v3/query": {"q": "tumor protein p53", "facets": "type_of_gene", "size": "100"},
    "mygene/v3/gene/1017": {},
    "myvariant/v1/query": {"q": "clinvar.rcv.clinical_significance:pathogenic", "fetch_all": "true"},
    "myvariant/v1/metadata/fields": {},
    "mychem/v1/query": {"q": "chembl.pref_name:*tinib", "sort": "-chembl.first_approval", "size": "1000"},
    "mydisease/v1/query": {"q": 'mondo.label:"cystic fibrosis"~2'},
    "mydisease/v1/metadata": {},
}


@dataclass(frozen=True)
class Scale:
    """What was measured over `documents`: of each query the median seconds, and how many documents it finds."""

    documents: int
    indexing_seconds: float
    indexing_cpu: float
    opening_seconds: float
    listing_seconds: float
    index_bytes: int
    queries: dict[str, tuple[float, int]]

    @property
    def per_second(self) -> float:
        """How many documents were indexed in a second of the clock, their reading included."""
        return self.documents / self.indexing_seconds

    @property
    def per_cpu_second(self) -> float:
        """How many documents were indexed in a second of one processor."""
        return self.documents / self.indexing_cpu


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
    start, cpu = time.perf_counter(), time.process_time()
    store.add(API, repeat(lambda: snapshot.documents(API), documents), True, "hg38")
    indexing, cpu = time.perf_counter() - start, time.process_time() - cpu
    start = time.perf_counter()
    index = Store(home).index(API)
    opening = time.perf_counter() - start
    queries = {name: _ask(index, q, rounds) for name, q in QUERIES.items()}
    row = next(row for row in store.info() if row["api"] == API)
    return Scale(documents, indexing, cpu, opening, _list_last_page(index), row["bytes"], queries)


def _ask(index: Index, q: str, rounds: int) -> tuple[float, int]:
    seconds = []
    total = 0
    for _ in range(rounds):
        start = time.process_time()
        total = index.search(SearchRequest(q=q)).total
        seconds.append(time.process_time() - start)
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
            f"{scale.documents:>9,} documents: indexed at {scale.per_second:,.0f} a second "
            f"({scale.per_cpu_second:,.0f} a second of one processor), "
            f"opened in {1000 * scale.opening_seconds:.0f} ms, {scale.index_bytes / 1e6:,.0f} MB, "
            f"the last page of a listing in {1000 * scale.listing_seconds:.0f} ms"
        )
    for name in QUERIES:
        told = [f"{1000 * scale.queries[name][0]:.2f} ms ({scale.queries[name][1]} hits)" for scale in scales]
        ratio = scales[-1].queries[name][0] / max(scales[0].queries[name][0], 1e-9)
        lines.append(f"{name:<11} {'   '.join(told)}" + (f"   x{ratio:.1f}" if len(scales) > 1 else ""))
    return "\n".join(lines)


def service_memory(home: Path) -> int:
    """Return the most bytes that a process of its own takes to answer from the indexes below `home`."""
    command = [sys.executable, "-P", "-m", "tools.offline.bench", "--memory", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def serve_requests(home: Path) -> int:
    """Answer the requests from the indexes below `home` and return the most bytes that this process has taken."""
    service = Service(Store(home))
    for path, params in REQUESTS.items():
        reply = service.handle("GET", f"/{path}", {name: [value] for name, value in params.items()})
        if reply.status != 200:
            raise RuntimeError(f"{path} {params}: {reply.body[:200]!r}")
    peak = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="How the offline engine scales.")
    parser.add_argument("--documents", type=int, action="append", help="a size; may be given several times")
    parser.add_argument("--memory", type=Path, metavar="HOME", help="measure a service over the indexes below HOME")
    asked = parser.parse_args()
    if asked.memory:
        sys.stdout.write(f"{serve_requests(asked.memory)}\n")
    else:
        sys.stdout.write(report(compare(tuple(asked.documents or SIZES))) + "\n")


if __name__ == "__main__":
    main()
