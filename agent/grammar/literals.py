"""All literals that a request about a conversation may hold: its spans and their normal forms.

The conversation is the question, earlier questions, and earlier requests (lines such as `mygene /v3/query?q=…`), of
which the values are taken. Spans are kept as a chain of words, not as a list of all phrases, so that their number
grows with the length of the text and not with its square.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from agent.grammar import identifiers, numbers
from agent.grammar.words import STOP_WORDS, Word, clean, read_words
from tools.apis import species_words
from tools.check import LIMITS

#: Words read of the question, and of all earlier turns together; the rest of a longer text is passed over.
_MOST_WORDS = 240
_MOST_EARLIER = 120
#: Characters read of one text. Beyond it no question is a question.
_MOST_CHARACTERS = 6000

_REQUEST = re.compile(r"[a-z][a-z0-9_-]* /[A-Za-z0-9._-]+/\S")
_REQUEST_SIGNS = re.compile(r"[&=()\[\]{}\"]|\b(?:AND|OR|NOT|TO)\b|(?<!\\):(?=[^/])|[<>]=?(?=\d)|_exists_")
_NAME = re.compile(r"[A-Za-z_][\w.+-]*")
_HG19 = re.compile(r"\b(?:hg\s?-?19|GRCh\s?-?37\w*|(?:build|assembly|b)\s?37)\b", re.IGNORECASE)
_HG38 = re.compile(r"\b(?:hg\s?-?38|GRCh\s?-?38\w*|(?:build|assembly|b)\s?38)\b", re.IGNORECASE)
_ONE = re.compile(r"\b(?:top|best|first|single|only one|which one|most|least|[a-z]{2,}est)\b", re.IGNORECASE)
_PAGE = re.compile(
    r"\b(?:pages?|batch|screen|next|previous|preceding|back|following|further|more|another|others|other (?:ones|hits)|"
    r"rest|remaining|"
    r"go on|carry on|keep going|continue\w*|onwards?|skip\w*|from|after|start\w*|begin\w*|offset)\b",
    re.IGNORECASE,
)
_STRETCH = re.compile(r"(?<![\w.,:])(\d{1,5})\s*(?:-|–|to|through)\s*(\d{1,5})(?![\w,:]|\.\d)", re.IGNORECASE)
_TAXID = re.compile(
    r"\b(?:tax(?:on(?:omy)?)?\s?[-_]?\s?(?:id)?|ncbitaxon)\s*[:#=]?\s*(?:is\s+|number\s+)?(\d{1,8})\b", re.IGNORECASE
)
_ISO_DATE = re.compile(r"\b(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?\b")
_YEAR = re.compile(r"\b(1[89]\d\d|20\d\d)\b")
_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY_MONTH = re.compile(rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?{_MONTH},?\s+(\d{{4}})\b", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Conversation:
    """The texts that literals are taken from, cleaned: the question first, then earlier turns, the latest first.

    `prefixes` are the CURIE prefixes of the catalogues, see `identifiers.stored_prefixes`. `names` are all names that
    stand in earlier requests, those of fields among them.
    """

    texts: tuple[str, ...]
    prefixes: Mapping[str, tuple[str, int]]
    names: tuple[str, ...] = ()

    @cached_property
    def runs(self) -> tuple[tuple[Word, ...], ...]:
        """The words of each text."""
        runs: list[tuple[Word, ...]] = []
        left = _MOST_EARLIER
        for place, text in enumerate(self.texts):
            words = read_words(text)[: _MOST_WORDS if place == 0 else left]
            if place:
                left -= len(words)
            runs.append(tuple(words))
        return tuple(runs)

    @cached_property
    def mentions(self) -> tuple[tuple[numbers.Mention, ...], ...]:
        """The numbers of each text."""
        return tuple(tuple(numbers.read_mentions(text)) for text in self.texts)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Every form of every number."""
        forms = dict.fromkeys(form for mentions in self.mentions for form in numbers.literals(mentions))
        forms.update(dict.fromkeys(form for form in self.normal_forms if form.isdecimal()))
        return tuple(forms)

    @cached_property
    def integers(self) -> tuple[int, ...]:
        """The whole numbers that are not negative."""
        return tuple(dict.fromkeys(value for mentions in self.mentions for value in numbers.integers(mentions)))

    @cached_property
    def normal_forms(self) -> tuple[str, ...]:
        """The stored forms of the identifiers in the texts."""
        return tuple(
            dict.fromkeys(form for text in self.texts for form in identifiers.normal_forms(text, self.prefixes))
        )

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every single-word value, unescaped."""
        words: dict[str, None] = {}
        for run in self.runs:
            for word in run:
                words.update(dict.fromkeys((*word.final, *word.parts)))
        words.update(dict.fromkeys(self.normal_forms))
        for chromosome in self.chromosomes:
            words.update({chromosome: None, f"chr{chromosome}": None})
        words.update(dict.fromkeys(str(value) for value in self.integers))
        # A stop word can come out of a joined word ("and/or"); it is no more a value there.
        return tuple(word for word in words if word and word not in STOP_WORDS and " " not in word)

    @cached_property
    def identifiers(self) -> tuple[str, ...]:
        """The words that can be an entity's identifier, stored forms included."""
        return tuple(word for word in self.words if identifiers.is_identifier(word))

    @cached_property
    def chromosomes(self) -> tuple[str, ...]:
        """The chromosomes said."""
        return tuple(dict.fromkeys(name for text in self.texts for name in identifiers.read_chromosomes(text)))

    def intervals(self, *, points: bool) -> tuple[str, ...]:
        """Return the intervals that can be meant, `chr7:55000000-55300000`; with `points` also `chr7:140453134`."""
        found: dict[str, None] = {}
        places = dict.fromkeys(
            place
            for text, mentions in zip(self.texts, self.mentions, strict=True)
            for place in identifiers.read_places(text, mentions)
        )
        for chromosome in self.chromosomes:
            names = ("chrMT", "chrM") if chromosome in ("M", "MT") else (f"chr{chromosome}",)
            for name in names:
                for first, last in places:
                    found[f"{name}:{first}-{last}"] = None
                    if points and first == last:
                        found[f"{name}:{first}"] = None
                found[f"{name}:{identifiers.WHOLE_CHROMOSOME}"] = None
        if not points and "hg19" in self.assemblies:  # mygene takes the older assembly as a prefix
            found.update(dict.fromkeys([f"hg19.{interval}" for interval in found]))
        return tuple(found)

    @cached_property
    def species(self) -> tuple[str, ...]:
        """The species said, as values of mygene's `species`: one of nine names, or a taxonomy id."""
        found: dict[str, None] = {}
        for text in self.texts:
            lower = " ".join(re.findall(r"[\w.'-]+", text.lower()))
            for word, value in species_words.items():
                if word in lower and re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w])", lower):
                    found[value] = None
            if re.search(r"\b(?:patients?|people|persons?|men|women|man|child(?:ren)?)\b", lower):
                found["human"] = None
            for match in _TAXID.finditer(text):
                found[match[1]] = None
        return tuple(found)

    @cached_property
    def assemblies(self) -> tuple[str, ...]:
        """The genome assemblies said."""
        patterns = {"hg19": _HG19, "hg38": _HG38}
        return tuple(name for name, pattern in patterns.items() if any(map(pattern.search, self.texts)))

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The numbers of hits that can be meant; a superlative means one."""
        low, high = LIMITS["size"]
        sizes = dict.fromkeys(value for value in self.integers if low <= value <= high)
        if any(map(_ONE.search, self.texts)):
            sizes[1] = None
        for first, last in self.stretches:
            if last - first < high:
                sizes[last - first + 1] = None
        return tuple(map(str, sizes))

    @cached_property
    def offsets(self) -> tuple[str, ...]:
        """The numbers of hits to pass over: as said, page n of a size, or the place before "21 to 40"."""
        starts = dict.fromkeys(first - 1 for first, _ in self.stretches)
        if not any(map(_PAGE.search, self.texts)) and not starts:
            return ()
        low, high = LIMITS["from"]
        said = [value for value in self.integers if value <= high]
        offsets = dict.fromkeys([*said, *starts])
        sizes = [10, *(size for size in said if 0 < size <= LIMITS["size"][1])]
        for page in (value for value in said if 1 < value <= 100):
            offsets.update(dict.fromkeys((page - 1) * size for size in sizes))
        # The page after or before another: 10 hits are a page where no size is said.
        for start in (0, *said):
            offsets.update(dict.fromkeys(start + step for size in sizes for step in (size, -size)))
        return tuple(str(value) for value in offsets if low < value <= high)

    @cached_property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """The pairs such as 21 to 40 that can number hits."""
        pairs = (tuple(map(int, match.groups())) for text in self.texts for match in _STRETCH.finditer(text))
        return tuple((first, last) for first, last in pairs if 0 < first < last)

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """The dates said, as `2015`, `2015-03` or `2015-03-12`."""
        return tuple(dict.fromkeys(date for text in self.texts for date in _dates(text)))


def read_conversation(question: str, history: Sequence[str], prefixes: Mapping[str, tuple[str, int]]) -> Conversation:
    """Prepare the texts of a conversation; a request line among `history` stands for its values."""
    texts = [clean(question[:_MOST_CHARACTERS])]
    names: dict[str, None] = {}
    for text in reversed(history):
        text = clean(text[:_MOST_CHARACTERS])
        if _REQUEST.match(text):
            names.update(dict.fromkeys(_NAME.findall(unquote(text))))
            text = _values_of(text)
        texts.append(text)
    return Conversation(tuple(texts), prefixes, tuple(names))


def _values_of(request: str) -> str:
    """Return the values of a request line, each a sentence of its own."""
    path, _, parameters = request.partition("?")
    values = [unquote(path.rpartition("/")[2])]
    for parameter in parameters.split("&"):
        name, _, value = parameter.partition("=")
        if name in ("size", "from", "assembly"):
            values.append(value)
        elif name == "species":
            values.extend(f"taxid {species}" if species.isdigit() else species for species in value.split(","))
        elif name in ("q", "ids", "filter", "search"):
            values.extend(re.sub(r"\\(.)", r"\1", value) for value in _REQUEST_SIGNS.split(unquote(value)))
    return " ; ".join(value.strip() for value in values if value.strip())


def _dates(text: str) -> Iterator[str]:
    for match in _ISO_DATE.finditer(text):
        yield "-".join(part if len(part) == 4 else part.zfill(2) for part in match.groups() if part)
    for match in _DAY_MONTH.finditer(text):
        month = f"{match[3]}-{_month(match[2])}"
        if match[1]:
            yield f"{month}-{match[1].zfill(2)}"
        yield month
    for match in _MONTH_DAY.finditer(text):
        yield f"{match[3]}-{_month(match[1])}-{match[2].zfill(2)}"
    yield from _YEAR.findall(text)


def _month(name: str) -> str:
    return next(
        f"{number:02}" for number, full in enumerate(_MONTH_NAMES.split(), start=1) if full.startswith(name.lower())
    )
