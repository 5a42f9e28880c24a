"""The changes that a later turn can make: what each kind does to the request before, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Callable

from finetune.fields import quote_value
from finetune.numerals import number_words
from finetune.phrasing import Filling, load_phrasings
from finetune.register import rephrase
from finetune.slots import COMPARATORS, SPECIES_WORDS
from finetune.split import phrasing_id
from finetune.talk import (
    DATA,
    INTERVAL,
    NAMES_ENTITY,
    PRONOUNS,
    SAY,
    Step,
    Talk,
    find_entities,
    find_entity,
    finds_many,
    join_clauses,
    lists_many,
    replace_entity,
    slots_of,
    take_apart,
    with_params,
    without_params,
)
from tools.apis import API_NAMES
from tools.errors import QueryError
from tools.query import Query

_GET_KINDS = {"myvariant": "hgvs", "mychem": "inchikey", "mydisease": "mondo"}
#: The kinds under which `about` has questions.
_ABOUT = {"gene": "gene", "vgene": "gene", "target": "gene", "drug": "drug", "disease": "disease",
          "condition": "disease", "rsid": "rsid"}  # fmt: skip
#: Kinds that one name could mean both; of two such in a request nobody knows which one is to be swapped.
_SORTS = {"vgene": "gene", "target": "gene", "condition": "disease", "hp": "disease"}
#: How people swap what stands in a condition, by its kind.
_SWAPS_WITHIN = {
    "vgene": "swap_in", "gene": "swap_in", "condition": "swap_with", "disease": "swap_with", "hp": "swap_with",
}  # fmt: skip
#: What the next step in a hierarchy is, and all steps.
_ALL_LEVELS = {
    "mondo.parents": "mondo.ancestors", "mondo.children": "mondo.descendants",
    "disease_ontology.parents": "disease_ontology.ancestors",
    "disease_ontology.children": "disease_ontology.descendants",
    "chebi.parents": "chebi.ancestors", "chebi.children": "chebi.descendants",
}  # fmt: skip
#: Parameters that say which of the hits are shown, and how.
_PAGE = ("sort", "size", "from", "facets", "facet_size")
_OF_SPECIES = re.compile(r"symbol:|name:|go\.|pathway|ensembl|summary|type_of_gene|interpro|pfam|chr\w+:")

Maker = Callable[[Talk], Step | None]


# Another entity.


def _swap(talk: Talk) -> Step | None:
    if talk.query.kind == "get":
        identifier = talk.query.ids[0]
        kind = _GET_KINDS.get(talk.query.api) or ("entrez" if identifier.isdigit() else "ensembl")
        value = talk.slots.fill(kind)
        return talk.step("swap", talk.query.model_copy(update={"ids": (value.line,)}), e=value.text)
    entities = find_entities(talk.query)
    if not entities or len({_SORTS.get(entity.kind, entity.kind) for entity in entities}) < len(entities):
        return None
    entity = talk.rng.choice(entities)
    value = talk.slots.fill(entity.kind)
    query = without_params(replace_entity(talk.query, entity, quote_value(value.line)), "from")
    said = _SWAPS_WITHIN.get(entity.kind, "swap") if finds_many(query) and talk.rng.random() < 0.5 else "swap"
    return talk.step(said, query, e=value.text)


def _correction(talk: Talk) -> Step | None:
    """Swap the entity, and say which one was wrong."""
    entity = find_entity(talk.query)
    if entity is None:
        return None
    value = talk.slots.fill(entity.kind)
    query = without_params(replace_entity(talk.query, entity, quote_value(value.line)), "from")
    return talk.step("correction", query, e=value.text, o=entity.value)


def _together(talk: Talk) -> Step | None:
    """Ask for two of a kind at once."""
    entity = find_entity(talk.query)
    if entity is None or entity.kind in ("condition", "hp", "go_bp", "pathway"):
        return None
    value = talk.slots.fill(entity.kind)
    if value.line.lower() == entity.value.lower():
        return None
    query = replace_entity(talk.query, entity, f"({quote_value(entity.value)} OR {quote_value(value.line)})")
    return talk.step("together", without_params(query, "from"), e=value.text, o=entity.value)


def _species(talk: Talk) -> Step | None:
    query = talk.query
    if query.api != "mygene" or query.kind != "query" or not _OF_SPECIES.search(query.q or ""):
        return None
    name = talk.slots.fill("species").line
    if query.params.get("species") == name:
        return None
    adjectives, nouns = SPECIES_WORDS[name]
    return talk.step(
        "species", with_params(query, species=name), s=talk.rng.choice(nouns), a=talk.rng.choice(adjectives)
    )


def _any_species(talk: Talk) -> Step | None:
    return talk.step("any_species", without_params(talk.query, "species")) if "species" in talk.query.params else None


def _assembly(talk: Talk) -> Step | None:
    query = talk.query
    if query.api == "mygene":
        return _gene_assembly(talk)
    if query.api != "myvariant" or query.kind == "fields":
        return None
    name = talk.rng.choice(("hg38", "hg38", "hg19"))
    return None if query.params.get("assembly") == name else talk.step(name, with_params(query, assembly=name))


def _gene_assembly(talk: Talk) -> Step | None:
    """Turn to the positions on hg19, which are fields of their own in mygene, or back."""
    query = talk.query
    if query.fields in (("genomic_pos",), ("genomic_pos_hg19",)):
        old = query.fields == ("genomic_pos_hg19",)
        fields = ("genomic_pos" if old else "genomic_pos_hg19",)
        return talk.step("hg38" if old else "hg19", query.model_copy(update={"fields": fields}))
    if not INTERVAL.match(query.q or ""):
        return None
    q = query.q or ""
    old = q.startswith("hg19.")
    changed = query.model_copy(update={"q": q.removeprefix("hg19.") if old else f"hg19.{q}"})
    return talk.step("hg38" if old else "hg19", without_params(changed, "from"))


# Other fields.


def _fields(talk: Talk) -> Step | None:
    query = talk.query
    simple = re.fullmatch(r"[\w.\-]+:(\"[^\"]+\"|\S+)", query.q or "")
    if query.kind == "fields" or "facets" in query.params or not (query.fields or simple):
        return None
    value = talk.slots.fill("fields:1-2")
    return talk.step("fields", query.model_copy(update={"fields": value.items}), f=value.text)


def _also(talk: Talk) -> Step | None:
    value = talk.slots.fill(talk.rng.choice(("fields:1-1", "fields:1-1", "fields:2-2")))
    fields = talk.query.fields
    if not fields or any(new.startswith(path) or path.startswith(new) for path in fields for new in value.items):
        return None
    return talk.step("also", talk.query.model_copy(update={"fields": (*fields, *value.items)}), f=value.text)


def _both(talk: Talk) -> Step | None:
    """Ask for the field before and the one before that together, of the same entity or of another."""
    query, past = talk.query, talk.past[-1] if talk.past else None
    if past is None or (past.api, past.kind, past.q, past.ids) != (query.api, query.kind, query.q, query.ids):
        return None
    if len(past.fields) != 1 or len(query.fields) != 1 or past.fields == query.fields:
        return None
    together = query.model_copy(update={"fields": (*past.fields, *query.fields)})
    entity = find_entity(query)
    if entity is None or talk.rng.random() < 0.4:
        return talk.step("both", together)
    value = talk.slots.fill(entity.kind)
    return talk.step("both_of", replace_entity(together, entity, quote_value(value.line)), e=value.text)


def _levels(talk: Talk) -> Step | None:
    """Ask for all levels of a hierarchy rather than for the next one, or the other way round."""
    query = talk.query
    pairs = [*_ALL_LEVELS.items(), *((every, one) for one, every in _ALL_LEVELS.items())]
    for old, new in pairs:
        deep, down = old in _ALL_LEVELS, old.endswith(("children", "descendants"))
        if query.fields == (old,):
            said = ("all_below" if down else "all_above") if deep else ("direct_below" if down else "direct_above")
            return talk.step(said, query.model_copy(update={"fields": (new,)}))
        if query.q and query.q.count(f"{old}:") == 1 and not old.endswith(("children", "descendants")):
            changed = query.model_copy(update={"q": query.q.replace(f"{old}:", f"{new}:")})
            return talk.step("all_below" if deep else "direct_below", without_params(changed, "from"))
    return None


def _less(talk: Talk) -> Step | None:
    """Leave one of several fields out, or keep only one."""
    fields = talk.query.fields
    if len(fields) < 2:
        return None
    path = talk.rng.choice(fields)
    words = talk.words(path)
    keep = talk.rng.random() < 0.4
    left = tuple(field for field in fields if (field == path) == keep)
    query = talk.query.model_copy(update={"fields": left})
    return talk.step("only_field" if keep else "less", query, f=words) if words else None


def _whole(talk: Talk) -> Step | None:
    """Ask for the document: what an API returns where no field is named, except in searches of mygene."""
    query = talk.query
    if not query.fields or finds_many(query) or (query.api == "mygene" and query.kind != "get"):
        return None
    return talk.step("whole", query.model_copy(update={"fields": ()}))


def _aspect(talk: Talk) -> Step | None:
    """Ask about the same entity from quite another side."""
    query = talk.query
    clauses = take_apart(query)
    one = clauses is not None and len(clauses) == 1 and NAMES_ENTITY.match(clauses[0]) and "(" not in clauses[0]
    if query.kind != "get" and not one:
        return None
    path, asks = talk.rng.choice(list(DATA["aspects"][query.api].items()))
    entity = find_entity(query)
    question = talk.rng.choice(asks)
    names = [name for name in PRONOUNS.get(entity.kind if entity else "", ()) if name != "it"]
    if names and talk.rng.random() < 0.25:
        question = re.sub(r"\bit\b", talk.rng.choice(names), question, count=1)
    return Step(question, without_params(query, *_PAGE).model_copy(update={"fields": (path,)}))


def _elsewhere(talk: Talk) -> Step | None:
    """Ask another API about the entity."""
    entity = find_entity(talk.query)
    if entity is None or entity.kind not in _ABOUT or talk.query.params.get("species", "human") != "human":
        return None
    name = entity.value
    if talk.rng.random() < 0.5:
        names = PRONOUNS.get(_ABOUT[entity.kind], ["it"])
        name = talk.rng.choice(names if NAMES_ENTITY.match(talk.query.q or "") else names[1:])
    return _ask_about(talk, _ABOUT[entity.kind], entity.value, name, {talk.query.api})


def _answer(talk: Talk) -> Step | None:
    """Ask about something that the answer named."""
    kinds = [DATA["answers"][path] for path in talk.query.fields if path in DATA["answers"]]
    if not kinds:
        return None
    value = talk.slots.fill(kinds[0])
    return _ask_about(talk, kinds[0], value.line, value.text, set())


def _ask_about(talk: Talk, kind: str, value: str, name: str, without: set[str]) -> Step | None:
    rows = [row for row in DATA["about"][kind] if row["to"].partition(" ")[0] not in without]
    row = talk.rng.choice(rows)
    query = Query.parse(row["to"])
    query = query.model_copy(update={"q": (query.q or "").replace("{e}", quote_value(value))})
    return Step(talk.rng.choice(row["ask"]).replace("{it}", name), query)


# Other conditions.


def _condition(talk: Talk) -> Step | None:
    value = talk.slots.fill("where")
    return _narrow(talk, "condition", value.line, w=value.text)


def _exclude(talk: Talk) -> Step | None:
    value = talk.slots.fill("where")
    return None if value.line.startswith("NOT") else _narrow(talk, "exclude", f"NOT {value.line}", w=value.text)


def _narrow(talk: Talk, kind: str, clause: str, **words: str) -> Step | None:
    clauses = take_apart(talk.query)
    # A second condition on the same field would hardly ever hold.
    plain = clause.removeprefix("NOT ")
    field = plain if plain.startswith("_exists_") else plain.partition(":")[0] + ":"
    if not finds_many(talk.query) or clauses is None or field in " ".join(clauses):
        return None
    return talk.step(kind, join_clauses(talk.query, [*clauses, clause]), **words)


def _having(talk: Talk) -> Step | None:
    """Require that something is known, or that it is not."""
    path, words = talk.rng.choice(list(DATA["having"][talk.query.api].items()))
    lacking = talk.rng.random() < 0.4
    clause = f"{'NOT ' if lacking else ''}_exists_:{path}"
    return _narrow(talk, "lacking" if lacking else "having", clause, v=talk.rng.choice(words))


def _word(talk: Talk) -> Step | None:
    """Require a word in the names, or allow none with it."""
    row = DATA["words"].get(talk.query.api)
    clauses = take_apart(talk.query)
    if row is None or clauses is None or not finds_many(talk.query):
        return None
    value = talk.rng.choice(row["values"])
    if any(quote_value(value).strip('"') in clause for clause in clauses):
        return None
    without = talk.rng.random() < 0.6
    clause = f"{'NOT ' if without else ''}{row['field']}:{quote_value(value)}"
    query = join_clauses(talk.query, [*clauses, clause])
    return talk.step("without_word" if without else "with_word", query, v=value, f=talk.rng.choice(row["called"]))


def _values(talk: Talk) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = DATA["values"][talk.query.api]
    return found


def _value(talk: Talk) -> Step | None:
    """Take another value of a field that the request asks for, or allow one more."""
    clauses = take_apart(talk.query) or []
    for at, clause in enumerate(clauses):
        field, _, old = clause.partition(":")
        values = _values(talk).get(field, {})
        known = {quote_value(value): words for value, words in values.items()}
        others = [value for value in known if value != old]
        if old not in known or not others:
            continue
        value = talk.rng.choice(others)
        more = talk.rng.random() < 0.3
        changed = f"{field}:({old} OR {value})" if more else f"{field}:{value}"
        query = join_clauses(talk.query, [*clauses[:at], changed, *clauses[at + 1 :]])
        if not more and talk.rng.random() < 0.3:
            words, before = talk.rng.choice(known[value]), talk.rng.choice(known[old])
            return talk.step("correct_value", query, v=words, o=before)
        return talk.step("alternative" if more else "value", query, v=talk.rng.choice(known[value]))
    return None


def _only(talk: Talk) -> Step | None:
    """Keep those of one value, or leave them out."""
    field, values = talk.rng.choice(list(_values(talk).items()))
    value = talk.rng.choice(list(values))
    out = talk.rng.random() < 0.3
    clause = f"{'NOT ' if out else ''}{field}:{quote_value(value)}"
    return _narrow(talk, "except" if out else "only", clause, v=talk.rng.choice(values[value]))


def _negate(talk: Talk) -> Step | None:
    clauses = take_apart(talk.query)
    if clauses is None or len(clauses) < 2:
        return None
    last = clauses[-1]
    turned = last.removeprefix("NOT ") if last.startswith("NOT ") else f"NOT {last}"
    return talk.step("negate", join_clauses(talk.query, [*clauses[:-1], turned]))


def _lift(talk: Talk) -> Step | None:
    """Drop the last condition, all but the first, or one that is named by its field."""
    clauses = take_apart(talk.query)
    if clauses is None or len(clauses) < 2:
        return None
    kind = talk.rng.choice(("lift", "all", "regardless"))
    if kind == "all":
        return talk.step("all", join_clauses(talk.query, clauses[:1]))
    if kind == "lift":
        return talk.step("lift", join_clauses(talk.query, clauses[:-1]))
    at = talk.rng.randrange(1, len(clauses))
    match = re.match(r"(?:NOT )?(?:_exists_:)?([\w.\-]+)", clauses[at])
    words = match and talk.words(match[1])
    query = join_clauses(talk.query, [*clauses[:at], *clauses[at + 1 :]])
    return talk.step("regardless", query, f=words) if words else None


def _threshold(talk: Talk) -> Step | None:
    """Compare the same field with another number."""
    found = re.findall(r":([<>]=?)(\d[\d.]*)(?![\d.e-])", talk.query.q or "")
    if len(found) != 1 or not talk.query.q:
        return None
    sign, old = found[0]
    number, rng = float(old), talk.rng
    factor, shift = rng.choice((0.1, 0.5, 2, 3, 5, 10)), rng.choice((-20, -10, -5, 5, 10))
    other = number * factor if number < 1900 else number + shift
    text = f"{other:.6g}"
    if "e" in text or (number == int(number) and other != int(other)) or other == number:
        return None
    roll = rng.random()
    new = sign if roll < 0.75 else rng.choice((">", "<", ">=", "<="))
    q = talk.query.q.replace(f":{sign}{old}", f":{new}{text}")
    query = without_params(talk.query.model_copy(update={"q": q}), "from")
    if roll < 0.4:
        return talk.step("lower" if other < number else "higher", query, n=text, o=old)
    return talk.step("threshold", query, n=rng.choice(COMPARATORS[new]).format(text))


# How many, in what order, and which of them.


def _size(talk: Talk) -> Step | None:
    if not lists_many(talk.query):
        return None
    value = talk.slots.fill("count:2-100")
    return talk.step("size", with_params(talk.query, size=value.line), n=value.text)


def _shown(query: Query) -> tuple[int, int]:
    """Return how many hits a request shows, and behind how many others."""
    return int(query.params.get("size", "10")), int(query.params.get("from", "0"))


def _next(talk: Talk) -> Step | None:
    if not lists_many(talk.query):
        return None
    number = talk.rng.choice((5, 10, 20, 50, 100))
    said = number_words(number) if talk.rng.random() < 0.3 else str(number)
    query = with_params(talk.query, size=str(number), **{"from": str(sum(_shown(talk.query)))})
    return talk.step("next", query, n=said)


def _page(talk: Talk) -> Step | None:
    """Turn to the next page, the one before or the first."""
    if not lists_many(talk.query):
        return None
    size, start = _shown(talk.query)
    if not start or talk.rng.random() < 0.5:
        return talk.step("more", with_params(talk.query, **{"from": str(start + size)}))
    if start <= size or talk.rng.random() < 0.4:
        return talk.step("first" if start > size else "back", without_params(talk.query, "from"))
    return talk.step("back", with_params(talk.query, **{"from": str(start - size)}))


def _jump(talk: Talk) -> Step | None:
    """Turn to a page by its number, to hits by theirs, or past the first ones."""
    if not lists_many(talk.query):
        return None
    rng, (size, start) = talk.rng, _shown(talk.query)
    kind = rng.choice(("page", "hits", "skip"))
    if kind == "page":
        number = rng.randint(2, 6)
        query = with_params(talk.query, **{"from": str((number - 1) * size)})
        return talk.step("page", query, n=str(number)) if (number - 1) * size != start else None
    if kind == "skip":
        said = talk.slots.fill("count:5-200")
        return talk.step("skip", with_params(talk.query, **{"from": said.line}), n=said.text)
    count, before = rng.choice((10, 15, 20, 25, 50, 100)), rng.choice((1, 1, 2, 3, 4))
    query = with_params(talk.query, size=str(count), **{"from": str(count * before)})
    return talk.step("hits", query, a=str(count * before + 1), b=str(count * (before + 1)))


def _sort(talk: Talk) -> Step | None:
    """Sort, or keep those at the top only."""
    if not lists_many(talk.query):
        return None
    value = talk.slots.fill("numfield")
    down = talk.rng.random() < 0.6
    query = with_params(without_params(talk.query, "from"), sort=("-" if down else "") + value.line)
    if talk.rng.random() < 0.35:
        number = talk.slots.fill("count:2-50")
        return talk.step("top" if down else "bottom", with_params(query, size=number.line), n=number.text, f=value.text)
    return talk.step("sort_down" if down else "sort_up", query, f=value.text)


def _order(talk: Talk) -> Step | None:
    """Sort by what is no number: symbols and identifiers."""
    if not lists_many(talk.query):
        return None
    path, words = talk.rng.choice(list(DATA["order"][talk.query.api].items()))
    down = talk.rng.random() < 0.25
    query = with_params(without_params(talk.query, "from"), sort=("-" if down else "") + path)
    return talk.step("order_back" if down else "order", query, f=talk.rng.choice(words))


def _resort(talk: Talk) -> Step | None:
    """Turn the order round, or give it up."""
    sort = talk.query.params.get("sort", "")
    if not sort or "," in sort:
        return None
    if talk.rng.random() < 0.3:
        return talk.step("unsort", without_params(talk.query, "sort"))
    return talk.step("reverse", with_params(talk.query, sort=sort.removeprefix("-") if sort[0] == "-" else f"-{sort}"))


def _facet(talk: Talk) -> Step | None:
    if not finds_many(talk.query):
        return None
    value = talk.slots.fill("facet")
    query = with_params(without_params(talk.query, *_PAGE), facets=value.line)
    return talk.step("facet", query.model_copy(update={"fields": ()}), f=value.text)


def _unfacet(talk: Talk) -> Step | None:
    """List what was counted, or show more or fewer of the counts."""
    if "facets" not in talk.query.params:
        return None
    if talk.rng.random() < 0.5:
        return talk.step("list", without_params(talk.query, "facets", "facet_size"))
    number = talk.slots.fill("count:2-50")
    return talk.step("facet_size", with_params(talk.query, facet_size=number.line), n=number.text)


def _count(talk: Talk) -> Step | None:
    """Ask how many there are of what was shown in part."""
    query = talk.query
    if not lists_many(query) or query.fields or not {"size", "from"} & query.params.keys():
        return None
    return talk.step("count", without_params(query, *_PAGE))


# The conversation itself.


def _undo(talk: Talk) -> Step | None:
    return talk.step("undo", talk.past[-1]) if talk.past else None


def _fresh(talk: Talk) -> Step | None:
    """Ask something that has nothing to do with what was asked before."""
    api, rng = talk.rng.choice(API_NAMES), talk.rng
    families = [family for family in load_phrasings().families if family.api == api and not family.turns]
    family = rng.choices(families, [each.weight for each in families])[0]
    template = rng.choice(family.ask)
    filling = Filling(family, slots_of(api, talk.slots), rng)
    try:
        asked = filling.ask(rephrase(template, rng) if rng.random() < 0.3 else template)
        query = Query.parse(filling.request(family.request or ""))
    except (QueryError, KeyError, ValueError):
        return None
    return Step(rng.choice(SAY["aside"]) + asked, query, f"{family.family}#{phrasing_id(template)}")


#: How often each change comes, relative to the others; those that seldom fit have a higher number.
MAKERS: dict[Maker, float] = {
    _swap: 8, _correction: 4, _together: 3, _species: 3, _any_species: 3, _assembly: 4,
    _fields: 6, _also: 5, _both: 12, _levels: 30, _less: 3, _whole: 2, _aspect: 6, _elsewhere: 7, _answer: 12,
    _condition: 4, _exclude: 2, _value: 12, _only: 4, _having: 5, _word: 3, _negate: 3, _lift: 5, _threshold: 30,
    _size: 3, _next: 5, _page: 4, _jump: 3, _sort: 4, _order: 3, _resort: 8, _facet: 4, _unfacet: 8, _count: 8,
    _undo: 3, _fresh: 4,
}  # fmt: skip
