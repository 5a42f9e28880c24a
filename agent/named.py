"""Names in a request, as the question has them: whole, nothing beside them, and none of a list left out.

A small model begins a name a word early or ends it a word late, and the search then finds nothing: "number for
cherubism", "Usher" in place of "Usher syndrome", "gout and scurvy" as if it were one disease. Where names begin and end
is known (`rag.names`); what is no known name stays as it was drafted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from agent.grammar.words import STOP_WORDS, singular
from agent.said_fields import words_of
from agent.trees import alternatives, any_of, read_tree, with_tree
from rag.entities import find_entities
from rag.kinds import UNMISTAKABLE
from rag.lexical import terms
from rag.names import Kind, Name, Names, kind_of, read_tokens
from tools.apis import species_words
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Boost, Clause, Node, Phrase, Term, clauses_of
from tools.query import Query

#: What may stand between the names of a list.
_BETWEEN = re.compile(r"\s*[,;/&]?\s*(?:[,;/&]|\b(?:and|or|plus|as well as|and/or)\b)\s*", re.IGNORECASE)
#: What stands before what is not meant.
_EXCLUDED = re.compile(r"\b(?:but|and|yet)\s+not\s+(?:the\s+)?$", re.IGNORECASE)
#: With these words a name goes on: obesity due to leptin deficiency.
_GOES_ON = frozenset({"due", "of", "with", "without"})
#: What a list is of, before the name of what it is about: "clinvar variants stargardt disease".
_THINGS = frozenset("variants variant mutations mutation genes drugs chemicals compounds phenotypes symptoms".split())  # noqa: SIM905
#: Whom things happen to.
_PEOPLE = frozenset(terms("people patients persons individuals families children"))
#: Ontologies mostly name a disease after somebody without the possessive: Fabry disease.
_POSSESSIVE = re.compile(r"['’]s(?=\s)")
_WITHOUT_POSSESSIVE = frozenset({"mondo.label", "disease_ontology.name", "clinvar.rcv.conditions.name"})
#: Gene symbols are listed with nothing but blanks between, too.
_BLANKS = re.compile(r"\s+")


def mend_names(query: Query, question: str, names: Names) -> Query:
    """Put the names that a question says in the place of parts of them, and of names with other words around them.

    Args:
        query: the request.
        question: the question that it was drafted for.
        names: what names are known.

    Returns:
        The request, changed in nothing but the values of fields that hold names, and in genes that are said not to be
        meant.
    """
    if query.kind == "batch":
        return _with_all_symbols(query, question, names)
    tree = read_tree(query)
    if tree is None:
        return query
    mender = _Mender(question, names, tree, _asked_words(query))
    listed = _as_one_list(tree, mender)
    mended = mender.with_exclusions(_without_words(mender.mend(tree), question, names)) if listed is None else listed
    return with_tree(query, tree, mended)


def _as_one_list(tree: Node, mender: _Mender) -> Node | None:
    """Return any of the listed symbols where a request wants them all at once, in whatever fields; else None."""
    if not isinstance(tree, Bool):
        return None
    said = {leaf.text.lower() for leaf in mender.leaves}
    if len(mender.leaves) < len(tree.clauses) or not any(leaf.field == "symbol" for leaf in mender.leaves):
        return None
    if any(clause.modifier or clause.conjunction == "OR" for clause in tree.clauses):
        return None
    for run in mender.runs("gene", loosely=True):
        if len(said) > 1 and said <= {name.text.lower() for name in run}:
            return any_of("symbol", [name.text for name in run])
    return None


def _with_all_symbols(query: Query, question: str, names: Names) -> Query:
    """Put the whole list of gene symbols in the place of some of it."""
    if not any(kind_of(scope) == "gene" for scope in query.scopes):
        return query
    said = {text.lower() for text in query.ids}
    for run in _Mender(question, names, Bool(())).runs("gene", loosely=True):
        texts = tuple(dict.fromkeys(name.text for name in run))
        if said < {text.lower() for text in texts}:
            return query.model_copy(update={"ids": texts})
    return query


def _without_words(tree: Node, question: str, names: Names) -> Node:
    """Leave out conditions on genes whose value is no symbol but a word: "approved AND symbol:first"."""
    if not isinstance(tree, Bool) or any(clause.conjunction == "OR" for clause in tree.clauses):
        return tree
    kept = tuple(clause for clause in tree.clauses if not _is_word(clause.node, question, names))
    if not kept or len(kept) == len(tree.clauses):
        return tree
    if len(kept) == 1 and not kept[0].modifier:
        return kept[0].node
    return Bool((replace(kept[0], conjunction=""), *kept[1:]))


def _is_word(node: Node, question: str, names: Names) -> bool:
    if not isinstance(node, Term) or node.field is None or kind_of(node.field) != "gene":
        return False
    if not _is_lower_word(node.text) or names.find("gene", node.text):
        return False
    # A former symbol is in no list of names, but is spoken of as one: "bves variants".
    word = re.escape(node.text)
    spoken = rf"\b{word}\b\W+(?:gene|variant|mutation|allele)|\b(?:gene|in|of)\W+{word}\b"
    return re.search(spoken, question, re.IGNORECASE) is None


def _asked_words(query: Query) -> frozenset[str]:
    """Return the stems of what is asked for: they are said of a name, and are no part of it."""
    catalogue = load_catalogue(query.api)
    return frozenset(stem for path in query.fields for stem in words_of(catalogue, path))


class _Mender:
    def __init__(self, question: str, names: Names, tree: Node, asked: frozenset[str] = frozenset()) -> None:
        self._question, self._names, self._asked = question, names, asked
        self._tokens = read_tokens(question)
        self._found: dict[Kind, list[Name]] = {}
        self.leaves = [leaf for leaf in clauses_of(tree) if isinstance(leaf, (Term, Phrase))]

    def with_exclusions(self, tree: Node) -> Node:
        """Leave out the gene that the question says is not meant: "but not JAK2"."""
        fields = {leaf.field for leaf in self.leaves if leaf.field and kind_of(leaf.field) == "gene"}
        said = {leaf.text.lower() for leaf in self.leaves}
        left = [
            name.text
            for name in self._known("gene")
            if not name.text.islower()
            and name.text.lower() not in said
            and _EXCLUDED.search(self._question[: name.start])
        ]
        if len(left) != 1 or len(fields) != 1 or (isinstance(tree, Bool) and tree.clauses[-1].conjunction == "OR"):
            return tree
        clauses = tree.clauses if isinstance(tree, Bool) else (Clause(tree),)
        return Bool((*clauses, Clause(Term(next(iter(fields)), left[0]), "AND", "-")))

    def mend(self, node: Node) -> Node:
        if isinstance(node, Phrase) and (apart := self._either(node)) is not None:
            return apart
        if isinstance(node, Boost):
            return replace(node, node=self.mend(node.node))
        if isinstance(node, Bool):
            if (whole := self._whole_group(node)) is not None:
                return whole
            return Bool(tuple(self._mend_clause(clause) for clause in node.clauses))
        if isinstance(node, (Term, Phrase)) and not getattr(node, "slop", 0) and self._is_alone(node):
            texts = self._texts(node)
            if node.field in _WITHOUT_POSSESSIVE:
                texts = [text if self._names.keeps_possessive(text) else _POSSESSIVE.sub("", text) for text in texts]
            if [text.lower() for text in texts] != [node.text.lower()]:
                return any_of(node.field, texts)
        return node

    def _mend_clause(self, clause: Clause) -> Clause:
        mended = self.mend(clause.node)
        # What is left out is left out as it was said: a list in the question may well name what is wanted.
        if clause.modifier == "-" and isinstance(mended, Bool) and not isinstance(clause.node, Bool):
            return clause
        return replace(clause, node=mended)

    def _is_alone(self, leaf: Term | Phrase) -> bool:
        """Tell whether no other clause searches the same field: single words of a name may each be a clause."""
        return sum(other.field == leaf.field for other in self.leaves) == 1

    def _whole_group(self, node: Bool) -> Node | None:
        """Return the whole list where a group of alternatives holds some of it."""
        leaves = alternatives(node)
        field = leaves[0].field if leaves else None
        kind = kind_of(field) if field else None
        if kind is None:
            return None
        said = {leaf.text.lower() for leaf in leaves}
        for run in self.runs(kind, loosely=kind == "gene"):
            texts = [name.text for name in run]
            if said < {text.lower() for text in texts}:
                return any_of(field, texts)
        return None

    def _either(self, phrase: Phrase) -> Node | None:
        """Take apart a phrase that says "or", unless the question quotes it or it is a name."""
        parts = re.split(r"\s+or\s+", phrase.text)
        if phrase.field is None or len(parts) != 2 or not all(parts) or f'"{phrase.text}"' in self._question:
            return None
        kind = kind_of(phrase.field)
        if kind and any(name.text.lower() == phrase.text.lower() for name in self._known(kind)):
            return None
        return any_of(phrase.field, parts)

    def _texts(self, leaf: Term | Phrase) -> list[str]:
        """Return the names that the question has in the place of a value; the value itself if there are none."""
        kind = kind_of(leaf.field) if leaf.field else None
        if kind is None or (place := self._place(leaf.text)) is None:
            return [leaf.text]
        first, last = place
        alone = singular(leaf.text)
        if kind == "disease" and alone != leaf.text and self._names.find(kind, alone) == [Name(alone, 0, len(alone))]:
            return [alone]  # "Joubert syndromes"
        names = self._known(kind)
        around = [name for name in names if name.start <= first and last <= name.end]
        inside = [name for name in names if first <= name.start and name.end <= last]
        if not around and not inside:
            return [self._only_name(kind) or leaf.text] if self._is_said_of(leaf.text) else [leaf.text]
        if not around and not self._are_apart(first, last, inside):
            return [leaf.text]
        wanted = around[:1] or inside
        run = next((run for run in self.runs(kind) if set(wanted) <= set(run)), wanted)
        return list(dict.fromkeys(name.text for name in run))

    def _are_apart(self, first: int, last: int, names: Sequence[Name]) -> bool:
        """Tell whether what stands around names, within a value, is no part of them: words of a sentence."""
        if any(_BETWEEN.fullmatch(self._question[one.end : next_.start]) is None for one, next_ in pairwise(names)):
            return False
        before = [token.text for token in self._tokens if first <= token.start < names[0].start]
        after = [token.text for token in self._tokens if names[-1].end < token.end <= last]
        return (not before or _divides(before[-1]) or before[-1] in _THINGS) and (
            not after or (_divides(after[0]) and after[0] not in _GOES_ON) or self._is_said_of(" ".join(after))
        )

    def _is_said_of(self, text: str) -> bool:
        """Tell whether words are only what is asked about something: "inherit" of a mode of inheritance."""
        stems = [stem for stem in terms(text) if stem not in _PEOPLE]
        return bool(stems) and self._asked.issuperset(stems) and text.islower()

    def _only_name(self, kind: Kind) -> str | None:
        """Return the name of a kind that the question has, if it has one that no condition says."""
        names = list(dict.fromkeys(name.text for name in self._known(kind)))
        said = {leaf.text.lower() for leaf in self.leaves}
        return names[0] if len(names) == 1 and names[0].lower() not in said else None

    def _place(self, value: str) -> tuple[int, int] | None:
        """Return where a value stands in the question."""
        words = [token.text for token in read_tokens(value)]
        for at in range(len(self._tokens) - len(words) + 1):
            part = self._tokens[at : at + len(words)]
            if words and [token.text for token in part] == words:
                return part[0].start, part[-1].end
        return None

    def _known(self, kind: Kind) -> list[Name]:
        if kind not in self._found:
            names = self._names.find(kind, self._question)
            words = STOP_WORDS.union(species_words) if kind == "gene" else STOP_WORDS
            # HP is a gene, and the beginning of HP:0007585.
            parts = [entity for entity in find_entities(self._question) if entity.kind in UNMISTAKABLE]
            self._found[kind] = [
                name for name in names
                if name.text.lower() not in words
                and not any(part.start <= name.start and name.end < part.end for part in parts)
            ]  # fmt: skip
        return self._found[kind]

    def runs(self, kind: Kind, *, loosely: bool = False) -> Iterator[list[Name]]:
        """Yield the lists of names in the question, of two at least; `loosely`: divided by blanks alone, too."""
        run: list[Name] = []
        for name in self._known(kind):
            between = self._question[run[-1].end : name.start] if run else ""
            # Among symbols in capitals a word in small letters is a word: "TP53 and EGFR impact", "dead ids, WDR93".
            alike = bool(run) and name.text.islower() == run[-1].text.islower()
            wordlike = kind == "gene" and not alike and any(_is_lower_word(one.text) for one in (name, *run[-1:]))
            blanks = loosely and _BLANKS.fullmatch(between) and alike
            if run and (wordlike or not (_BETWEEN.fullmatch(between) or blanks)):
                if len(run) > 1:
                    yield run
                run = []
            run.append(name)
        if len(run) > 1:
            yield run


def _is_lower_word(text: str) -> bool:
    return text.islower() and text.isalpha()


def _divides(token: str) -> bool:
    return token in STOP_WORDS or not token[0].isalnum()
