"""What a later turn changes: the request before it, taken apart and put together again."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from finetune.fields import FieldSampler
from finetune.phrasing import load_phrasings
from finetune.slots import Slots
from tools.catalogue import load_catalogue
from tools.query import Query

DATA: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("followups.yaml").read_text(encoding="utf-8"))
SAY: dict[str, list[str]] = DATA["say"]
#: What stands for an entity that was named before, by the slot that it fills.
PRONOUNS: dict[str, list[str]] = DATA["pronouns"]
#: What a clause on these fields names, as a kind of entity: "and for X?" puts another in its place.
ENTITY_FIELDS = {
    "symbol": "gene", "ensembl.gene": "ensembl", "entrezgene": "entrez", "uniprot.Swiss-Prot": "uniprot",
    "refseq.rna": "refseq_rna", "HGNC": "hgnc", "dbsnp.rsid": "rsid", "clinvar.variant_id": "clinvar_id",
    "chembl.pref_name": "drug", "chembl.molecule_chembl_id": "chembl", "drugbank.id": "drugbank", "pubchem.cid": "cid",
    "chebi.id": "chebi", "mondo.label": "disease", "mondo.xrefs.omim": "omim", "mondo.xrefs.orphanet": "orphanet",
    "disease_ontology.doid": "doid", "MIM": "mim", "mondo.xrefs.mesh": "mesh", "mondo.xrefs.gard": "gard",
    "mondo.xrefs.umls": "umls", "chebi.xrefs.cas": "cas", "clinvar.gene.symbol": "vgene", "dbsnp.gene.symbol": "vgene",
    "gtopdb.interaction_targets.symbol": "target", "pathway.reactome.name": "pathway",
    "clinvar.rcv.conditions.name": "condition", "go.BP.term": "go_bp",
    "disgenet.genes_related_to_disease.gene_name": "gene", "disgenet.variants_related_to_disease.rsid": "rsid",
    "drugcentral.drug_use.indication.concept_name": "disease", "ctd.chemical_related_to_disease.chemical_name": "drug",
    "hpo.phenotype_related_to_disease.hpo_id": "hp", "mondo.parents": "mondo", "mondo.ancestors": "mondo",
    "go.MF.term": "go_mf", "go.CC.term": "go_cc", "cgi.gene": "vgene", "civic.entrez_name": "vgene",
    "ctd.pathway_related_to_disease.pathway_name": "pathway",
    "drugcentral.drug_use.contraindication.concept_name": "disease",
    "drugcentral.drug_use.off_label_use.concept_name": "disease",
}  # fmt: skip
#: Those of them that find one document; behind the others stand many.
_NAMES_ONE = tuple(ENTITY_FIELDS)[: tuple(ENTITY_FIELDS).index("clinvar.gene.symbol")]
NAMES_ENTITY = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, _NAMES_ONE))}):(?![^\s()]*\*)")
INTERVAL = re.compile(r"(hg19\.)?chr\w+:\d")


@dataclass(frozen=True)
class Step:
    """What is said, and the request that it makes of the one before."""

    question: str
    query: Query
    #: The family whose phrasing is used, where it is not the conversation's own.
    family: str = ""


@dataclass(frozen=True)
class Talk:
    """A conversation so far: the request to change and those before it; and what draws values and words."""

    query: Query
    past: tuple[Query, ...]
    slots: Slots
    rng: random.Random

    def step(self, kind: str, query: Query, **words: str) -> Step:
        """Say something of this kind."""
        return Step(self.rng.choice(SAY[kind]).format(**words), query)

    def words(self, path: str) -> str | None:
        """Say a field of the request's API; None where it is not in the catalogue."""
        field = load_catalogue(self.query.api).get(path)
        return self.slots.fields.words(field, self.rng) if field else None


@cache
def _sampler(api: str) -> FieldSampler:
    return FieldSampler(api, load_phrasings().fields.get(api, {}))


def slots_of(api: str, slots: Slots) -> Slots:
    """Return slots of an API that draw as these do."""
    return slots if slots.api == api else Slots(api, slots.rng, slots.entities, _sampler(api))


def with_params(query: Query, **params: str) -> Query:
    """Set parameters."""
    return query.model_copy(update={"params": {**query.params, **params}})


def without_params(query: Query, *names: str) -> Query:
    """Drop parameters."""
    return query.model_copy(update={"params": {key: text for key, text in query.params.items() if key not in names}})


def finds_many(query: Query) -> bool:
    """Whether the request is likely to find many: it names no single entity."""
    return query.kind == "query" and not NAMES_ENTITY.search(query.q or "")


def lists_many(query: Query) -> bool:
    """Whether the request is likely to list many hits, rather than to count them."""
    return finds_many(query) and "facets" not in query.params


@dataclass(frozen=True)
class Entity:
    """The entity that a query names: its clause's field, what kind it is, and where in `q` its value stands."""

    field: str
    kind: str
    start: int
    end: int
    value: str


def find_entities(query: Query) -> list[Entity]:
    """Return the entities that a query names, each by a field of its own; no patterns."""
    found = []
    for field, kind in ENTITY_FIELDS.items() if query.kind == "query" and query.q else ():
        q = query.q or ""
        match = re.search(rf'(?<![\w.]){re.escape(field)}:("[^"]+"|[^\s()*\[\]{{}}<>]+)(?![^(]*\)|[^\s]*\*)', q)
        if match and q.count(f"{field}:") == 1:
            value = re.sub(r"\\(.)", r"\1", match[1].strip('"'))
            found.append(Entity(field, kind, match.start(1), match.end(1), value))
    return found


def find_entity(query: Query) -> Entity | None:
    """Return the one entity that a query names, the first of several; None where it names none, or a pattern."""
    return next(iter(find_entities(query)), None)


def replace_entity(query: Query, entity: Entity, text: str) -> Query:
    """Put another value in the place of an entity, written as Lucene takes it."""
    q = query.q or ""
    return query.model_copy(update={"q": q[: entity.start] + text + q[entity.end :]})


def take_apart(query: Query) -> list[str] | None:
    """Take a query's conditions apart; None where they are not simply joined by AND."""
    if query.kind != "query" or not query.q:
        return None
    text = f"{query.q} AND {query.params['filter']}" if "filter" in query.params else query.q
    clauses = text.split(" AND ")
    plain = all(part.count("(") == part.count(")") and part.count('"') % 2 == 0 for part in clauses)
    return clauses if plain and not any(re.search(r" OR (?![^(]*\))", part) for part in clauses) else None


def join_clauses(query: Query, clauses: list[str]) -> Query:
    """Join conditions; beside an interval of mygene they go into the filter. What was paged begins anew."""
    query = without_params(query, "filter", "from")
    if query.api == "mygene" and INTERVAL.match(clauses[0]) and len(clauses) > 1:
        return with_params(query.model_copy(update={"q": clauses[0]}), filter=" AND ".join(clauses[1:]))
    return query.model_copy(update={"q": " AND ".join(clauses)})
