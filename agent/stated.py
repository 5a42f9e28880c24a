"""What a question states outright, and a request must therefore say: species, assembly, whole names and lists.

A small model drops a word now and then, or goes round in circles; the answer changes without a sign. The rules hold for
all but a few in ten thousand of the training pairs: a species that is named belongs in the request unless it is part of
a field's name ("mouse mm9 exons"), a follow-up keeps the species of the turn before, an assembly belongs to requests by
position, an identifier is searched by where such identifiers stand, and of a list of them none is left out. What a
request says twice it says once. Names are the matter of `agent.named`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from agent.absence import is_positional
from agent.grammar.literals import read_conversation
from agent.named import mend_names
from rag.documents import fields_of
from rag.entities import find_entities
from rag.kinds import KINDS, UNMISTAKABLE
from rag.names import Names, kind_of
from rag.retrieve import is_follow_up
from tools.apis import species_words
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Clause, LuceneSyntaxError, Node, Phrase, Term, clauses_of, escape, parse, render
from tools.query import Query

_WORD = re.compile(r"[a-z0-9]+")
#: A follow-up that lets the species of the turn before go.
_ANY_SPECIES = re.compile(
    r"\b(?:all|any|every|each|other|whatever|whichever|irrespective|regardless|independent\w*|drop|forget|without|no)\b"
    r".*\b(?:sp[a-z]*cies|organisms?|animals?|taxa|taxon)\b|\bacross (?:species|organisms)\b",
    re.IGNORECASE,
)


def complete(query: Query, question: str, names: Names, history: Sequence[str] = ()) -> Query:
    """Add to a drafted request what the question states and it lacks.

    Args:
        query: the request.
        question: the question that it was drafted for.
        names: what names are known.
        history: request lines of earlier turns, oldest first.

    Returns:
        The request, changed only in `species`, `assembly`, which of the question's names and identifiers it says, where
        it looks identifiers up, and what it says twice.
    """
    query = mend_names(_with_fitting_fields(_without_repeats(query)), question, names)
    query = _with_whole_list(query, question, history)
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
    return query.model_copy(update={"params": {**query.params, **added}}) if added else query


def _with_fitting_fields(query: Query) -> Query:
    """Search identifiers by fields that hold such identifiers."""
    if query.kind != "query" or not query.q:
        return query
    try:
        tree = parse(query.q)
    except LuceneSyntaxError:
        return query
    fitting = _fit(tree, query.api, [leaf for leaf in clauses_of(tree) if isinstance(leaf, Term)])
    return query if fitting == tree else query.model_copy(update={"q": render(fitting)})


def _fit(node: Node, api: str, terms: Sequence[Term]) -> Node:
    if isinstance(node, Bool):
        return Bool(tuple(replace(clause, node=_fit(clause.node, api, terms)) for clause in node.clauses))
    if not isinstance(node, Term) or node.field is None or (kind := _kind(node.text)) not in UNMISTAKABLE:
        return node
    example = field.example if (field := load_catalogue(api).get(node.field)) is not None else None
    places = [path for name in KINDS[kind].fields for owner, _, path in [name.partition(":")] if owner == api]
    if example is None or _kind(example) == kind or node.field in places or kind_of(node.field) == "gene":
        return node
    if any(term.text == node.text and term.field in places for term in terms):
        return node  # One of several places that are searched for it.
    return next((replace(node, field=path) for path in places if path != "_id"), node)


def _kind(text: str) -> str:
    """Return the kind of a text that is one identifier, an empty one for any other text."""
    found = find_entities(text)
    return found[0].kind if len(found) == 1 and found[0].text == text else ""


def _with_whole_list(query: Query, question: str, history: Sequence[str]) -> Query:
    """Put all identifiers of a list into a request that names some, and look them up where they stand."""
    # What the turn before asked for may be named to be let go: "X, not Y".
    before = history[-1].replace("\\", "") if history else ""
    found = [entity for entity in find_entities(question) if entity.kind in KINDS and entity.kind != "number"]
    terms = _identifying(query)
    named = query.ids or tuple(term.text for term in terms)
    kind = next((entity.kind for entity in found if named and entity.text == named[0]), None)
    listed = tuple(dict.fromkeys(entity.text for entity in found if entity.kind == kind))
    if kind is None or not set(named) <= set(listed) or any(text in before for text in set(listed) - set(named)):
        return query
    if query.kind == "query":
        # Several that are named one by one may each have a part of their own.
        return _with_alternatives(query, terms[0], listed) if len(named) == 1 < len(listed) else query
    voted = [name.partition(":") for name in KINDS[kind].fields]
    scopes = tuple(path for api, _, path in voted if api == query.api and path != "_id")
    known = {part for scope in scopes for part in (scope, scope.partition(".")[0])}
    fits = not query.scopes or not scopes or not known.isdisjoint(query.scopes)
    several: Literal["get", "batch"] = "get" if query.kind == "get" and len(listed) == 1 else "batch"
    return query.model_copy(update={"kind": several, "ids": listed, "scopes": query.scopes if fits else scopes[:1]})


def _identifying(query: Query) -> list[Term]:
    """Return the terms of a query that are identifiers."""
    try:
        tree = parse(query.q or "")
    except LuceneSyntaxError:
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
    if query.q:
        try:
            tree = parse(query.q)
        except LuceneSyntaxError:
            return query
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
    try:
        leaves = clauses_of(parse(query.q or ""))
    except LuceneSyntaxError:
        return []
    return [leaf.text.lower() for leaf in leaves if isinstance(leaf, Phrase)]


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


def _names_assembly(query: Query) -> bool:
    """Tell whether a field of a request is of one assembly: then the assembly said is the field's."""
    return any(part in ("hg19", "hg38") for path in fields_of(query.line) for part in path.split("."))
