"""Variants: ClinVar's pathogenic and likely pathogenic ones (GRCh38), and pharmacogenomic ones (GRCh38 and GRCh37)."""

from __future__ import annotations

import bisect
import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.offline.hgvs import genomic_id
from tools.offline.snapshot_build.readers import Genes
from tools.offline.snapshot_build.tables import Numbering, Source, Table, one_or_many

_CLINVAR = Source(
    "ClinVar",
    "2024-12-15",
    "public domain (NCBI)",
    "ClinVar, National Center for Biotechnology Information",
    "ideogram 1.53.0",
)
_PYPGX = Source(
    "PyPGx variant table",
    "0.27.0",
    "MIT (package); CPIC CC0-1.0",
    "PyPGx; CPIC, cpicpgx.org; dbSNP ids",
    "pypgx 0.27.0",
)

_CACHE = Path("package/dist/data/cache/variants")
_BANDS = Path("package/dist/data/bands/native/homo-sapiens.json")


def variant_tables(folders: dict[str, Path], genes: Genes) -> Iterator[Table]:
    """Make the tables of myvariant."""
    yield _clinvar(folders["ideogram"], genes)
    yield _pypgx(folders["pypgx"], genes)


def _clinvar(folder: Path, genes: Genes) -> Table:
    """One row a variant: alleles as in ClinVar's VCF, and its aggregate classification (there are no RCV records)."""
    keys, spans = _line_index(folder / _CACHE / "homo-sapiens-variants.tsv.li.gz")
    data = gzip.decompress((folder / _CACHE / "homo-sapiens-variants.tsv.gz").read_bytes())
    # Overlapping genes share lines; a variant lists them all.
    variants: dict[str, dict[str, None]] = defaultdict(dict)
    for gene, offset, length in spans:
        for line in data[offset : offset + length].decode().split("\n"):
            if len(cells := line.split("\t")) >= 12 and cells[1].isdigit():
                variants[line][gene] = None
    conditions, gene_names = Numbering(), Numbering()
    for line, symbols in variants.items():
        for number in filter(None, line.split("\t")[5].split(",")):
            conditions.count(int(number))
        for symbol in symbols:
            gene_names.count(symbol)
    condition_order, condition_numbers = conditions.freeze()
    gene_order, gene_numbers = gene_names.freeze()
    bands = _Bands(folder / _BANDS)
    rows = []
    for line, symbols in variants.items():
        chromosome, position, clinvar_id, ref, alt, named, frequency, review, significance, type_, *rest = line.split(
            "\t"
        )
        rows.append(
            (
                genomic_id(chromosome, int(position), ref, alt)[0],
                chromosome,
                int(position),
                ref,
                alt,
                int(clinvar_id),
                int(significance),
                int(review),
                int(type_),
                one_or_many(condition_numbers[int(number)] for number in named.split(",") if number),
                int(rest[2]) if len(rest) > 2 and rest[2] else None,
                float(frequency) if frequency else None,
                bands.at(chromosome, int(position)),
                one_or_many(gene_numbers[symbol] for symbol in symbols),
            )
        )
    columns = [  # fmt: skip
        "chrom",
        "pos",
        "ref",
        "alt",
        "variant_id",
        "significance",
        "review",
        "type",
        "conditions",
        "rs",
        "af_exac",
        "band",
        "genes",
    ]
    names = [keys["disease_mondo_ids_and_names"][number].split("|", 1) for number in condition_order]
    tables: dict[str, list[Any]] = {
        "significance": [_spaced(value) for value in keys["clinical_significances"]],
        "review": [_spaced(value) for value in keys["clinical_review_statuses"]],
        "type": [_spaced(value) for value in keys["variant_types"]],
        "conditions": [[_spaced(name), f"MONDO:{mondo}"] for mondo, name in names],
        "genes": [[symbol, _entrez(genes, symbol)] for symbol in gene_order],
    }
    return Table("variants.clinvar.jsonl.zst", "myvariant", _CLINVAR, columns, rows, tables, shape="clinvar")


def _pypgx(folder: Path, genes: Genes) -> Table:
    """Variants that name star alleles, with their place in both assemblies; alleles as in a VCF line of each."""
    rows: dict[str, tuple[Any, ...]] = {}
    gene_names: dict[str, list[str]] = defaultdict(list)
    with (folder / "pypgx/api/data/variant-table.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            names = [
                re.fullmatch(r"(\w+)-(\d+)-([ACGT]+)-([ACGT]+)", row[column]) for column in ("GRCh38Name", "GRCh37Name")
            ]
            if not row["rsID"].startswith("rs") or None in names:
                continue
            (chromosome, *hg38), (_, *hg19) = (match.groups() for match in names if match)
            chromosome = "MT" if chromosome == "M" else chromosome
            id_ = genomic_id(chromosome, int(hg38[0]), *hg38[1:])[0]
            gene_names[id_].append(row["Gene"])
            hg19_alleles = hg19[1:] if hg19[1:] != hg38[1:] else [None, None]
            rows[id_] = (id_, chromosome, int(hg38[0]), *hg38[1:], int(hg19[0]), *hg19_alleles, int(row["rsID"][2:]))
    columns = ["chrom", "pos", "ref", "alt", "hg19_pos", "hg19_ref", "hg19_alt", "rs", "genes"]
    order = sorted({symbol for symbols in gene_names.values() for symbol in symbols})
    table = [[symbol, _entrez(genes, symbol)] for symbol in order]
    full = [(*row, one_or_many(order.index(symbol) for symbol in gene_names[id_])) for id_, row in rows.items()]
    return Table("variants.pypgx.jsonl.zst", "myvariant", _PYPGX, columns, full, {"genes": table}, shape="pypgx")


def _entrez(genes: Genes, symbol: str) -> int | None:
    key = genes.by_symbol.get(symbol, "")
    return int(key) if key.isdigit() else None


def _spaced(text: str) -> str:
    return text.replace("_", " ")


def _line_index(path: Path) -> tuple[dict[str, list[str]], list[tuple[str, int, int]]]:
    """Read the keys that rows abbreviate their values by, and where the rows of each gene stand (offset, length)."""
    keys: dict[str, list[str]] = {}
    spans = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if match := re.match(r"# (\w+) = (\[.*\])$", line.rstrip("\n")):
                keys[match[1]] = json.loads(match[2])
            elif line.strip() and not line.startswith("#"):
                gene, offset, length = line.split("\t")
                spans.append((gene, int(offset), int(length)))
    return keys, spans


class _Bands:
    """Cytogenetic bands of GRCh38: ClinVar's own `cytogenic` is the band of the variant's position as well."""

    def __init__(self, path: Path) -> None:
        self._bands: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for band in json.loads(path.read_bytes())["chrBands"]:
            chromosome, arm, name, _, _, start, *_ = band.split(" ")
            if arm in ("p", "q"):
                self._bands[chromosome].append((int(start), f"{chromosome}{arm}{name}"))
        for bands in self._bands.values():
            bands.sort()

    def at(self, chromosome: str, position: int) -> str | None:
        """Return the band at a position (`7q34`), or None off the numbered chromosomes."""
        bands = self._bands.get(chromosome, [])
        index = bisect.bisect_right(bands, (position, "\uffff")) - 1
        return bands[index][1] if index >= 0 else None
