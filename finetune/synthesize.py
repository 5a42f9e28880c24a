"""Synthesised training pairs: phrasings filled with real entities and fields, varied in register.

Every request passes `Query.check`; what does not is reported, since it is a fault of a phrasing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from finetune.entities import load_entities
from finetune.fields import FieldSampler
from finetune.followups import PRONOUNS, follow_up, leave_out
from finetune.pairs import Pair, PastFailure, PastTurn
from finetune.phrasing import Family, Filling, group_by_api, load_phrasings
from finetune.register import rephrase, vary
from finetune.repairs import break_request
from finetune.slots import Slots
from finetune.split import phrasing_id
from tools.apis import API_NAMES
from tools.errors import QueryError
from tools.query import Query

#: How often each is drawn, relative to the others: questions of one turn by API, refusals, follow-ups and repairs.
SHARES = {
    "mygene": 0.17,
    "myvariant": 0.17,
    "mychem": 0.15,
    "mydisease": 0.14,
    "none": 0.12,
    "follow-up": 0.20,
    "repair": 0.03,
}
#: Shares of the follow-ups: another question about the same entity, and what is no question to a database.
ABOUT_THE_SAME = 0.35
REFUSED = 0.08
#: Few requests have a story of a failure; without further tries repairs would be far fewer than they are drawn.
REPAIR_TRIES = 12
#: Refusals that behind an answered question would be a request for more of it.
_NO_FOLLOW_UP = "refusals/no-content"
#: Share of the questions whose sentence is turned.
REPHRASED = 0.4


class Synthesizer:
    """Makes pairs; the same seed makes the same pairs."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        phrasings, entities = load_phrasings(), load_entities()
        self._groups = group_by_api(phrasings.families)
        self._slots = {
            api: Slots(api, self._rng, entities, FieldSampler(api, phrasings.fields.get(api, {}))) for api in API_NAMES
        }
        #: Faulty fillings by family, with the first fault: a phrasing to mend.
        self.faults: dict[str, str] = {}
        self.faulty: Counter[str] = Counter()

    def pairs(self, count: int) -> Iterator[Pair]:
        """Yield `count` pairs, no question twice."""
        seen: set[tuple[str, ...]] = set()
        kinds = list(SHARES)
        weights = list(SHARES.values())
        made = tries = 0
        while made < count and tries < 20 * count:
            tries += 1
            kind = self._rng.choices(kinds, weights)[0]
            pair = self._make(kind)
            key = (
                (pair.question, *(turn.question for turn in pair.history), *(f.request for f in pair.failures))
                if pair
                else ()
            )
            if pair is None or key in seen:
                continue
            seen.add(key)
            made += 1
            yield pair

    def _make(self, kind: str) -> Pair | None:
        if kind in self._groups:
            return self._fill(self._choose(kind))
        if kind == "follow-up" and self._rng.random() < ABOUT_THE_SAME:
            return self._ask_again(self._rng.choice(API_NAMES))
        if kind == "repair":
            return next((pair for _ in range(REPAIR_TRIES) if (pair := self._mend()) is not None), None)
        base = self._fill(self._choose(self._rng.choice(API_NAMES)))
        if base is None:
            return None
        if base.history:
            return base
        if kind == "follow-up" and self._rng.random() < REFUSED:
            refused = self._fill(self._choose("none"))
            if refused is None or refused.family.startswith(_NO_FOLLOW_UP):
                return None
            turn = PastTurn(question=base.question, request=base.request)
            return refused.model_copy(update={"history": [turn]})
        return follow_up(base, self._slots[Query.parse(base.request).api], self._rng)

    def _mend(self) -> Pair | None:
        """Make a request that failed, with its error and the request that mends it."""
        base = self._fill(self._choose(self._rng.choice(API_NAMES)))
        if base is None or base.history:
            return None
        broken = break_request(Query.parse(base.request), base.question, self._rng)
        if broken is None:
            return None
        failed, error, mended = broken
        return base.model_copy(update={"failures": [PastFailure(request=failed, error=error)], "request": mended})

    def _ask_again(self, api: str) -> Pair | None:
        """Ask twice about one entity, which the second question does not name again."""
        first = self._choose(api)
        entities = first.entity_slots(PRONOUNS)
        if first.turns or len(entities) != 1:
            return None
        ((slot, kind),) = entities.items()
        begun = Filling(first, self._slots[api], self._rng)
        base = self._write(begun)
        second = self._choose(api)
        others = [name for name, other in second.entity_slots(PRONOUNS).items() if other == kind]
        if base is None or second.turns or len(others) != 1 or len(second.entity_slots(PRONOUNS)) != 1:
            return None
        value = begun.value(slot)
        filling = Filling(second, self._slots[api], self._rng, {others[0]: value})
        if second.species != "never":
            filling.species = begun.species
        made = self._write(filling)
        question = made and leave_out(made.question, value.text, kind, self._rng)
        if made is None or not question or made.request == base.request:
            return None
        turn = PastTurn(question=base.question, request=base.request)
        return made.model_copy(
            update={"question": question, "history": [turn], "family": f"follow-up/same {made.family}"}
        )

    def _choose(self, group: str) -> Family:
        families = self._groups[group]
        return self._rng.choices(families, [family.weight for family in families])[0]

    def _fill(self, family: Family) -> Pair | None:
        return self._write(Filling(family, self._slots[family.api or "mygene"], self._rng))

    def _write(self, filling: Filling) -> Pair | None:
        family = filling.family
        turns: list[PastTurn] = []
        used: list[str] = []
        for turn in family.all_turns:
            template = self._rng.choice(turn.ask)
            used.append(phrasing_id(template))
            try:
                # A later turn leans on the one before, and is no sentence of its own.
                if not turns and turn.request != "none" and self._rng.random() < REPHRASED:
                    template = rephrase(template, self._rng)
                question = filling.ask(template)
                request = filling.request(turn.request)
                if request != "none":
                    request = Query.parse(request).check().line
            except (QueryError, KeyError, ValueError) as error:
                self.faulty[family.family] += 1
                self.faults.setdefault(family.family, f"{type(error).__name__}: {error}")
                return None
            turns.append(PastTurn(question=vary(question, filling.protected, self._rng), request=request))
        last = self._rng.randint(1, len(turns) - 1) if len(turns) > 1 else 0
        return Pair(
            question=turns[last].question,
            request=turns[last].request,
            history=turns[:last],
            family=f"{family.family}#{'+'.join(used[: last + 1])}",
        )
