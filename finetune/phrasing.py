"""Phrasings: hand-written ways to ask for one form of request, with blanks; and how a blank pair is filled.

They stand in `finetune/phrasings/*.yaml`, a list of families each:

    - family: fields-of-symbol          # unique within the file
      api: mygene
      weight: 6                         # how often, relative to the others
      slots: {f: "fields:1-3"}          # names -> slot specifications; a name that is a slot itself needs no entry
      species: optional                 # {sp} and {in} may hold a species; the request then gets species=
      request: "/v3/query?q=symbol:{gene}&fields={f}"
      ask:
        - "what {f} does {sp}{gene} have{in}?"

In the request, `{gene}` is written as Lucene wants it (several words quoted, special characters escaped), `{gene!raw}`
as it is, `{genes!csv}` as a comma-separated list. `request: none` makes a refusal. A family with `turns` (a list of
`{request, ask}`) is a conversation: each turn after the first becomes a pair whose history is the turns before.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container, Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from finetune.fields import quote_value
from finetune.slots import SPECIES_WORDS, Slots, Value

_SLOT = re.compile(r"\{([a-z_]+\d*)(?:!(raw|csv|or))?\}")
_OPTIONAL_SPECIES = 0.3
FOLDER = Path(__file__).parent / "phrasings"


class Turn(BaseModel):
    """One question form of a conversation: its request and the ways to ask for it."""

    model_config = ConfigDict(extra="forbid")

    request: str
    ask: list[str] = Field(min_length=1)


class Family(BaseModel):
    """A family of phrasings: one form of request, many ways to ask."""

    model_config = ConfigDict(extra="forbid")

    family: str
    api: str | None = None
    weight: float = 1
    slots: dict[str, str] = {}
    species: str = "never"
    request: str | None = None
    ask: list[str] = []
    turns: list[Turn] = []

    @model_validator(mode="after")
    def _one_or_many_turns(self) -> Family:
        if bool(self.turns) == bool(self.ask):
            raise ValueError(f"{self.family}: give `request` and `ask`, or `turns`")
        if self.ask and self.request is None:
            raise ValueError(f"{self.family}: `request` is missing")
        if self.species not in ("never", "optional", "always"):
            raise ValueError(f"{self.family}: species is never, optional or always")
        if self.request != "none" and self.api is None and not self.turns:
            raise ValueError(f"{self.family}: `api` is missing")
        return self

    def entity_slots(self, kinds: Container[str]) -> dict[str, str]:
        """Return the slots that hold one entity of these kinds, with the kind."""
        used = {
            name for turn in self.all_turns for text in (turn.request, *turn.ask) for name, _ in _SLOT.findall(text)
        }
        specified = {name: self.slots.get(name, name.rstrip("0123456789")) for name in used}
        return {name: kind for name, kind in specified.items() if kind in kinds}

    @property
    def all_turns(self) -> list[Turn]:
        """The turns; a single question is one."""
        return self.turns or [Turn(request=self.request or "none", ask=self.ask)]


class Phrasings(BaseModel):
    """One file: words for fields, and families."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[str, dict[str, list[str]]] = {}
    families: list[Family] = []


@cache
def load_phrasings(folder: Path = FOLDER) -> Phrasings:
    """Read all phrasing files as one.

    Raises:
        ValueError: a family is malformed or its name is used twice.
    """
    whole = Phrasings()
    seen: set[str] = set()
    for path in sorted(folder.glob("*.yaml")):
        part = Phrasings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        for api, phrases in part.fields.items():
            whole.fields.setdefault(api, {}).update(phrases)
        for family in part.families:
            name = f"{path.stem}/{family.family}"
            if name in seen:
                raise ValueError(f"{name} stands twice")
            seen.add(name)
            whole.families.append(family.model_copy(update={"family": name}))
    return whole


class Filling:
    """Fills the blanks of one family once: the same slot has the same value in all its turns."""

    def __init__(
        self, family: Family, slots: Slots, rng: random.Random, given: Mapping[str, Value] | None = None
    ) -> None:
        """`given` are the values that some slots have already."""
        self.family, self._slots, self._rng = family, slots, rng
        self._values: dict[str, Value] = dict(given or {})
        self.protected: set[str] = set()
        speaks = family.species == "always" or (family.species == "optional" and rng.random() < _OPTIONAL_SPECIES)
        self.species = slots.fill("species").line if speaks else None

    def value(self, name: str) -> Value:
        """Return the value of a slot, drawn at its first use."""
        if name not in self._values:
            self._values[name] = self._slots.fill(self.family.slots.get(name, name.rstrip("0123456789")))
        return self._values[name]

    def ask(self, template: str) -> str:
        """Fill a question."""
        adjective, place = self._species_words(template)
        template = template.replace("{sp}", adjective).replace("{in}", place)

        def put(match: re.Match[str]) -> str:
            value = self.value(match[1])
            # A register may not change what the request must quote.
            self.protected.update(
                re.findall(r"\S+", " ".join((value.line, *value.items)) if not value.syntax else value.text)
            )
            return value.text

        return re.sub(r"\s+", " ", _SLOT.sub(put, template)).strip()

    def request(self, template: str) -> str:
        """Fill a request; its API's name comes first, a stated species is added."""
        if template == "none":
            return template
        line = _SLOT.sub(lambda match: self._write(match[1], match[2]), template)
        if self.species:
            line += f"{'&' if '?' in line else '?'}species={self.species}"
        return f"{self.family.api} {line}"

    def _write(self, name: str, form: str | None) -> str:
        value = self.value(name)
        if form == "csv":
            return ",".join(value.items)
        if form == "raw" or value.syntax:
            return _percent(value.line)
        if value.items:
            return _percent(" OR ".join(quote_value(item) for item in value.items))
        return _percent(quote_value(value.line))

    def _species_words(self, template: str) -> tuple[str, str]:
        """Words for {sp} (before a noun) and {in} (behind); one of them says the species."""
        if self.species is None:
            return "", ""
        adjectives, nouns = SPECIES_WORDS[self.species]
        adjective, noun = self._rng.choice(adjectives), self._rng.choice(nouns)
        if "{sp}" in template and ("{in}" not in template or self._rng.random() < 0.5):
            return f"{adjective} ", ""
        return "", self._rng.choice((f" in {noun}", f" in {noun}", f" ({noun})", f" for {noun}", f", {noun}"))


def _percent(text: str) -> str:
    for character in "%&+#":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def group_by_api(families: list[Family]) -> Mapping[str, list[Family]]:
    """Sort families by the API that they ask; refusals stand under `none`."""
    groups: dict[str, list[Family]] = {}
    for family in families:
        groups.setdefault(family.api or "none", []).append(family)
    return groups
