"""Values as one whole: what stands as one in a question is not cut, taken apart, or run together with its neighbours.

A small model writes `United` for "the United Kingdom", looks for QT and for prolongation where QT prolongation was
said, and counts among a name what stands before it: "twenty leukodystrophy". `agent.named` mends what is a known name;
here are the others.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.grammar.numbers import read_mentions
from agent.grammar.words import STOP_WORDS
from agent.said_fields import name_words, words_of
from agent.trees import any_of, read_tree, replaced, with_tree
from rag.entities import find_entities
from rag.kinds import KINDS
from rag.lexical import terms
from rag.names import Names, kind_of
from tools.catalogue import Catalogue, load_catalogue
from tools.lucene import Bool, Clause, Node, Phrase, Term, clauses_of
from tools.query import Query

_CAPITAL = re.compile(r"[A-Z][a-z]+")
_FURTHER = re.compile(r"(?: [A-Z][a-z]+\b(?![\w-]))+")
#: What a list is of; it ends a name that has been written in capitals by chance.
_THINGS = frozenset(
    terms("genes variants mutations drugs medicines compounds diseases disorders patients approved thanks please")
)
#: What somebody may own; "Crohn's disease" is one name.
_OWNED = _THINGS - set(terms("disease disorder"))
_QUOTED = re.compile(r"[\"“]([^\"“”]{2,80})[\"”]")


def with_whole_values(query: Query, question: str, names: Names) -> Query:
    """Return a request whose values are as whole as the question has them.

    Args:
        query: the request.
        question: the question that it was drafted for.
        names: what names are known.

    Returns:
        The request, changed in nothing but values that the question has otherwise.
    """
    tree = read_tree(query)
    if tree is None:
        return query
    whole = _quoted(_joined(tree, query.q or "", question, load_catalogue(query.api), names), query, question)
    return with_tree(query, tree, _mend(whole, query, question))


def _joined(tree: Node, text: str, question: str, catalogue: Catalogue, names: Names) -> Node:
    """Search words of one field as a phrase where the question has them in a row: `f:QT AND f:prolongation`."""
    if not isinstance(tree, Bool):
        return tree
    kept: list[Clause] = []
    for clause in tree.clauses:
        before = kept[-1] if kept else None
        if before is not None and _in_a_row(before, clause, text, question, catalogue, names):
            kept[-1] = replace(before, node=Phrase(before.node.field, f"{before.node.text} {clause.node.text}"))  # type: ignore[union-attr]
        else:
            kept.append(clause)
    return kept[0].node if len(kept) == 1 and not kept[0].modifier else Bool(tuple(kept))


def _is_name(text: str, names: Names, path: str | None) -> bool:
    """Tell whether a text is a name or an identifier by itself."""
    kind = kind_of(path or "")
    return bool(kind is not None and names.find(kind, text)) or any(e.kind in KINDS for e in find_entities(text))


def _in_a_row(one: Clause, other: Clause, text: str, question: str, catalogue: Catalogue, names: Names) -> bool:
    if one.modifier or other.modifier or other.conjunction != "AND":
        return False
    first, second = one.node, other.node
    if not isinstance(first, (Term, Phrase)) or not isinstance(second, Term) or first.field != second.field:
        return False
    field = catalogue.get(second.field or "")
    apart = (
        field is None
        or field.type != "text"
        or any(_is_name(part.text, names, second.field) for part in (first, second))
    )
    # Who writes `f:(a AND b)` has taken a phrase apart on purpose; signs may be listed with blanks only.
    return (
        not apart
        and f"{second.field}:{second.text}" in text
        and f"{first.text} {second.text}".lower() in question.lower()
    )


def _quoted(tree: Node, query: Query, question: str) -> Node:
    """Put what is quoted in the place of the name of its field: the biological process "myelination"."""
    quoted = [match.group(1).strip() for match in _QUOTED.finditer(question)]
    written = (query.q or "").replace("\\", "").replace("_", " ").lower()
    if len(quoted) != 1 or quoted[0].replace("_", " ").lower() in written:
        return tree
    catalogue = load_catalogue(query.api)
    leaves = [leaf for leaf in clauses_of(tree) if isinstance(leaf, (Term, Phrase)) and _is_free(catalogue, leaf.field)]
    named = [leaf for leaf in leaves if set(terms(leaf.text)) <= words_of(catalogue, leaf.field or "")]
    return replaced(tree, named[0], any_of(named[0].field, quoted)) if len(named) == 1 else tree


def _is_free(catalogue: Catalogue, path: str | None) -> bool:
    """Tell whether any text may stand in a field: no value of a list, nor a gene's symbol."""
    field = catalogue.get(path or "")
    return field is not None and not field.values and kind_of(field.path) != "gene"


def _mend(node: Node, query: Query, question: str) -> Node:
    if isinstance(node, Bool):
        return Bool(tuple(replace(clause, node=_mend(clause.node, query, question)) for clause in node.clauses))
    if not isinstance(node, (Term, Phrase)) or not _is_free(load_catalogue(query.api), node.field):
        return node
    text = _without_count(_without_owned(node.text), query.params.get("size"))
    if _CAPITAL.fullmatch(text):
        text += _further(text, query, question)
    return node if text == node.text else any_of(node.field, [text])


def _without_owned(text: str) -> str:
    """Leave out what somebody owns: "Pfizer's approved drugs" are Pfizer's."""
    owner, possessive, owned = text.replace("’", "'").partition("'s ")
    return owner if possessive and owned and _OWNED.issuperset(terms(owned)) else text


def _without_count(text: str, size: str | None) -> str:
    """Leave out a number that says how many: "twenty leukodystrophy diseases"."""
    first, _, rest = text.partition(" ")
    counts = (str(mention.value) for mention in read_mentions(first))
    return rest if rest and size is not None and size in counts else text


def _further(text: str, query: Query, question: str) -> str:
    """Return what else belongs to a name in capitals that begins so: the United Kingdom."""
    words = [word for word in re.findall(r"[A-Za-z]{2,}", question) if word.lower() not in STOP_WORDS]
    if 2 * sum(word[0].isupper() for word in words) > len(words) or question.count(text) != 1:
        return ""  # A title has all its words in capitals.
    further = _FURTHER.match(question, question.index(text) + len(text))
    if further is None or (_THINGS | name_words(load_catalogue(query.api))) & set(terms(further.group())):
        return ""  # "Psoriasis Mondo id" names a source.
    # What another condition has is no part of this one, nor is what begins a sentence of its own.
    words = further.group().split()
    return "" if any(word in query.line or word.lower() in STOP_WORDS for word in words) else further.group()
