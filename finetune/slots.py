"""Slots: what fills the blanks of a phrasing. A slot's value has two faces: the question's words and the request's.

A slot is written as a specification, `name` or `name:argument`; `Slots.fill` draws a value for it. Entities come from
the snapshot, fields and enumerated values from the catalogue, so that no pair speaks of anything that does not exist.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune.entities import Entities
from finetune.fields import FieldSampler
from finetune.numerals import number_words

GROUPS = {
    "genes": "gene", "drugs": "drug", "rsids": "rsid", "diseases": "disease", "mondos": "mondo", "entrezs": "entrez",
    "inchikeys": "inchikey", "hgvss": "hgvs", "ensembls": "ensembl", "uniprots": "uniprot", "chembls": "chembl",
    "omims": "omim", "doids": "doid", "orphanets": "orphanet", "cuis": "umls", "hps": "hp", "targets": "target",
    "drugbanks": "drugbank", "cids": "cid", "chebis": "chebi",
}  # fmt: skip

SPECIES_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # canonical name: (adjectives before a gene, nouns after "in")
    "human": (("human", "Homo sapiens", "H. sapiens"), ("human", "humans", "Homo sapiens", "man", "people")),
    "mouse": (("mouse", "murine", "Mus musculus"), ("mouse", "mice", "Mus musculus", "the mouse", "murine cells")),
    "rat": (("rat", "Rattus norvegicus"), ("rat", "rats", "the rat", "Rattus norvegicus")),
    "zebrafish": (("zebrafish", "Danio rerio"), ("zebrafish", "Danio rerio", "the zebrafish")),
    "fruitfly": (("fruit fly", "fly", "Drosophila"), ("fruit fly", "Drosophila", "flies", "Drosophila melanogaster")),
    "nematode": (("C. elegans", "worm", "nematode"), ("C. elegans", "worms", "Caenorhabditis elegans", "nematodes")),
    "frog": (("frog", "Xenopus"), ("frog", "Xenopus", "frogs", "Xenopus tropicalis")),
    "pig": (("pig", "porcine", "Sus scrofa"), ("pig", "pigs", "swine", "Sus scrofa")),
    "thale-cress": (("Arabidopsis", "thale cress"), ("Arabidopsis", "Arabidopsis thaliana", "thale cress")),
}
_SPECIES_WEIGHTS = (30, 32, 10, 6, 6, 5, 3, 4, 4)

COMPARATORS: dict[str, tuple[str, ...]] = {
    ">": (
        "above {}", "greater than {}", "over {}", "more than {}", "higher than {}", "> {}", ">{}", "exceeding {}",
        "bigger than {}",
    ),
    ">=": (
        "at least {}", "of {} or more", "no less than {}", ">= {}", "≥ {}", ">={}", "{} or higher", "from {} up", "{}+",
    ),
    "<": ("below {}", "less than {}", "under {}", "lower than {}", "< {}", "<{}", "smaller than {}"),
    "<=": ("at most {}", "of {} or less", "no more than {}", "<= {}", "≤ {}", "up to {}", "not above {}"),
}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """One drawn value: `text` as people say it, `line` as a request has it (not yet escaped), `items` of a list."""

    text: str
    line: str
    items: tuple[str, ...] = ()
    #: The line is Lucene syntax already (a comparison, a range), so that it must not be quoted.
    syntax: bool = False


class Slots:
    """Draws values for slot specifications."""

    def __init__(self, api: str, rng: random.Random, entities: Entities, fields: FieldSampler) -> None:
        self.api, self.rng, self.entities, self.fields = api, rng, entities, fields
        self._makers: dict[str, Callable[[str], Value]] = {
            "number": self._number, "count": self._count, "cmp": self._comparison, "between": self._between,
            "percent": self._percent, "year": lambda _: self._plain(str(rng.randint(1940, 2024))),
            "chromosome": self._chromosome, "interval": self._interval, "species": self._species,
            "fields": self._fields, "field": lambda _: self._fields("1"), "numfield": self._numeric_field,
            "facet": self._facet, "enum": self._enum, "where": self._where, "choice": self._choice,
        }  # fmt: skip

    def fill(self, specification: str) -> Value:
        """Draw a value for `name` or `name:argument`."""
        name, _, argument = specification.partition(":")
        if name in self._makers:
            return self._makers[name](argument)
        if name in GROUPS:
            low, _, high = (argument or "2-4").partition("-")
            return self._group(GROUPS[name], self.rng.randint(int(low), int(high or low)))
        return self._entity(name)

    def _plain(self, text: str) -> Value:
        return Value(text, text)

    def _entity(self, kind: str) -> Value:
        value = self.entities.draw(kind, self.rng)
        if kind in ("gene", "alias", "vgene", "target") and self.rng.random() < 0.12:
            # People type symbols in lower case; the request keeps what they typed.
            value = value.lower()
        elif kind in ("disease", "drug", "phenotype", "condition"):
            value = value.lower() if value.isupper() and len(value) > 5 and self.rng.random() < 0.8 else value
        elif kind == "mondo" and self.rng.random() < 0.06:
            # An `_id` is sought exactly as it is written, which people need not know.
            return Value(value.lower(), value)
        return self._plain(value)

    def _group(self, kind: str, count: int) -> Value:
        values = [item for item in dict.fromkeys(self._entity(kind).line for _ in range(count + 2)) if "," not in item][
            :count
        ]
        return Value(self._listing(values), " OR ".join(values), tuple(values))

    def _listing(self, values: Sequence[str]) -> str:
        """Join as people do: "A, B and C", "A, B, C", "A and B", "A B C", "A or B"."""
        if len(values) == 1:
            return values[0]
        style = self.rng.random()
        if style < 0.6:
            return ", ".join(values[:-1]) + f" and {values[-1]}"
        if style < 0.7:
            return ", ".join(values[:-1]) + f", and {values[-1]}"
        if style < 0.9 or any(" " in value for value in values):
            return ", ".join(values)
        return (" " if style < 0.95 else " / ").join(values)

    def _number(self, argument: str) -> Value:
        text = self._draw_number(argument or "1-100")
        return self._plain(text)

    def _draw_number(self, argument: str) -> str:
        """Draw from `low-high`, or `low-high:step` with decimals as the step has them; `e` draws small frequencies."""
        if argument == "frequency":
            return self.rng.choice(
                (
                    "0.5",
                    "0.1",
                    "0.05",
                    "0.01",
                    "0.02",
                    "0.001",
                    "0.005",
                    "0.0001",
                    "0.25",
                    "0.3",
                    "0.00001",
                    "1e-4",
                    "1e-5",
                )
            )
        span, _, step = argument.partition(":")
        low, high = (float(part) for part in span.split("-"))
        size = float(step or 1)
        decimals = len(step.partition(".")[2])
        return f"{low + size * self.rng.randint(0, int((high - low) / size)):.{decimals}f}"

    def _count(self, argument: str) -> Value:
        low, _, high = (argument or "1-50").partition("-")
        number = self.rng.choice(
            (
                1,
                2,
                3,
                4,
                5,
                5,
                6,
                7,
                8,
                10,
                10,
                12,
                15,
                20,
                20,
                25,
                30,
                40,
                50,
                100,
                100,
                200,
                500,
                self.rng.randint(2, 60),
            )
        )
        number = min(max(number, int(low)), int(high))
        words = number_words(number)
        return Value(words if words and self.rng.random() < 0.3 else str(number), str(number))

    def _comparison(self, argument: str) -> Value:
        sign = self.rng.choice((">", ">", ">=", "<", "<", "<="))
        if argument[:1] in "<>" and argument:
            sign, _, argument = argument.partition(" ")
        number = self._draw_number(argument or "1-100")
        return Value(self.rng.choice(COMPARATORS[sign]).format(number), f"{sign}{number}", syntax=True)

    def _between(self, argument: str) -> Value:
        low, high = sorted((self._draw_number(argument or "1-100") for _ in range(2)), key=float)
        form = self.rng.choice(("between {} and {}", "from {} to {}", "{} to {}", "{}-{}", "in the range {} to {}"))
        return Value(form.format(low, high), f"[{low} TO {high}]", syntax=True)

    def _percent(self, argument: str) -> Value:
        """A comparison said in per cent, stored as a fraction."""
        said, fraction = self.rng.choice(
            (
                ("1", "0.01"),
                ("5", "0.05"),
                ("0.1", "0.001"),
                ("10", "0.1"),
                ("2", "0.02"),
                ("0.5", "0.005"),
                ("20", "0.2"),
                ("50", "0.5"),
                ("0.01", "0.0001"),
            )
        )
        sign = argument or self.rng.choice(("<", ">", "<", "<=", ">="))
        words = self.rng.choice(COMPARATORS[sign]).format(
            said + self.rng.choice(("%", "%", " %", " percent", " per cent"))
        )
        return Value(words, f"{sign}{fraction}", syntax=True)

    def _chromosome(self, _: str) -> Value:
        name = self.rng.choice([str(number) for number in range(1, 23)] + ["X", "Y", "X"])
        return Value(self.rng.choice((f"chromosome {name}", f"chr{name}", f"chr {name}", f"chromosome {name}")), name)

    def _interval(self, argument: str) -> Value:
        """A stretch of a chromosome; the line is `chr7:55000000-55300000`."""
        name = self.rng.choice([str(number) for number in range(1, 23)] + ["X"])
        if argument == "mega" or self.rng.random() < 0.4:
            start = self.rng.randint(1, 1200) / 10
            end = start + self.rng.choice((0.1, 0.2, 0.5, 1, 1, 2, 5))
            unit = self.rng.choice((" Mb", "Mb", " megabases", "M", " mb"))
            low, high = f"{start:g}", f"{end:.4g}"
            place = self.rng.choice((f"chromosome {name}", f"chr{name}", f"chr {name}"))
            form = self.rng.choice(
                (
                    "{p} between {a}{u} and {b}{u}",
                    "{p} from {a}{u} to {b}{u}",
                    "{p}, {a}-{b}{u}",
                    "{p}:{a}-{b}{u}",
                    "{p} {a} to {b}{u}",
                    "the region {a}-{b}{u} of {p}",
                )
            )
            text = form.format(p=place, a=low, b=high, u=unit)
            return Value(text, f"chr{name}:{round(float(low) * 1e6)}-{round(float(high) * 1e6)}", syntax=True)
        start_base = self.rng.randint(100, 150_000) * self.rng.choice((1000, 1000, 997))
        end_base = start_base + self.rng.choice((100, 1000, 20_000, 50_000, 100_000, 300_000, 1_000_000))
        first, last = (
            (f"{start_base:,}", f"{end_base:,}") if self.rng.random() < 0.4 else (str(start_base), str(end_base))
        )
        form = self.rng.choice(
            (
                "chr{c}:{a}-{b}",
                "chr{c}:{a}-{b}",
                "chr{c}:{a}-{b}",
                "{c}:{a}-{b}",
                "chromosome {c} from {a} to {b}",
                "chromosome {c} between {a} and {b}",
                "chr{c} {a}-{b}",
                "position {a}-{b} on chromosome {c}",
            )
        )
        return Value(form.format(c=name, a=first, b=last), f"chr{name}:{start_base}-{end_base}", syntax=True)

    def _species(self, _: str) -> Value:
        name = self.rng.choices(tuple(SPECIES_WORDS), weights=_SPECIES_WEIGHTS)[0]
        return Value(self.rng.choice(SPECIES_WORDS[name][1]), name)

    def _fields(self, argument: str) -> Value:
        low, _, high = (argument or "1-3").partition("-")
        count = self.rng.randint(int(low), int(high or low))
        chosen = self.fields.draw(self.rng, count)
        return Value(
            self._listing([phrase for phrase, _ in chosen]),
            ",".join(path for _, path in chosen),
            tuple(path for _, path in chosen),
            syntax=True,
        )

    def _numeric_field(self, _: str) -> Value:
        phrase, path = self.fields.draw_numeric(self.rng)
        return Value(phrase, path, syntax=True)

    def _facet(self, _: str) -> Value:
        phrase, path = self.fields.draw_facet(self.rng)
        return Value(phrase, path, syntax=True)

    def _enum(self, path: str) -> Value:
        text, value = self.fields.draw_enumerated(path, self.rng)
        return Value(text, value)

    def _choice(self, argument: str) -> Value:
        """One of `words=value|words=value|same`."""
        text, separator, line = self.rng.choice(argument.split("|")).partition("=")
        return Value(text.strip(), line.strip() if separator else text.strip(), syntax=bool(separator))

    def _where(self, _: str) -> Value:
        """A whole condition on any searchable field: its words and its clause."""
        text, clause = self.fields.draw_condition(self.rng, self)
        return Value(text, clause, syntax=True)
