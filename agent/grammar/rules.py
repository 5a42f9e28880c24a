"""The rules that all APIs share: how the literals of a conversation are written as values of a request.

A value is written as Lucene's query-string syntax wants it (`agent.grammar.literals` gives it plain), and `%`, `&`,
`+`, `#` are percent-encoded, since the query string stands in a request line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

from agent.grammar.fields import ValueClass
from agent.grammar.literals import Conversation
from agent.grammar.trie import EMPTY, Forge, Node
from agent.grammar.words import Word
from tools.check import INTERVAL
from tools.lucene import escape

#: A span has no upper bound but the end of its sentence and the end of the window of words that it starts in.
_WINDOW = 12
_LONGEST_LIST = 64
_MOST_ALLOWED = 4  # of a field's allowed values in one list
_FUZZY_LENGTH = 4
_CHROMOSOME = re.compile(r"chr(?:\d{1,2}|[XYM]|MT)", re.IGNORECASE)
_ENCODED = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "%&+#"})


def encode(text: str) -> str:
    """Percent-encode the four signs that a request line reserves."""
    return text.translate(_ENCODED)


@lru_cache(maxsize=4096)
def write_path(path: str) -> str:
    """Write the name of a field inside a query string."""
    return encode(escape(path))


class Values:
    """The nodes for the values of one conversation; an attribute is None where the conversation holds no such value."""

    def __init__(self, forge: Forge, conversation: Conversation) -> None:
        """Make nodes with `forge`, from the literals of `conversation`."""
        self.forge = forge
        self.said = conversation
        self._allowed: dict[tuple[str, ...], Node] = {}
        self._shaped: dict[str, Node | None] = {}

    @cached_property
    def word(self) -> Node | None:
        """One bare word: `CDK2`, `CDK*`, `kinase~`."""
        forge = self.forge
        star = forge.opt(forge.lit("*"))
        fuzzy = forge.opt(forge.alt(forge.lit("*"), forge.lit("~")))
        entries = [(encode(escape(word)), fuzzy if _is_fuzzy(word) else star) for word in self.said.words]
        # What was typed with a wildcard keeps it.
        entries += [
            (encode("*".join(map(escape, word.split("*")))), star)
            for word in self.said.words
            if "*" in word[1:] and not word.startswith("*")
        ]
        return forge.named("word", forge.trie(entries)) if entries else None

    @cached_property
    def span(self) -> Node | None:
        """A span of several words as it stands between quotes, without them."""
        return self._spans(lambda text: encode(escape(text, quoted=True)), "span")

    @cached_property
    def loose(self) -> Node | None:
        """A span of several words without quotes, as a search of all fields."""
        return self._spans(lambda text: encode(" ".join(map(escape, text.split(" ")))), "loose")

    @cached_property
    def plain(self) -> Node | None:
        """A span of several words that is not part of a query string: a term of a batch."""
        return self._spans(lambda text: encode(text.replace(",", "")), "plain")

    @cached_property
    def phrase(self) -> Node | None:
        """A quoted span of several words, or one word that would need escaping."""
        forge = self.forge
        special = [word for word in self.said.words if escape(word) != word and not INTERVAL.search(word)]
        parts = [self.span] if self.span is not None else []
        if special:
            parts.append(forge.words(encode(escape(word, quoted=True)) for word in special))
        return forge.named("phrase", forge.seq('"', forge.alt(*parts), '"')) if parts else None

    @cached_property
    def text(self) -> Node | None:
        """A value of a text or keyword field: a word, a phrase, or a list of them in parentheses."""
        items = [node for node in (self.word, self.phrase) if node is not None]
        if not items:
            return None
        item = self.forge.named("item", self.forge.alt(*items))
        return self.forge.named("text", self.forge.alt(item, self._list(item, len(self.said.words))))

    @cached_property
    def number(self) -> Node | None:
        """A value of a numeric field: a number, a comparison, a range, or a list."""
        return self._ordered("number", self.said.numbers)

    @cached_property
    def date(self) -> Node | None:
        """A value of a date field."""
        return self._ordered("date", self.said.dates)

    @cached_property
    def boolean(self) -> Node:
        """`true` or `false`."""
        return self.forge.words(["true", "false"])

    @cached_property
    def key(self) -> Node | None:
        """A value of `_id`: an identifier, or a list of them."""
        keys = [encode(escape(word)) for word in self.said.identifiers]
        if not keys:
            return None
        item = self.forge.words(keys)
        return self.forge.named("key", self.forge.alt(item, self._list(item, len(keys), both=False)))

    def entity(self, *, numbers: bool) -> Node | None:
        """An identifier in a path or a list of ids, not escaped; `numbers`: a bare number may be one."""
        return self.chosen("numbered-entity" if numbers else "entity", self._entities(numbers=numbers))

    def entities(self, *, numbers: bool) -> Node | None:
        """Several identifiers with commas between."""
        entity = self.entity(numbers=numbers)
        count = len(self._entities(numbers=numbers))
        return entity and self.forge.named(
            "numbered-ids" if numbers else "ids", self.forge.chain(entity, ",", _bound(count))
        )

    def _entities(self, *, numbers: bool) -> list[str]:
        words = [word for word in self.said.identifiers if "?" not in word and not _CHROMOSOME.fullmatch(word)]
        return [word for word in words if numbers or not word.isdigit()]

    @cached_property
    def terms(self) -> Node | None:
        """What may follow the first term of a batch: further terms, each after a comma."""
        items = [node for node in (self.term, self.plain) if node is not None]
        if not items:
            return None
        item = self.forge.named("term", self.forge.alt(*items))
        return self.forge.named("terms", self.forge.more(item, ",", _bound(len(self.said.words)) - 1))

    @cached_property
    def term(self) -> Node | None:
        """One word of a batch, not escaped."""
        words = [encode(word) for word in self.said.words if "," not in word]
        return self.forge.named("raw", self.forge.words(words)) if words else None

    def allowed(self, values: tuple[str, ...]) -> Node:
        """Return the rule of a field that takes only `values`: one of them, or a list.

        Case makes no difference to the services, so each may be in lower case too.
        """
        node = self._allowed.get(values)
        if node is None:
            written = dict.fromkeys([*values, *(value.lower() for value in values)])
            forms = [*map(_literal, written), *(f'"{encode(value)}"' for value in written if escape(value) != value)]
            node = item = self.forge.words(forms)
            if len(values) > 1:
                node = self.forge.alt(item, self._list(item, min(len(values), _MOST_ALLOWED), both=False))
            self._allowed[values] = node
        return node

    def shaped(self, pattern: str) -> Node | None:
        """Return the rule of a field that takes only words of the form `pattern`: one of them, or a list."""
        if pattern not in self._shaped:
            words = [word for word in self.said.words if re.fullmatch(pattern, word)]
            forms = [encode(escape(word)) for word in words]
            forms += [f'"{word}"' for word in words if escape(word) != word]
            item = self.forge.words(forms) if forms else None
            self._shaped[pattern] = item and self.forge.alt(item, self._list(item, len(words), both=False))
        return self._shaped[pattern]

    def of_class(self, kind: ValueClass, values: tuple[str, ...]) -> Node | None:
        """Return the rule for the values of a field of class `kind`, None where nothing was said that fits."""
        if kind == "values":
            return self.allowed(values)
        if kind in ("shape", "grades"):
            node = self.allowed(values) if kind == "grades" else self.shaped(values[0])
            compared = self.number if kind == "grades" or values[0].startswith(r"\d") else None
            parts = [part for part in (node, compared) if part is not None]
            return self.forge.alt(*parts) if parts else None
        if kind == "number":
            return self.number
        if kind == "boolean":
            return self.boolean
        if kind == "date":
            return self.date
        return self.key if kind == "id" else self.text

    def chosen(self, name: str, texts: Sequence[str]) -> Node | None:
        """Return the choice between `texts`, None if there are none."""
        return self.forge.named(name, self.forge.words(map(encode, texts))) if texts else None

    def _ordered(self, name: str, literals: Sequence[str]) -> Node | None:
        if not literals:
            return None
        forge = self.forge
        bound = forge.words(map(encode, literals))
        exact = forge.words(encode(escape(literal)) for literal in literals)
        end = forge.alt(bound, forge.lit("*"))
        forms = [
            exact,
            forge.seq(">", forge.opt(forge.lit("=")), exact),
            forge.seq("<", forge.opt(forge.lit("=")), exact),
            forge.seq("[", end, " TO ", end, "]"),
            forge.seq("{", end, " TO ", end, "}"),
        ]
        if len(literals) > 1:
            forms.append(self._list(exact, len(literals), both=False))
        return forge.named(name, forge.alt(*forms))

    def _list(self, item: Node, count: int, *, both: bool = True) -> Node:
        """Return `(a OR b)`, with `both` also `(a AND b)`, of two or more items."""
        forge = self.forge
        most = _bound(count) - 1
        either = forge.seq(item, forge.more(item, " OR ", most - 1))
        if not both:
            return forge.seq("(", item, " OR ", either, ")")
        every = forge.seq(item, forge.more(item, " AND ", min(most, 8) - 1))
        return forge.seq("(", item, forge.trie([(" OR ", either), (" AND ", every)]), ")")

    def _spans(self, written: Callable[[str], str], name: str) -> Node | None:
        starts: list[tuple[str, Node]] = []
        for run in self.said.runs:
            starts.extend(self._starts(run, written))
        return self.forge.named(name, self.forge.trie(starts)) if starts else None

    def _starts(self, run: Sequence[Word], written: Callable[[str], str]) -> list[tuple[str, Node]]:
        """Return the entries that begin a span of two or more words of `run`.

        Word i of a span leads to word i+1 or to the end, so each word is written once however many spans hold it; in
        a long text, once for each of the two windows that it can lie in. An interval is read as one even between
        quotes, so no span holds any.
        """
        forge = self.forge
        rest: dict[tuple[int, int], Node | None] = {}

        def following(place: int, stop: int) -> Node | None:
            """Return what may stand from word `place` on, up to `stop`; None if no span can end there."""
            if place >= stop or run[place].opens:
                return None
            key = (place, stop)
            if key not in rest:
                word = run[place]
                after = None if word.closes else following(place + 1, stop)
                entries = [(written(text), EMPTY) for text in word.final if not INTERVAL.search(text)]
                if after is not None:
                    entries += [(written(text) + " ", after) for text in word.inner if not INTERVAL.search(text)]
                rest[key] = forge.trie(entries) if entries else None
            return rest[key]

        starts: list[tuple[str, Node]] = []
        whole = len(run) <= 2 * _WINDOW
        for place, word in enumerate(run):
            stop = len(run) if whole else min(len(run), (place // _WINDOW + 2) * _WINDOW)
            after = following(place + 1, stop) if word.starts and not word.closes else None
            if after is not None:
                starts += [(written(text) + " ", after) for text in word.inner if not INTERVAL.search(text)]
        return starts


def _bound(count: int) -> int:
    """Return how long a list may grow when there are `count` different literals; two at least."""
    return min(max(count, 2), _LONGEST_LIST)


def _is_fuzzy(word: str) -> bool:
    return len(word) >= _FUZZY_LENGTH and word.isalpha()


@lru_cache(maxsize=1024)
def _literal(value: str) -> str:
    """Write an allowed value: quoted if it has several words."""
    return encode(f'"{escape(value, quoted=True)}"' if " " in value else escape(value))
