"""What a question states outright, and a request must therefore say: species, assembly, whole names and lists.

A small model drops a word now and then, or goes round in circles; the answer changes without a sign. The rules hold for
all but a few in a thousand of the training pairs: a species that is named belongs in the request unless it is part of
a field's name ("mouse mm9 exons"), a follow-up keeps the species of the turn before, an assembly belongs to requests by
position, an identifier is searched by where such identifiers stand, and of a list of them none is left out. What a
request says twice it says once. Names are the matter of `agent.named`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from agent.absence import is_positional
from agent.bounds import with_stated_bounds
from agent.echoes import without_echoes
from agent.field_search import as_asked
from agent.grammar.fields import ANY_PREFIX
from agent.grammar.literals import read_conversation
from agent.lacking import with_stated_lack
from agent.listing import as_listed
from agent.named import mend_names
from agent.trees import alternatives, any_of, read_tree, with_tree
from agent.wholes import with_whole_values
from rag.documents import fields_of
from rag.entities import Entity, find_entities
from rag.kinds import KINDS, WELL_FORMED
from rag.names import Names, kind_of
from rag.retrieve import is_follow_up
from tools.apis import species_words
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Clause, Node, Phrase, Term, clauses_of, escape, render
from tools.query import Query

_WORD = re.compile(r"[a-z0-9]+")
#: What may stand between the identifiers of a list.
_BETWEEN = re.compile(r"(?:[,;/|•*\s-]|\band\b|\bor\b)*", re.IGNORECASE)
_NUMBERS = re.compile(r"\b\d+(?:(?:[,;/\s]|\band\b|\bor\b)+\d+){2,}\b", re.IGNORECASE)
_GROUPED_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+")
#: Between the identifiers of no list: what follows is not wanted, or only compared.
_EXCLUDES = re.compile(
    r"\b(?:not|except|excluding|exclude|without|unlike|rather|instead|apart|other than|like|as|no)\b|n['’]t\b",
    re.IGNORECASE,
)
#: Longer lists of alternatives are looked up one by one, in the fields that identify a document.
_LONGEST_GROUP = 5
_IDENTIFYING = frozenset(
    """_id symbol entrezgene HGNC MIM ensembl.gene ensembl.transcript ensembl.protein uniprot.Swiss-Prot refseq.rna
    refseq.protein retired dbsnp.rsid clinvar.variant_id clinvar.allele_id clinvar.rcv.accession cosmic.cosmic_id
    pubchem.cid chembl.molecule_chembl_id drugbank.id chebi.id pharmgkb.id pubchem.inchikey chembl.inchi_key
    drugbank.inchi_key chebi.xrefs.cas drugbank.cas_number mondo.mondo mondo.xrefs.omim mondo.xrefs.doid
    mondo.xrefs.orphanet mondo.xrefs.mesh mondo.xrefs.umls disease_ontology.doid""".split()  # noqa: SIM905
)
#: A follow-up that lets the species of the turn before go.
_ANY_SPECIES = re.compile(
    r"\b(?:all|any|every|each|other|whatever|whichever|irrespective|regardless|independent\w*|drop|forget|without|no)\b"
    r".*\b(?:sp[a-z]*cii?es|organisms?|animals?|taxa|taxon)\b|\bacross (?:species|organisms)\b"
    r"|\b(?:not|n['’]t) (?:limit|restrict|confine)\b.*\b(?:species|organism)"
    r"|\b(?:species|organism)\b.*\b(?:not|n['’]t) (?:matter|count)\b",
    re.IGNORECASE,
)


def complete(
    query: Query, question: str, names: Names, history: Sequence[str] = (), hits: int = 10, *, api: str | None = None
) -> Query:
    """Add to a drafted request what the question states and it lacks.

    Args:
        query: the request.
        question: the question that it was drafted for.
        names: what names are known.
        history: request lines of earlier turns, oldest first.
        hits: how many are shown where a request does not say.
        api: the only API that may be asked; None: any.

    Returns:
        The request, changed only in `species`, `assembly`, which of the question's names and identifiers it says, where
        it looks identifiers up, what it says twice (`agent.echoes`), which fields it wants lacking (`agent.lacking`),
        how whole its values are (`agent.wholes`), on which side of a number it looks (`agent.bounds`), and how it lists
        hits (`agent.listing`) and fields (`agent.field_search`).
    """
    if query.kind == "fields":
        return as_asked(query, question, api)
    query = without_echoes(_without_repeats(_without_species(query, question)), question)
    query = with_whole_values(with_stated_lack(query, question), question, names)
    query = mend_names(_with_fitting_fields(query), question, names)
    query = _as_batch(_with_whole_list(_as_list(query), question, history))
    query = with_stated_bounds(query, question, follows=bool(history))
    added: dict[str, str] = {}
    if query.api == "mygene" and query.kind in ("query", "batch"):
        # The request's own species can only be one that was said, now or before.
        species = tuple(_stated_species(query, question)) or _kept_species(query, question, history)
        if species and "species" not in query.params:
            added["species"] = ",".join(dict.fromkeys(species))
    if query.api == "myvariant" and "assembly" not in query.params:
        stated = read_conversation(question, (), {}).assemblies
        if len(stated) == 1 and is_positional(query) and not _names_assembly(query):
            added["assembly"] = stated[0]
    if added:
        query = query.model_copy(update={"params": {**query.params, **added}})
    before = Query.parse(history[-1]) if history and history[-1] != "none" else None
    return as_listed(query, question, before, hits)


def _without_species(query: Query, question: str) -> Query:
    """Take the species off a phrase that the question begins with: "Human olfactory receptor genes"."""
    tree = read_tree(query) if query.api == "mygene" else None
    return query if tree is None else with_tree(query, tree, _bare(tree, question))


def _bare(node: Node, question: str) -> Node:
    if isinstance(node, Bool):
        return Bool(tuple(replace(clause, node=_bare(clause.node, question)) for clause in node.clauses))
    first, _, rest = node.text.partition(" ") if isinstance(node, Phrase) else ("", "", "")
    if not isinstance(node, Phrase) or first.lower() not in species_words:
        return node
    begins = re.match(rf"\W*{re.escape(node.text)}\s+(?:gene|protein)s?\b", question, re.IGNORECASE)
    return any_of(node.field, [rest]) if begins and node.field else node


def _with_fitting_fields(query: Query) -> Query:
    """Search identifiers by fields that hold such identifiers."""
    tree = read_tree(query)
    if tree is None:
        return query
    fitting = _fit(tree, query.api, [leaf for leaf in clauses_of(tree) if isinstance(leaf, Term)])
    return with_tree(query, tree, fitting)


def _fit(node: Node, api: str, terms: Sequence[Term]) -> Node:
    if isinstance(node, Bool):
        return Bool(tuple(replace(clause, node=_fit(clause.node, api, terms)) for clause in node.clauses))
    if not isinstance(node, Term) or node.field is None:
        return node
    kind, change = _kind(node.text), node.text.startswith("p.")
    if kind not in WELL_FORMED and not (change and kind == "hgvs_protein"):
        return node
    field = load_catalogue(api).get(node.field)
    example = field.example if field is not None else None
    places = [path for name in KINDS[kind].fields for owner, _, path in [name.partition(":")] if owner == api]
    beside = _holders(api, node.field.partition(".")[0], kind)
    # A source's own identifiers stand in its relations, too: ChEBI's.
    foreign = bool(beside) and set(beside).isdisjoint(places)
    if (
        field is None
        or (example is None and not (field.type == "text" and foreign))
        or (example is not None and _kind(example) == kind)
        or node.field in places
        or node.field in ANY_PREFIX
        or (kind_of(node.field) == "gene" and not change)
    ):
        return node
    if any(term.text == node.text and term.field in places for term in terms):
        return node  # One of several places that are searched for it.
    # A source that was written has its own place for such identifiers: DoCM its DOIDs.
    return next((replace(node, field=path) for path in (*beside, *places) if path != "_id"), node)


@lru_cache(maxsize=256)
def _holders(api: str, source: str, kind: str) -> tuple[str, ...]:
    """Return the fields of a source that hold identifiers of a kind, as their examples have it."""
    fields = (field for field in load_catalogue(api) if field.searchable and field.path.startswith(f"{source}."))
    return tuple(field.path for field in fields if field.example and _kind(field.example) == kind)


def _kind(text: str) -> str:
    """Return the kind of a text that is one identifier, an empty one for any other text."""
    found = find_entities(text)
    return found[0].kind if len(found) == 1 and found[0].text == text else ""


def _with_whole_list(query: Query, question: str, history: Sequence[str]) -> Query:
    """Put all identifiers of a list into a request that names some, and look them up where they stand."""
    # What the turn before asked for may be named to be let go: "X, not Y".
    before = history[-1].replace("\\", "") if history else ""
    entities = [entity for entity in find_entities(question) if entity.kind in KINDS and entity.kind != "number"]
    runs = [*_runs(question, entities), *_number_runs(question)]
    terms = _identifying(query)
    named = query.ids or tuple(term.text for term in terms)
    kind = next((entity.kind for entity in entities if named and entity.text == named[0]), None)
    if kind is not None:
        listed = tuple(dict.fromkeys(entity.text for entity in entities if entity.kind == kind))
    else:
        listed = next((run for run in runs if set(named) < set(run)), ()) if query.ids else ()
    if query.kind == "query" and query.q and runs:
        query = _with_whole_groups(query, [run for run in runs if not any(text in before for text in run)])
    places = [place for text in listed if (place := question.find(text)) >= 0]
    if not places or _EXCLUDES.search(question[min(places) : max(places)]):
        return query
    if not set(named) <= set(listed) or any(text in before for text in set(listed) - set(named)):
        return query
    if query.kind == "query":
        # Several that are named one by one may each have a part of their own.
        return _with_alternatives(query, terms[0], listed) if len(named) == 1 < len(listed) else query
    voted = [name.partition(":") for name in KINDS[kind].fields] if kind else []
    scopes = tuple(path for api, _, path in voted if api == query.api and path != "_id")
    known = {part for scope in scopes for part in (scope, scope.partition(".")[0])}
    fits = not query.scopes or not scopes or not known.isdisjoint(query.scopes)
    several: Literal["get", "batch"] = "get" if query.kind == "get" and len(listed) == 1 else "batch"
    return query.model_copy(update={"kind": several, "ids": listed, "scopes": query.scopes if fits else scopes[:1]})


def _runs(question: str, entities: Sequence[Entity]) -> list[tuple[str, ...]]:
    """Return the lists of identifiers of one kind in a question, of three at least."""
    runs: list[list[Entity]] = []
    for entity in entities:
        last = runs[-1][-1] if runs else None
        if last and last.kind == entity.kind and _BETWEEN.fullmatch(question[last.end : entity.start]):
            runs[-1].append(entity)
        else:
            runs.append([entity])
    return [tuple(dict.fromkeys(entity.text for entity in run)) for run in runs if len(run) > 2]


def _number_runs(question: str) -> list[tuple[str, ...]]:
    """Return the lists of bare numbers in a question, of three at least: Entrez and PubChem ids have no other form."""
    found = [match.group() for match in _NUMBERS.finditer(question)]
    return [tuple(dict.fromkeys(re.findall(r"\d+", run))) for run in found if not _GROUPED_DIGITS.fullmatch(run)]


def _with_whole_groups(query: Query, runs: Sequence[tuple[str, ...]]) -> Query:
    """Put a whole list in the place of a group of alternatives that holds some of it."""
    tree = read_tree(query)
    return query if tree is None else with_tree(query, tree, _whole(tree, runs))


def _whole(node: Node, runs: Sequence[tuple[str, ...]]) -> Node:
    if not isinstance(node, Bool):
        return node
    terms = alternatives(node)
    if terms:
        said = {term.text for term in terms}
        numbers = terms[0].field in _IDENTIFYING
        run = next((run for run in runs if said < set(run) and (numbers or not run[0].isdigit())), None)
        return any_of(terms[0].field, run) if run else node
    return Bool(tuple(replace(clause, node=_whole(clause.node, runs)) for clause in node.clauses))


def _as_list(query: Query) -> Query:
    """Take identifiers apart that a batch holds as one, and look a single one up without a batch."""
    if query.kind != "batch" or not query.scopes:
        return query
    ids = tuple(part for text in query.ids for part in (text.split() if _are_identifiers(text) else (text,)))
    kind = _kind(ids[0]) if len(ids) == 1 else ""
    if not kind:
        return query.model_copy(update={"ids": ids})
    places = [path for name in KINDS[kind].fields for api, _, path in [name.partition(":")] if api == query.api]
    if places[:1] == ["_id"]:
        stored = ids[0] if kind == "hgvs_genomic" else ids[0].upper()
        return query.model_copy(update={"kind": "get", "ids": (stored,), "scopes": ()})
    if len(query.scopes) > 1:
        return query
    update = {"kind": "query", "ids": (), "scopes": (), "q": f"{query.scopes[0]}:{escape(ids[0])}"}
    return query.model_copy(update=update)


def _are_identifiers(text: str) -> bool:
    return " " in text and all(_kind(part) in KINDS for part in text.split())


def _as_batch(query: Query) -> Query:
    """Look up a long list of alternatives, if it is all that is asked, one by one: each then has its own answer."""
    tree = read_tree(query) if query.params.keys() <= {"species"} else None
    terms = alternatives(tree) if tree is not None else []
    if len(terms) <= _LONGEST_GROUP or terms[0].field not in _IDENTIFYING or any(" " in term.text for term in terms):
        return query
    scopes = tuple(field for field in (terms[0].field,) if field and field != "_id")
    update = {"kind": "batch", "q": None, "ids": tuple(term.text for term in terms), "scopes": scopes}
    return query.model_copy(update=update)


def _identifying(query: Query) -> list[Term]:
    """Return the terms of a query that are identifiers."""
    tree = read_tree(query)
    if tree is None:
        return []
    terms = [leaf for leaf in clauses_of(tree) if isinstance(leaf, Term) and leaf.field is not None]
    return [term for term in terms if any(e.kind in KINDS and e.kind != "number" for e in find_entities(term.text))]


def _with_alternatives(query: Query, term: Term, listed: Sequence[str]) -> Query:
    """Put any of `listed` in the place of a term that stands once."""
    group = " OR ".join(escape(text) for text in listed)
    text, single = query.q or "", render(term)
    if text.count(single) != 1:
        return query
    return query.model_copy(update={"q": text.replace(single, f"{term.field}:({group})")})


def _without_repeats(query: Query) -> Query:
    """Leave out identifiers, fields and clauses that stand twice, and fields below one that is asked for anyway."""
    fields = tuple(
        path for path in dict.fromkeys(query.fields) if not any(path.startswith(f"{other}.") for other in query.fields)
    )
    changed: dict[str, object] = {"ids": tuple(dict.fromkeys(query.ids)), "fields": fields}
    tree = read_tree(query)
    if tree is not None:
        single = _once(tree)
        if single != tree:
            changed["q"] = render(single)
    return query.model_copy(update=changed)


def _once(node: Node) -> Node:
    if not isinstance(node, Bool):
        return node
    seen: dict[tuple[str, Node], Clause] = {}
    for clause in node.clauses:
        single = replace(clause, node=_once(clause.node))
        seen.setdefault((single.modifier, single.node), single)
    kept = tuple(seen.values())
    return kept[0].node if len(kept) == 1 and not kept[0].modifier else Bool(kept)


def _stated_species(query: Query, question: str) -> Iterator[str]:
    phrases = _phrases(query)
    names = [name for path in fields_of(query.line) for name in _names(path)]
    words = _WORD.findall(question.lower())
    for entity in find_entities(question):
        value = species_words.get(entity.text.lower()) if entity.kind == "species" else None
        if value is None or any(entity.text.lower() in phrase for phrase in phrases):
            continue  # No species, or a word of a name: "cleft palate, rabbit".
        if _is_of_orthologs(query, question, entity):
            continue
        said = _WORD.findall(entity.text.lower())
        # Part of a field's name: what stands beside it in the question stands beside it there, too.
        pairs = {
            pair
            for place in range(len(words))
            if words[place : place + len(said)] == said
            for pair in (
                " ".join(words[place : place + len(said) + 1]) if place + len(said) < len(words) else None,
                " ".join(words[place - 1 : place + len(said)]) if place else None,
            )
            if pair
        }
        if not any(f" {pair} " in name for pair in pairs for name in names):
            yield value


def _phrases(query: Query) -> list[str]:
    tree = read_tree(query)
    return [leaf.text.lower() for leaf in clauses_of(tree) if isinstance(leaf, Phrase)] if tree is not None else []


def _kept_species(query: Query, question: str, history: Sequence[str]) -> tuple[str, ...]:
    """Return the species of the turn before, if this question leans on it."""
    earlier = Query.parse(history[-1]) if history and history[-1] != "none" else None
    if earlier is None or earlier.api != query.api or "species" not in earlier.params:
        return ()
    if _ANY_SPECIES.search(question):
        return ()
    names_another = any(entity.kind != "number" for entity in find_entities(question))
    return tuple(earlier.params["species"].split(",")) if is_follow_up(question) or not names_another else ()


def _names(path: str) -> Iterator[str]:
    """Yield what a field is called, each name between two spaces."""
    field = load_catalogue("mygene").get(path)
    for name in (path, *((field.label, *field.synonyms) if field is not None else ())):
        yield f" {' '.join(_WORD.findall(name.lower()))} "


def _is_of_orthologs(query: Query, question: str, species: Entity) -> bool:
    """Tell whether a species that is said is that of the orthologs asked for: "is TP53 conserved in yeast?"."""
    orthologs = [path for path in query.fields if "ortholog" in path or "homolog" in path]
    if not orthologs:
        return False
    gene = re.match(r"\s+(?:gene\s+)?[A-Za-z]*[A-Z\d][\w-]*", rest := question[species.end :])
    if gene is not None:
        # "Human TP53" is the gene itself, "the mouse TP53 ortholog" is not.
        return re.match(r"\s+(?:ortholog|homolog|counterpart)", rest[gene.end() :], re.IGNORECASE) is not None
    return len(orthologs) == len(query.fields) or "conserved" in question.lower()


def _names_assembly(query: Query) -> bool:
    """Tell whether a field of a request is of one assembly: then the assembly said is the field's."""
    return any(part in ("hg19", "hg38") for path in fields_of(query.line) for part in path.split("."))
