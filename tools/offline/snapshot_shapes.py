"""Makes documents out of the snapshot's tables that abbreviate more than a path and a value.

Each shape takes the tables of a file's header and returns the function that turns one row into its document.
The forms are those that the services' own loaders write (MyGene.info's go, MyDisease.info's hpo, MyVariant.info's
clinvar and dbsnp).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tools.offline.hgvs import genomic_id

Document = dict[str, Any]
Tables = dict[str, list[Any]]
Shape = Callable[[Sequence[Any]], Document]


def _unlisted(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _go(tables: Tables) -> Shape:
    """Row: `_id`, then for each branch `{evidence code: [number of the term, ...]}`."""
    terms = tables["terms"]

    def shape(row: Sequence[Any]) -> Document:
        go: Document = {}
        for branch, by_code in zip(("BP", "CC", "MF"), row[1:], strict=True):
            if by_code is not None:
                entries = sorted((terms[number], code) for code, numbers in by_code.items() for number in numbers)
                go[branch] = _unlisted(
                    [{"category": branch, "evidence": code, "id": id_, "term": term} for (id_, term), code in entries]
                )
        return {"_id": row[0], "go": go}

    return shape


def _orthologs(tables: Tables) -> Shape:
    """Row: `_id`, then the orthologs' ids, symbols and taxa side by side."""

    def shape(row: Sequence[Any]) -> Document:
        orthologs = [
            {"geneid": id_, "symbol": symbol, "taxid": taxid} for id_, symbol, taxid in zip(*row[1:], strict=True)
        ]
        return {"_id": row[0], "agr": {"orthologs": _unlisted(orthologs)}}

    return shape


_REFERENCES = {
    "PMID": "pmid_refs",
    "OMIM": "omim_refs",
    "ORPHANET": "orphanet_refs",
    "ISBN": "isbn_refs",
    "DECIPHER": "decipher_refs",
}


def _frequency(text: str) -> Document:
    """Read `HP:0040283`, `3/21` or `45%` as MyDisease.info does: a fraction that is none is left out."""
    if text.startswith("HP:"):
        return {"hp_freq": text}
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        return {"numeric_freq": share} if share <= 1 else {}
    numerator, _, denominator = text.partition("/")
    part, whole = int(numerator), int(denominator)
    if not 0 < part <= whole:
        return {}
    return {"freq_numerator": part, "freq_denominator": whole, "numeric_freq": part / whole}


def _hpo(tables: Tables) -> Shape:
    """Row: see `snapshot_build/diseases.py`, which groups annotations by the OMIM or Orphanet disease annotated."""
    names = dict(tables["names"])

    def evidence(reference: list[str]) -> Document:
        found: dict[str, list[str]] = {}
        for part in reference[1:]:
            key = "website_refs" if part.startswith("http") else _REFERENCES.get(part.partition(":")[0])
            if key is not None:
                found.setdefault(key, []).append(part)
        return {"evidence": reference[0]} | {key: _unlisted(parts) for key, parts in found.items()}

    def annotation(aspect: str, disease: str, references: list[Document], row: list[Any]) -> Document:
        number, reference, *rest = row
        entry: Document = {"hpo_id": f"HP:{number:07d}"}
        if aspect != "phenotype_related_to_disease":
            # MyDisease.info names every annotation but the phenotypes.
            entry["hpo_name"] = names[number]
        entry |= references[reference]
        entry["original_disease_id"] = disease
        if rest and rest[0] is not None:
            entry |= _frequency(rest[0])
        for key, value in zip(("onset", "sex", "clinical_modifier"), rest[1:], strict=False):
            if value is not None:
                entry[key] = value
        return entry

    def shape(row: Sequence[Any]) -> Document:
        id_, disease_name, omim, orphanet, decipher, annotated, symbols, entrez = row
        ids = {"omim": omim, "orphanet": orphanet, "decipher": decipher}
        hpo: Document = {"disease_name": disease_name} | {key: value for key, value in ids.items() if value is not None}
        lists: dict[str, list[Document]] = {}
        for disease, references, aspects in annotated:
            evidences = [evidence(reference) for reference in references]
            for aspect, rows in aspects.items():
                lists.setdefault(aspect, []).extend(annotation(aspect, disease, evidences, row) for row in rows)
        hpo |= {aspect: _unlisted(entries) for aspect, entries in lists.items()}
        document: Document = {"_id": id_, "hpo": hpo}
        if symbols is not None:
            document["_hpo_genes"] = [
                {"symbol": symbol, "entrezgene": gene} for symbol, gene in zip(symbols, entrez, strict=True)
            ]
        return document

    return shape


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _genes(pairs: list[Any], id_key: str, make: Callable[[int], Any]) -> Any:
    genes = [{"symbol": symbol} | ({} if entrez is None else {id_key: make(entrez)}) for symbol, entrez in pairs]
    return _unlisted(genes)


