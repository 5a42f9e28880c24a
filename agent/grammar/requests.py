"""The rules of one API: its query strings and its four kinds of request line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

from agent.grammar.evidence import Evidence
from agent.grammar.fields import ValueClass, Vocabulary
from agent.grammar.rules import Values, encode, write_path
from agent.grammar.trie import EMPTY, Forge, Node
from tools.apis import Api

_MOST_CLAUSES = 6
_MOST_GROUPED = 4
_MOST_FIELDS = 10
_MOST_NAMES = 4
_UNNUMBERED_APIS = frozenset({"myvariant", "mychem", "mydisease"})  # whose documents have no bare number for an id
_INTERVAL_APIS = {"mygene": False, "myvariant": True}  # whether a single base is an interval of its own


class Requests:
    """The request lines of one API; `entries` are their beginnings and what follows each."""

    def __init__(self, forge: Forge, values: Values, api: Api, vocabulary: Vocabulary, evidence: Evidence) -> None:
        """Write for `api`, with the field names of `vocabulary`, the literals of `values`, and reason by `evidence`."""
        self.forge = forge
        self.evidence = evidence
        self.values = values
        self.api = api
        self.vocabulary = vocabulary
        said = values.said
        points = _INTERVAL_APIS.get(api.name)
        self.interval = None if points is None else values.chosen("interval", said.intervals(points=points))
        leaves = self._group("exact") + self._group("text")
        inner = self._group("inner")
        self.sort = self._choice(self._group("exact")) if evidence.wants("sort") else None
        self.facets = self._choice(self._counted()) if evidence.wants("facets") else None
        self.negation = forge.lit("NOT ") if evidence.wants("not") else None
        self.scopes = self._choice([*leaves, *map(forge.lit, vocabulary.shorthands)])
        self.exists = self._choice([*leaves, *inner])
        self.output = self._choice([*leaves, *inner, *self._group("shown"), forge.lit("_id")])

    def entries(self) -> list[tuple[str, Node]]:
        """Return the request lines as (how the line begins, what follows)."""
        root = f"{self.api.name} /{self.api.version}/"
        entries = [(f"{root}query?q=", self._query()), (f"{root}metadata/fields", self._listing())]
        numbers = self.api.name not in _UNNUMBERED_APIS
        entity, entities = self.values.entity(numbers=numbers), self.values.entities(numbers=numbers)
        if entity is not None and entities is not None:
            asked = self._parameters("?", self._entity_parameters())
            entries.append((f"{root}{self.api.entity}/", self.forge.seq(entity, asked)))
            more = self._parameters("&", self._entity_parameters())
            entries.append((f"{root}{self.api.entity}?ids=", self.forge.seq(entities, more)))
        return entries

    def _query(self) -> Node:
        """What follows `query?q=`: an expression and parameters, or the terms of a batch."""
        forge, values = self.forge, self.values
        expression = self._expression()
        # An interval takes no further clauses in mygene; elsewhere a filter is a clause, unless somebody says filter.
        with_filter = self._parameters("&", self._query_parameters(expression))
        wanted = self.evidence.wants("filter")
        plain = with_filter if wanted else self._parameters("&", self._query_parameters(None))
        bodies = [forge.words(["*", "__all__"])]
        if expression is not None:
            bodies.append(expression)
        if values.loose is not None:
            bodies.append(values.loose)
        forms = [forge.seq(forge.alt(*bodies), plain)]
        if self.interval is not None:
            further, parameters = (EMPTY, with_filter) if self.api.name == "mygene" else (self.conjunction, plain)
            forms.append(forge.seq(self.interval, further, parameters))
        if self.scopes is not None and values.terms is not None:
            scopes = forge.chain(self.scopes, ",", _MOST_NAMES)
            rest = forge.seq(values.terms, "&scopes=", scopes, self._parameters("&", self._batch_parameters()))
            first = [node for node in (values.term, values.plain) if node is not None]
            forms.append(forge.seq(forge.alt(*first), rest))
        return forge.alt(*forms)

    def _listing(self) -> Node:
        """What follows `metadata/fields`."""
        forge = self.forge
        words = [word.lower() for word in self.values.said.words if word.isascii()] + list(self.vocabulary.segments)
        if not words:
            return EMPTY
        word = forge.words(encode(word) for word in dict.fromkeys(words))
        return forge.opt(forge.seq("?", forge.trie([("search=", word), ("prefix=", word)])))

    def _expression(self) -> Node | None:
        """A query string: clauses joined by AND or by OR.

        Never by both at one level, where Lucene's precedence is not that of algebra.
        """
        forge = self.forge
        unit = self.unit
        if unit is None:
            return None
        either = forge.seq(unit, forge.more(unit, " OR ", _MOST_CLAUSES - 2))
        every = self._every(unit, _MOST_CLAUSES - 1)
        return forge.named(
            f"{self.api.name}-q",
            forge.alt(
                forge.seq(unit, forge.trie([("", EMPTY), (" OR ", either), (" AND ", every)])),
                *([forge.seq(self.negation, unit, self.conjunction)] if self.negation else []),
            ),
        )

    @cached_property
    def conjunction(self) -> Node:
        """What may follow a clause: further ones that must hold too."""
        if self.unit is None:
            return EMPTY
        return self.forge.opt(self.forge.seq(" AND ", self._every(self.unit, _MOST_CLAUSES - 1)))

    def _every(self, item: Node, most: int) -> Node:
        """Return up to `most` items joined by AND, each perhaps negated."""
        forge = self.forge
        signed = forge.seq(forge.opt(self.negation), item) if self.negation else item
        return forge.chain(signed, " AND ", most)

    @cached_property
    def unit(self) -> Node | None:
        """A clause, or a group of clauses in parentheses."""
        forge = self.forge
        clause = self.clause
        if clause is None:
            return None
        either = forge.seq(clause, forge.more(clause, " OR ", _MOST_GROUPED - 2))
        every = self._every(clause, _MOST_GROUPED - 1)
        group = forge.alt(
            forge.seq(clause, forge.trie([(" OR ", either), (" AND ", every)])),
            *([forge.seq(self.negation, clause, forge.opt(forge.seq(" AND ", every)))] if self.negation else []),
        )
        return forge.named(f"{self.api.name}-u", forge.alt(clause, forge.seq("(", group, ")")))

    @cached_property
    def clause(self) -> Node | None:
        """`field:value`, `_exists_:field`, a bare word or a phrase."""
        forge, values = self.forge, self.values
        entries: list[tuple[str, Node]] = []
        for path, kind, listed in self.vocabulary.search:
            allowed = None if self.evidence.rules_out(path) else self._spoken_of(path, kind, listed)
            value = None if allowed is None else values.of_class(kind, allowed)
            if value is not None:
                entries.append((f"{write_path(path)}:", value))
        if values.key is not None:
            entries.append(("_id:", values.key))
        if self.exists is not None:
            entries.append(("_exists_:", self.exists))
        parts = [forge.trie(entries)] if entries else []
        parts += [node for node in (values.word, values.phrase) if node is not None]
        return forge.named(f"{self.api.name}-c", forge.alt(*parts)) if parts else None

    def _spoken_of(self, path: str, kind: ValueClass, listed: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return what of a closed field's values was spoken of, None if there is no reason to search it."""
        if kind == "values":
            return self.evidence.allowed(self.api.name, path, listed) or None
        if kind in ("grades", "boolean") and not self.evidence.speaks_of(self.api.name, path):
            return None
        return listed

    def _query_parameters(self, expression: Node | None) -> list[tuple[str, Node]]:
        forge, said = self.forge, self.values.said
        parameters = [*self._fields()]
        if expression is not None:
            parameters.append(("filter=", expression))
        parameters += self._place()
        if self.sort is not None:
            key = forge.seq(forge.opt(forge.lit("-")), self.sort)
            parameters.append(("sort=", forge.chain(key, ",", 3)))
        parameters += self._number("size=", said.sizes) + self._number("from=", said.offsets)
        if self.facets is not None:
            size = self._number("facet_size=", [size for size in said.sizes if size != "0"])
            facets = forge.chain(self.facets, ",", _MOST_NAMES)
            parameters.append(("facets=", forge.seq(facets, self._parameters("&", size))))
        return parameters

    def _batch_parameters(self) -> list[tuple[str, Node]]:
        return [*self._fields(), *self._place(), *self._number("size=", self.values.said.sizes)]

    def _entity_parameters(self) -> list[tuple[str, Node]]:
        return [*self._fields(), *(item for item in self._place() if item[0] == "assembly=")]

    def _fields(self) -> list[tuple[str, Node]]:
        if self.output is None:
            return []
        forge = self.forge
        return [("fields=", forge.alt(forge.chain(self.output, ",", _MOST_FIELDS), forge.lit("all")))]

    def _place(self) -> list[tuple[str, Node]]:
        """The parameters that say which species, or which assembly."""
        values = self.values
        parameters: list[tuple[str, Node]] = []
        species = values.chosen("species", values.said.species) if "species" in self.api.params else None
        if species is not None:
            parameters.append(("species=", self.forge.chain(species, ",", min(_MOST_NAMES, len(values.said.species)))))
        assembly = values.chosen("assembly", values.said.assemblies) if "assembly" in self.api.params else None
        if assembly is not None:
            parameters.append(("assembly=", assembly))
        return parameters

    def _number(self, name: str, numbers: Sequence[str]) -> list[tuple[str, Node]]:
        return [(name, self.forge.words(numbers))] if numbers else []

    def _parameters(self, sign: str, parameters: Sequence[tuple[str, Node]]) -> Node:
        """Return what may follow: any of `parameters`, in this order, each once; `sign` stands before the first."""
        forge = self.forge
        open_: Node = EMPTY  # what may stand after a sign; built from the last parameter to the first
        for name, value in reversed(parameters):
            after = forge.opt(forge.seq("&", open_)) if open_ is not EMPTY else EMPTY
            choice = forge.seq(name, value, after)
            open_ = choice if open_ is EMPTY else forge.named("p", forge.alt(choice, open_))
        return forge.opt(forge.seq(sign, open_)) if open_ is not EMPTY else EMPTY

    def _counted(self) -> list[Node]:
        """Return the choices between the fields by whose values may be counted: those of which a word was said."""
        paths = (*self.vocabulary.common.exact, *self.vocabulary.own.exact)
        said = [p for p in paths if self.evidence.mentions(self.api.name, p) and not self.evidence.rules_out(p)]
        return [self.forge.words(map(encode, said))] if said else self._group("exact")

    def _group(self, name: str) -> list[Node]:
        """Return the choices between the field names of a group: the common ones, and the question's own."""
        own = [path for path in getattr(self.vocabulary.own, name) if not self.evidence.rules_out(path)]
        common: tuple[str, ...] = getattr(self.vocabulary.common, name)
        nodes = [_common_names(f"{self.api.name}-{name}", common)] if common else []
        return nodes + ([self.forge.words(map(encode, own))] if own else [])

    def _choice(self, nodes: Sequence[Node]) -> Node | None:
        return self.forge.alt(*nodes) if nodes else None


@lru_cache(maxsize=128)
def _common_names(name: str, paths: tuple[str, ...]) -> Node:
    """Return the choice between field names that no conversation alters, kept for the next question."""
    forge = Forge()
    return forge.named(name, forge.words(map(encode, paths)))
