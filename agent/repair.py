"""Other ways to search for the same: what a repair may change when a request finds nothing.

A repair changes how something is searched (an alias beside the symbol, another identifier field, a phrase loosened, a
spelling corrected), never what was asked: species, fields, thresholds and entities stay. `loosen` lists such
requests; `keeps_what_was_stated` judges one that a model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from agent.trees import replaced
from tools.catalogue import load_catalogue
from tools.check import INTERVAL
from tools.lucene import Bool, Boost, Clause, Fuzzy, LuceneSyntaxError, Node, Phrase, Range, Term, parse, render
from tools.query import Query

#: Where else a value of a field may stand, nearest first. (Facts: the field listings of the four services.)
RELATED: dict[str, dict[str, tuple[str, ...]]] = {
    "mygene": {
        "symbol": ("alias",),
        "alias": ("symbol", "other_names"),
        "name": ("other_names", "summary"),
        "entrezgene": ("retired",),
        "uniprot.Swiss-Prot": ("uniprot.TrEMBL",),
        "ensembl.gene": ("ensembl.transcript", "ensembl.protein"),
        "refseq.rna": ("accession.rna",),
        "refseq.protein": ("accession.protein",),
        "pathway.reactome.name": ("pathway.wikipathways.name", "pathway.kegg.name"),
        "pathway.kegg.name": ("pathway.wikipathways.name", "pathway.reactome.name"),
        "go.BP.term": ("go.MF.term", "go.CC.term"),
        "go.MF.term": ("go.BP.term", "go.CC.term"),
        "go.CC.term": ("go.BP.term", "go.MF.term"),
    },
    "myvariant": {
        "dbsnp.rsid": ("clinvar.rsid",),
        "clinvar.rsid": ("dbsnp.rsid",),
        "clinvar.gene.symbol": ("dbsnp.gene.symbol",),
        "dbsnp.gene.symbol": ("clinvar.gene.symbol",),
    },
    "mychem": {
        "chembl.pref_name": ("gtopdb.name", "chebi.name", "drugbank.name", "name"),
        "drugbank.name": ("chembl.pref_name", "gtopdb.name", "chebi.name"),
        "chebi.name": ("chembl.pref_name", "gtopdb.name"),
        "gtopdb.name": ("chembl.pref_name", "chebi.name"),
        "pubchem.inchi_key": ("chembl.inchi_key",),
    },
    "mydisease": {
        "mondo.label": ("mondo.synonym.exact", "disease_ontology.name", "disease_ontology.synonyms.exact"),
        "disease_ontology.name": ("mondo.label", "mondo.synonym.exact"),
        "mondo.xrefs.omim": ("hpo.omim",),
        "mondo.xrefs.orphanet": ("hpo.orphanet",),
    },
}


#: Names and their synonyms are looked for together; what else is widened is mostly found in one place.
_WITH_SYNONYMS = frozenset({"symbol", "alias", "name", "mondo.label", "disease_ontology.name"})


def loosen(query: Query) -> Iterator[Query]:
    """Yield other requests for the same, the closest first; none for a request that can only be put one way."""
    if query.kind != "query" or not query.q:
        return
    try:
        tree = parse(query.q)
    except LuceneSyntaxError:
        return
    related = RELATED.get(query.api, {})
    seen = {query.canonical}
    catalogue = load_catalogue(query.api)

    def guess(leaf: Node) -> Node:
        field = catalogue.get(getattr(leaf, "field", None) or "")
        # A value out of a list is not misspelt: the grammar and the check see to that.
        return leaf if field is None or field.values else _guess_spelling(leaf)

    nearest = {field: others[:1] for field, others in related.items()}
    for change in (_widen(nearest), _widen(related), _split_phrase, guess):
        changed = _rewrite(tree, change)
        text = render(changed)
        alone = isinstance(changed, Bool) and not isinstance(tree, Bool) and not text.endswith(")")
        candidate = query.model_copy(update={"q": f"({text})" if alone else text})
        if candidate.canonical not in seen:
            seen.add(candidate.canonical)
            yield candidate


def narrow(query: Query) -> Iterator[Query]:
    """Yield a request that looks for one value in several fields at once with each of these fields alone.

    The one that finds as much as all together is the simpler request, and says where the value stands.
    """
    tree = parse(query.q) if query.kind == "query" and query.q else None
    groups = [group for group in _groups(tree) if _same_value(group)] if tree is not None else []
    if tree is None or len(groups) != 1 or getattr(groups[0].clauses[0].node, "field", None) in _WITH_SYNONYMS:
        return
    for clause in groups[0].clauses:
        alone = replaced(tree, groups[0], clause.node)
        yield query.model_copy(update={"q": render(alone)})


def keeps_what_was_stated(first: Query, repaired: Query) -> bool:
    """Tell whether a repaired request still asks all that the first one did, and nothing wider.

    The API, the asked-for fields and every parameter must be the same. The two query strings must require the same
    words, numbers, ranges and denials, combined in the same way; which fields the words are looked for in, whether
    they stand in a phrase, and how exactly they are spelt is free.
    """
    if (first.api, set(first.fields), first.params) != (repaired.api, set(repaired.fields), repaired.params):
        return False
    return _asked(first) == _asked(repaired)


#: What must hold, all of it: a word, another clause, a denial, or one of several alternatives.
Meaning = frozenset[tuple[str, Any]]


def _asked(query: Query) -> Meaning:
    if query.kind != "query":
        return _any_of([_words(identifier) for identifier in query.ids])
    try:
        return _meaning(parse(query.q or ""))
    except LuceneSyntaxError:
        return frozenset({("clause", query.q)})


def _meaning(node: Node) -> Meaning:
    if isinstance(node, Boost):
        return _meaning(node.node)
    if isinstance(node, Bool):
        parts = [(role, _meaning(child)) for role, child in node.occurs]
        required = [meaning for role, meaning in parts if role == "must"]
        optional = [meaning for role, meaning in parts if role == "should"]
        denied = {("not", meaning) for role, meaning in parts if role == "must_not"}
        # Beside what is required, what is optional only changes the order of the hits.
        return frozenset().union(*(required or [_any_of(optional)]), denied)
    if isinstance(node, (Term, Phrase, Fuzzy)) and not INTERVAL.match(f"{node.field}:{node.text}"):
        words = _words(node.text)
        if words:
            return words
    return frozenset({("clause", render(node).lower())})


def _any_of(alternatives: list[Meaning]) -> Meaning:
    """One of several; where all ask the same (a word in one field or another) it is just that."""
    flat: set[Meaning] = set()
    for meaning in alternatives:
        inner: frozenset[Meaning] | None = None
        if len(meaning) == 1:
            inner = next((value for kind, value in meaning if kind == "or"), None)
        flat |= {meaning} if inner is None else inner
    return next(iter(flat)) if len(flat) == 1 else frozenset({("or", frozenset(flat))}) if flat else frozenset()


def _words(text: str) -> Meaning:
    return frozenset(("word", word.lower()) for word in re.findall(r"[^\W_]+", text))


def _widen(related: dict[str, tuple[str, ...]]) -> Callable[[Node], Node]:
    """Search a value in the fields beside its own, too."""

    def change(leaf: Node) -> Node:
        field = getattr(leaf, "field", None)
        others = related.get(field or "", ())
        if not others or not isinstance(leaf, (Term, Phrase)):
            return leaf
        clauses = [Clause(leaf)]
        for other in others:
            same = Term(other, leaf.text) if isinstance(leaf, Term) else Phrase(other, leaf.text, leaf.slop)
            clauses.append(Clause(same, "OR"))
        return Bool(tuple(clauses))

    return change


def _split_phrase(leaf: Node) -> Node:
    """Ask for all words of a phrase, in any order, instead of the phrase."""
    if not isinstance(leaf, Phrase) or leaf.field is None:
        return leaf
    words = re.findall(r"[^\W_]+", leaf.text)
    if len(words) < 2:
        return leaf
    return Bool(tuple(Clause(Term(leaf.field, word), "AND" if place else "") for place, word in enumerate(words)))


def _guess_spelling(leaf: Node) -> Node:
    """Allow a letter or two to differ in longer words; identifiers, which hold digits, stay exact."""
    if isinstance(leaf, Term) and leaf.field is not None and leaf.text.isalpha() and len(leaf.text) >= 5:
        return Fuzzy(leaf.field, leaf.text, 1 if len(leaf.text) < 8 else 2)
    if isinstance(leaf, Phrase) and leaf.field is not None:
        words = re.findall(r"[^\W_]+", leaf.text)
        if words and all(word.isalpha() for word in words):
            clauses = [_guess_spelling(Term(leaf.field, word)) for word in words]
            return Bool(tuple(Clause(node, "AND" if place else "") for place, node in enumerate(clauses)))
    return leaf


def _groups(node: Node) -> Iterator[Bool]:
    if isinstance(node, Bool):
        yield node
        for clause in node.clauses:
            yield from _groups(clause.node)


def _same_value(group: Bool) -> bool:
    leaves = [
        clause.node for clause in group.clauses if isinstance(clause.node, (Term, Phrase)) and not clause.modifier
    ]
    joined = all(clause.conjunction == "OR" for clause in group.clauses[1:])
    return joined and len(leaves) == len(group.clauses) > 1 and len({leaf.text for leaf in leaves}) == 1


def _rewrite(node: Node, change: Callable[[Node], Node]) -> Node:
    """Apply `change` to every leaf that is not negated."""
    if isinstance(node, Bool):
        return Bool(
            tuple(
                clause
                if clause.modifier == "-"
                else Clause(_rewrite(clause.node, change), clause.conjunction, clause.modifier)
                for clause in node.clauses
            )
        )
    if isinstance(node, Boost):
        return Boost(_rewrite(node.node, change), node.factor)
    return node if isinstance(node, Range) else change(node)