def _dbsnp(rs: int, chromosome: str, ref: str, alt: str, genes: list[Any]) -> Document:
    dbsnp: Document = {"rsid": f"rs{rs}", "chrom": chromosome}
    if len(ref) == len(alt) == 1:
        # dbSNP writes other variants with other alleles than a VCF line does, so only these can be told from it.
        dbsnp |= {"ref": ref, "alt": alt, "vartype": "snv"}
    if genes:
        dbsnp["gene"] = _genes(genes, "geneid", int)
    return dbsnp


def _place(chromosome: str, position: int, ref: str, alt: str) -> Document:
    id_, start, end = genomic_id(chromosome, position, ref, alt)
    return {
        "_id": id_,
        "chrom": chromosome,
        "hg38": {"start": start, "end": end},
        "vcf": {"position": str(position), "ref": ref, "alt": alt},
    }


def _clinvar(tables: Tables) -> Shape:
    """Row: see `snapshot_build/variants.py`. ClinVar's aggregate stands as one `rcv` entry without an accession."""
    conditions = [{"name": name, "identifiers": {"mondo": mondo}} for name, mondo in tables["conditions"]]

    def shape(row: Sequence[Any]) -> Document:
        (
            chromosome,
            position,
            ref,
            alt,
            clinvar_id,
            significance,
            review,
            type_,
            named,
            rs,
            frequency,
            band,
            genes,
        ) = row
        document = _place(chromosome, position, ref, alt)
        pairs = [tables["genes"][number] for number in _listed(genes)]
        rcv: Document = {
            "clinical_significance": tables["significance"][significance],
            "review_status": tables["review"][review],
        }
        if named is not None:
            rcv["conditions"] = _unlisted([conditions[number] for number in _listed(named)])
        clinvar: Document = {
            "variant_id": clinvar_id,
            "type": tables["type"][type_],
            "chrom": chromosome,
            "hg38": document["hg38"],
            "ref": ref,
            "alt": alt,
            "rcv": rcv,
        }
        if band is not None:
            clinvar["cytogenic"] = band
        if pairs:
            clinvar["gene"] = _genes(pairs, "id", str)
        if rs is not None:
            clinvar["rsid"] = f"rs{rs}"
            document["dbsnp"] = _dbsnp(rs, chromosome, ref, alt, pairs)
        if frequency is not None:
            document["exac"] = {"af": frequency}
        document["clinvar"] = clinvar
        return document

    return shape


def _pypgx(tables: Tables) -> Shape:
    """Row: see `snapshot_build/variants.py`; alleles in GRCh37 are given only where they differ."""

    def shape(row: Sequence[Any]) -> Document:
        chromosome, position, ref, alt, hg19_position, hg19_ref, hg19_alt, rs, genes = row
        document = _place(chromosome, position, ref, alt)
        hg19_id, start, end = genomic_id(chromosome, hg19_position, hg19_ref or ref, hg19_alt or alt)
        document["_id_hg19"] = hg19_id
        document["hg19"] = {"start": start, "end": end}
        document["dbsnp"] = _dbsnp(rs, chromosome, ref, alt, [tables["genes"][number] for number in _listed(genes)])
        document["dbsnp"]["hg19"] = {"start": start, "end": end}
        return document

    return shape


SHAPES: dict[str, Callable[[Tables], Shape]] = {
    "go": _go,
    "orthologs": _orthologs,
    "hpo": _hpo,
    "clinvar": _clinvar,
    "pypgx": _pypgx,
}
