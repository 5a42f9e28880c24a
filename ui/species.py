"""The species of a chat's settings: which requests it is put into, and how it is told from what a question stated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from agent.state import Record
from agent.trees import read_tree
from rag.entities import find_entities
from rag.kinds import KINDS
from tools.apis import species_taxid
from tools.lucene import Phrase, Term, clauses_of
from tools.query import Query

#: Fields of one gene, in lower case, and that of the species itself: who names a value of theirs has named the species.
_SETTLED = frozenset(
    """_id entrezgene retired taxid ensembl.gene ensembl.transcript ensembl.protein ensemblgene ensembltranscript
    ensemblprotein refseq refseq.rna refseq.protein accession accession.rna accession.protein uniprot
    uniprot.swiss-prot uniprot.trembl unigene alliancegenome hgnc mim mgi rgd flybase wormbase tair zfin
    xenbase""".split()  # noqa: SIM905
)
#: Who asks so asks about several species. (Reactive oxygen species and homologous recombination are none of it.)
_SEVERAL = re.compile(
    r"\b(?:all|any|which|what|other|each|every|several|different|how many|by|per|across) species\b"
    r"|\b(?:homologs?|homologues?|orthologs?|orthologues?|orthologous)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Origin:
    """Where the request of an answer comes from.

    `drafted` is the model's own request for the question, None where it wrote none; `species` what the settings added.
    """

    drafted: str | None = None
    species: str | None = None


def with_species(record: Record, species: str | None) -> str | None:
    """Return a record's request for one species; None where it stays.

    It stays where it is none on genes, names a gene or a species or counts them, or where its question does.
    """
    if species is None or record["request"] is None or record["status"] not in ("answered", "empty"):
        return None
    query = Query.parse(record["request"])
    if query.api != "mygene" or query.kind not in ("query", "batch") or "species" in query.params:
        return None
    if _is_settled(query) or _asks_for_others(record["question"], species):
        return None
    return query.model_copy(update={"params": {**query.params, "species": species}}).line


def without_species(line: str, species: str | None) -> str:
    """Return a request without the species that the settings added."""
    if species is None:
        return line
    query = Query.parse(line)
    if query.params.get("species") != species:
        return line
    return query.model_copy(update={"params": {k: v for k, v in query.params.items() if k != "species"}}).line


def joined(first: Record, then: Record) -> Record:
    """Return the second record with the attempts and the time of both."""
    seconds = {
        name: round(spent + cast(dict[str, float], then["seconds"]).get(name, 0.0), 4)
        for name, spent in cast(dict[str, float], first["seconds"]).items()
    }
    both: dict[str, Any] = {**then, "attempts": [*first["attempts"], *then["attempts"]], "seconds": seconds}
    return cast(Record, both)


def _asks_for_others(question: str, species: str) -> bool:
    """Tell whether a question names a species other than this one, or asks about several."""
    named = {species_taxid(entity.text) for entity in find_entities(question) if entity.kind == "species"}
    return bool(named - {species_taxid(species)}) or _SEVERAL.search(question) is not None


def _is_settled(query: Query) -> bool:
    """Tell whether a request names genes by identifiers, of which each has its species, or says or asks for species."""
    if query.kind == "batch":
        settled = [scope.lower() in _SETTLED for scope in query.scopes]
        # Where names and identifiers are looked up alike, the terms say whether there are any of these.
        return all(settled) or (any(settled) and any(map(_is_identifier, query.ids)))
    asked = [*query.params.get("facets", "").split(","), *query.params.get("sort", "").split(",")]
    if "taxid" in (name.strip().lstrip("+-") for name in asked):
        return True
    tree = read_tree(query)
    leaves = [leaf for leaf in clauses_of(tree) if isinstance(leaf, (Term, Phrase))] if tree is not None else []
    return any(
        leaf.field.lower() in _SETTLED if leaf.field is not None else _is_identifier(leaf.text) for leaf in leaves
    )


def _is_identifier(word: str) -> bool:
    """Tell whether a bare word is the identifier of a gene."""
    fields = {
        name.partition(":")[2].lower()
        for entity in find_entities(word)
        if entity.text == word and entity.kind in KINDS
        for name in KINDS[entity.kind].fields
        if name.startswith("mygene:")
    }
    return word.isdigit() or not fields.isdisjoint(_SETTLED)
