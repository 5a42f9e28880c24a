"""Real entities for training questions: genes, variants, drugs and diseases of the snapshot, famous ones more often."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from finetune.split import held_out_entity
from tools.offline.snapshot import documents

FAMOUS: dict[str, tuple[str, ...]] = {
    kind: tuple(names)
    for kind, names in yaml.safe_load(Path(__file__).with_name("famous.yaml").read_text(encoding="utf-8")).items()
}
#: How often a well-known entity is drawn where there is a list of them.
FAMOUS_SHARE = 0.45


class Entities:
    """Entities by kind. `draw` gives one that is not held out."""

    def __init__(self, pools: dict[str, list[str]]) -> None:
        self._pools = pools

    def draw(self, kind: str, rng: random.Random) -> str:
        """Draw an entity of `kind`.

        Raises:
            KeyError: there is no such kind.
        """
        famous = FAMOUS.get(kind, ())
        pool = famous if famous and (rng.random() < FAMOUS_SHARE or kind not in self._pools) else self._pools[kind]
        while held_out_entity(kind, value := rng.choice(pool)):
            pass
        return value

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds that can be drawn."""
        return frozenset(self._pools) | frozenset(FAMOUS)


@cache
def load_entities() -> Entities:
    """Collect the entities of the bundled snapshot (some 150,000 documents; about 20 seconds)."""
    pools: dict[str, list[str]] = defaultdict(list)
    for collect, api in ((_gene, "mygene"), (_variant, "myvariant"), (_chemical, "mychem"), (_disease, "mydisease")):
        _fill(pools, documents(api), collect)
    return Entities({kind: sorted(set(values)) for kind, values in pools.items()})


def _fill(
    pools: dict[str, list[str]],
    docs: Iterable[dict[str, Any]],
    collect: Callable[[dict[str, Any]], Iterator[tuple[str, Any]]],
) -> None:
    for doc in docs:
        for kind, value in collect(doc):
            for item in _strings(value):
                if 1 < len(item) <= 60 and not any(mark in item for mark in '"{}[]|\\'):
                    pools[kind].append(item)


def _gene(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if doc.get("type_of_gene") != "protein-coding":
        yield "rare_gene", doc["symbol"]
        return
    yield "gene", doc["symbol"]
    yield "gene_name", doc.get("name")
    yield "entrez", doc["_id"]
    yield "alias", [alias for alias in _strings(doc.get("alias")) if " " not in alias and len(alias) > 2]
    yield "ensembl", _dig(doc, "ensembl.gene")
    yield "transcript", _dig(doc, "ensembl.transcript")
    yield "ensembl_protein", _dig(doc, "ensembl.protein")
    yield "uniprot", _dig(doc, "uniprot.Swiss-Prot")
    yield "refseq_rna", [item for item in _strings(_dig(doc, "refseq.rna")) if item.startswith("NM_")]
    yield "refseq_protein", [item for item in _strings(_dig(doc, "refseq.protein")) if item.startswith("NP_")]
    yield "hgnc", doc.get("HGNC")
    yield "mim", doc.get("MIM")
    yield "pfam", doc.get("pfam")
    yield "ec", doc.get("ec")
    for aspect in ("BP", "MF", "CC"):
        yield f"go_{aspect.lower()}", _dig(doc, f"go.{aspect}.term")
        yield f"go_{aspect.lower()}_id", _dig(doc, f"go.{aspect}.id")


def _variant(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "hgvs", doc["_id"]
    yield "rsid", _dig(doc, "dbsnp.rsid")
    yield "clinvar_id", _dig(doc, "clinvar.variant_id")
    yield "vgene", _dig(doc, "clinvar.gene.symbol")
    yield "condition", [name for name in _strings(_dig(doc, "clinvar.rcv.conditions.name")) if len(name) < 45]


def _chemical(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if len(doc["_id"]) == 27:
        # Substances without a structure have another identifier, `pubchem.substance:135652409`.
        yield "inchikey", doc["_id"]
    yield "drug", [name for name in _strings(_dig(doc, "chembl.pref_name")) if len(name) < 25]
    yield "chembl", _dig(doc, "chembl.molecule_chembl_id")
    yield "drugbank", _dig(doc, "drugbank.id")
    yield "drugbank_name", [name for name in _strings(_dig(doc, "drugbank.name")) if len(name) < 30]
    yield "chebi_name", [name for name in _strings(_dig(doc, "chebi.name")) if len(name) < 30]
    yield "cas", _dig(doc, "chebi.xrefs.cas")
    yield "ligand", _dig(doc, "gtopdb.ligand_id")
    yield "cid", _dig(doc, "pubchem.cid")
    yield "chebi", _dig(doc, "chebi.id")
    yield "formula", _dig(doc, "pubchem.molecular_formula")
    yield "target", [symbol for symbol in _strings(_dig(doc, "gtopdb.interaction_targets.symbol")) if symbol.isupper()]


def _disease(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    label = _dig(doc, "mondo.label")
    if isinstance(label, str) and len(label) < 40 and not any(character.isdigit() for character in label):
        yield "disease", label
    yield "mondo", doc["_id"]
    yield "synonym", [name for name in _strings(_dig(doc, "mondo.synonym.exact")) if len(name) < 40]
    yield "doid", _dig(doc, "disease_ontology.doid")
    for source in ("omim", "orphanet", "mesh", "umls", "ncit", "efo", "gard"):
        yield source, _dig(doc, f"mondo.xrefs.{source}")
    # The snapshot has ICD-10 codes of the American edition only; most are the same.
    yield "icd", _dig(doc, "mondo.xrefs.icd10cm")
    yield "icd_nine", _dig(doc, "mondo.xrefs.icd9")
    yield "hp", _dig(doc, "hpo.phenotype_related_to_disease.hpo_id")


def _dig(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, through lists too."""
    for part in path.split("."):
        if isinstance(value, list):
            value = [item[part] for item in value if isinstance(item, dict) and part in item]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif value is not None and not isinstance(value, dict):
        yield str(value)
