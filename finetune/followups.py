"""Follow-up questions: a second and third turn that change one thing of the request before, and say only that."""

from __future__ import annotations

import random
import re

from finetune.fields import quote_value
from finetune.numerals import number_words
from finetune.pairs import Pair, PastTurn
from finetune.slots import COMPARATORS, SPECIES_WORDS, Slots
from tools.errors import QueryError
from tools.query import Query

#: What a clause on these fields names, as a kind of entity: "and for X?" puts another in its place.
ENTITY_FIELDS = {
    "symbol": "gene", "ensembl.gene": "ensembl", "entrezgene": "entrez", "uniprot.Swiss-Prot": "uniprot",
    "dbsnp.rsid": "rsid", "clinvar.gene.symbol": "vgene", "dbsnp.gene.symbol": "vgene", "chembl.pref_name": "drug",
    "mondo.label": "disease", "gtopdb.interaction_targets.symbol": "target", "chembl.molecule_chembl_id": "chembl",
    "pathway.reactome.name": "pathway", "clinvar.rcv.conditions.name": "condition", "go.BP.term": "go_bp",
    "mondo.xrefs.omim": "omim",
}  # fmt: skip
_GET_KINDS = {"myvariant": "hgvs", "mychem": "inchikey", "mydisease": "mondo"}

SWAP = (
    "what about {e}?",
    "and {e}?",
    "and for {e}?",
    "same for {e}",
    "how about {e}?",
    "now {e}",
    "do the same for {e}",
    "and what about {e}",
    "the same question for {e}",
    "now the same with {e} please",
    "ok and {e}?",
    "what about {e} then",
    "could you repeat this for {e}?",
    "{e}?",
    "try {e} instead",
    "I meant {e}",
    "sorry, {e} I meant",
    "the same thing for {e}",
    "also for {e}?",
    "next: {e}",
    "{e} instead",
    "then {e}",
    "let's do {e} now",
    "once more for {e}",
    "now look at {e}",
    "please repeat with {e}",
    "no, {e}",
    "oh, I mean {e}",
    "and if it were {e}?",
    "does the same hold for {e}?",
    "switch to {e}",
    "replace it by {e}",
)
SPECIES = (
    "and in {s}?",
    "what about {s}?",
    "in {s}?",
    "and the {a} one?",
    "same in {s}",
    "now in {s}",
    "how about in {s}?",
    "now for {s}",
    "and for {s}",
    "in {s} instead",
    "the {a} one please",
    "and its {a} counterpart?",
    "only in {s}",
    "just {s}",
    "restrict this to {s}",
    "for {s} only",
    "what is it in {s}?",
    "the {a} version",
    "in {s} as well?",
    "what does it look like in {s}?",
    "{s}?",
    "{s} instead",
    "make that {s}",
    "and the {a} ortholog?",
    "same question for {s}",
    "limit it to {s}",
    "only {s} please",
    "{a} ones only",
)
FIELDS = (
    "and its {f}?",
    "what about the {f}?",
    "and the {f}?",
    "what is its {f}?",
    "now the {f}",
    "and {f}?",
    "show me the {f}",
    "I want the {f} instead",
    "how about {f}?",
    "what {f} does it have?",
    "now give me {f}",
    "could I see the {f}?",
    "and what about {f}?",
    "{f}?",
    "what are the {f} then",
    "{f} please",
    "its {f}",
    "their {f}",
    "what are their {f}?",
    "and their {f}?",
    "tell me the {f}",
    "which {f}?",
    "I also wonder about the {f}: what is it?",
    "what {f}?",
    "get the {f}",
    "list the {f}",
    "then the {f}?",
    "do you know the {f}?",
    "and in terms of {f}?",
)
ALSO = (
    "also show {f}",
    "add the {f}",
    "and also the {f}",
    "include {f} too",
    "plus {f}",
    "with {f} as well",
    "can you add {f}?",
    "please add the {f} too",
    "also give me {f}",
    "additionally {f}",
    "and {f} as well",
    "{f} too",
    "together with {f}",
    "I need the {f} as well",
    "add {f}",
    "append {f}",
    "on top of that the {f}",
    "and add the {f} please",
    "{f} in addition",
    "could you also list the {f}?",
)
SIZE = (
    "only the first {n}",
    "just {n} of them",
    "top {n} only",
    "show me {n}",
    "give me the first {n}",
    "limit it to {n}",
    "can I see {n} of them?",
    "the first {n} please",
    "no more than {n}",
    "{n} is enough",
    "show {n} results",
    "{n} are enough",
    "the top {n}",
    "first {n}",
    "only {n}",
    "{n} please",
    "show {n} hits",
    "I just need {n}",
    "cut it to {n}",
    "list {n} of them",
    "return {n}",
)
CONDITION = (
    "only those {w}",
    "only the ones {w}",
    "just those {w}",
    "keep the ones {w}",
    "restrict to those {w}",
    "which of these are {w}?",
    "of these, which ones {w}?",
    "and {w}?",
    "narrow it down to those {w}",
    "filter by {w}",
    "now only {w}",
    "that are {w}",
    "that are {w} only",
    "but only {w}",
    "with {w}",
    "only if they are {w}",
    "and only those {w}",
    "those {w}",
    "{w} only",
    "I only need those {w}",
    "further restrict to {w}",
    "how about those {w}?",
    "show me just the ones {w}",
    "among these, those {w}",
)
EXCLUDE = (
    "without the ones {w}",
    "leave out those {w}",
    "exclude the ones {w}",
    "but not those {w}",
    "except those {w}",
    "remove those {w}",
    "drop the ones {w}",
    "minus those {w}",
    "not the ones {w}",
    "skip those {w}",
    "ignore those {w}",
    "without those {w}",
    "all but those {w}",
    "leave the ones {w} out",
)
SORT_DOWN = (
    "sort by {f}, highest first",
    "order them by {f} descending",
    "sorted by {f}, largest first",
    "rank by {f} from high to low",
    "highest {f} first",
    "sort descending by {f}",
    "the highest {f} first please",
    "largest {f} on top",
    "by {f}, descending",
    "in descending order of {f}",
    "start with the highest {f}",
    "order by {f}, high to low",
    "biggest {f} first",
)
SORT_UP = (
    "sort by {f}",
    "order by {f}",
    "lowest {f} first",
    "sort them by {f}, smallest first",
    "sort ascending by {f}",
    "sorted by {f}",
    "by {f}, ascending",
    "in ascending order of {f}",
    "start with the lowest {f}",
    "order them by {f}",
    "sort these by {f}, low to high",
    "smallest {f} first please",
    "can you sort by {f}?",
)
FACET = (
    "break that down by {f}",
    "how many per {f}?",
    "group them by {f}",
    "count by {f}",
    "how do they split by {f}?",
    "distribution by {f}",
    "show the counts by {f}",
    "by {f}?",
    "break them down by {f}",
    "a breakdown by {f} please",
    "split by {f}",
    "per {f}?",
    "how are they distributed over {f}?",
    "tally by {f}",
    "numbers per {f}",
    "aggregate by {f}",
    "counts for each {f}",
    "by {f}, please",
    "give me the distribution of {f}",
    "which {f} are most frequent?",
    "how many of each {f}?",
)
NEXT = (
    "next {n}",
    "show the next {n}",
    "the next {n} please",
    "{n} more",
    "another {n}",
    "the following {n}",
    "go on with the next {n}",
    "{n} more please",
    "give me {n} more",
    "now the next {n}",
    "continue with {n} more",
    "further {n}",
)
CORRECTION = (
    "sorry, I meant {e}, not {o}",
    "I meant {e} rather than {o}",
    "{e}, not {o}",
    "no, {e} instead of {o}",
    "replace {o} by {e}",
    "sorry, {e} rather than {o}",
    "not {o} but {e}",
    "oops, {e} not {o}",
    "change {o} to {e}",
    "make it {e} and not {o}",
)
THRESHOLD = (
    "make it {n}",
    "and {n}?",
    "{n} instead",
    "what if {n}?",
    "now {n}",
    "change that to {n}",
    "how about {n}?",
    "and with {n}?",
    "I meant {n}",
    "same but {n}",
    "{n}?",
    "rather {n}",
)
#: What stands for an entity that was named before, by the slot that it fills.
PRONOUNS = {
    "gene": ("it", "this gene", "that gene", "the gene", "the same gene"),
    "vgene": ("it", "this gene", "that gene", "the same gene"),
    "target": ("it", "this target", "that protein", "the same target"),
    "drug": ("it", "this drug", "that drug", "the drug", "the compound", "the same drug"),
    "chembl": ("it", "this compound", "that compound", "the compound"),
    "inchikey": ("it", "this compound", "that one", "the compound"),
    "rsid": ("it", "this variant", "that variant", "this SNP", "the variant"),
    "hgvs": ("it", "this variant", "that variant", "the variant", "this mutation"),
    "disease": ("it", "this disease", "that disease", "the disease", "this condition", "the disorder"),
    "mondo": ("it", "this disease", "that disease", "the disease"),
    "ensembl": ("it", "this gene", "that gene"),
    "entrez": ("it", "this gene", "that gene"),
}
_SENTENCE = re.compile(
    r"\b(?:what|which|who|how|where|when|is|are|does|do|did|has|have|can|could|show|give|list|find|tell|get|fetch|look)\b",
    re.IGNORECASE,
)
ASSEMBLY = (
    ("on hg38", "hg38"),
    ("in GRCh38", "hg38"),
    ("using build 38", "hg38"),
    ("and in hg38?", "hg38"),
    ("on hg19 please", "hg19"),
    ("in GRCh37?", "hg19"),
    ("same for hg19", "hg19"),
)

Step = tuple[str, Query]


def follow_up(base: Pair, slots: Slots, rng: random.Random) -> Pair | None:
    """Continue a conversation from `base` for one to three turns; None where nothing fits."""
    query = Query.parse(base.request)
    history = [*base.history, PastTurn(question=base.question, request=base.request)]
    steps = rng.choice((1, 1, 1, 2, 2, 3))
    name = ""
    for number in range(steps):
        made = _step(query, slots, rng)
        if made is None:
            return None
        name, (question, query) = made[0], made[1]
        try:
            query = Query.parse(query.check().line)
        except QueryError:
            return None
        if number < steps - 1:
            history.append(PastTurn(question=question, request=query.line))
    return Pair(question=question, request=query.line, history=history, family=f"follow-up/{name} {base.family}")


def _step(query: Query, slots: Slots, rng: random.Random) -> tuple[str, Step] | None:
    makers = [
        _swap,
        _swap,
        _species,
        _fields,
        _fields,
        _also,
        _size,
        _condition,
        _exclude,
        _sort,
        _facet,
        _next,
        _assembly,
        _correction,
        _threshold,
    ]
    for maker in rng.sample(makers, len(makers)):
        step = maker(query, slots, rng)
        if step is not None:
            return maker.__name__.strip("_"), step
    return None


def _swap(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if query.kind == "get":
        kind = _GET_KINDS.get(query.api)
        if kind is None:
            return None
        value = slots.fill(kind)
        return rng.choice(SWAP).format(e=value.text), query.model_copy(update={"ids": (value.line,)})
    for field, kind in ENTITY_FIELDS.items():
        pattern = re.compile(rf'(?<![\w.]){re.escape(field)}:("[^"]+"|[^\s()]+)(?![^(]*\))')
        match = pattern.search(query.q or "")
        if match and query.q and query.q.count(f"{field}:") == 1:
            value = slots.fill(kind)
            q = query.q[: match.start(1)] + quote_value(value.line) + query.q[match.end(1) :]
            return rng.choice(SWAP).format(e=value.text), query.model_copy(update={"q": q})
    return None


def _correction(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    """Swap the entity, and say which one was wrong."""
    swapped = _swap(query, slots, rng) if query.kind == "query" else None
    if swapped is None:
        return None
    old, new = (_entity_of(each.q or "") for each in (query, swapped[1]))
    if old is None or new is None or "*" in old:
        return None
    return rng.choice(CORRECTION).format(e=new, o=old), swapped[1]


def _entity_of(q: str) -> str | None:
    for field in ENTITY_FIELDS:
        match = re.search(rf'(?<![\w.]){re.escape(field)}:(?:"([^"]+)"|([^\s()"]+))', q)
        if match:
            return re.sub(r"\\(.)", r"\1", match[1] or match[2])
    return None


def _threshold(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    """Compare the same field with another number."""
    found = re.findall(r":([<>]=?)(\d[\d.]*)(?![\d.e-])", query.q or "")
    if len(found) != 1 or not query.q:
        return None
    number = float(found[0][1])
    other = (
        number * rng.choice((0.1, 0.5, 2, 3, 5, 10)) if number < 1900 else number + rng.choice((-20, -10, -5, 5, 10))
    )
    text = f"{other:.6g}"
    if "e" in text or (number == int(number) and other != int(other)):
        return None
    sign = rng.choice((found[0][0], found[0][0], rng.choice((">", "<", ">=", "<="))))
    said = rng.choice(COMPARATORS[sign]).format(text)
    q = query.q.replace(f":{found[0][0]}{found[0][1]}", f":{sign}{text}")
    return rng.choice(THRESHOLD).format(n=said), query.model_copy(update={"q": q})


def leave_out(question: str, entity: str, kind: str, rng: random.Random) -> str | None:
    """Say a question about an entity that was named before: with a pronoun, or without it at all.

    Returns:
        The question; None where the entity does not stand in it just once.
    """
    if question.count(entity) != 1 or kind not in PRONOUNS:
        return None
    if _SENTENCE.search(question):
        word = rng.choice(PRONOUNS[kind])
        own = "its" if word == "it" else f"{word}'s"
        short = question.replace(f"{entity}'s", own).replace(entity, word)
    else:
        short = re.sub(rf"\b(?:of|for|in|from|on|with|to)?\s*(?:the\s+\w+\s+)?{re.escape(entity)}", "", question)
        short = re.sub(r"\s+", " ", short).strip(" ,:;-–?.")
        short += rng.choice(("?", "", " please", "?"))
    return short if len(short) > 3 else None


def _species(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if (
        query.api != "mygene"
        or query.kind != "query"
        or not re.search(r"symbol:|name:|go\.|pathway|ensembl|summary", query.q or "")
    ):
        return None
    name = slots.fill("species").line
    if query.params.get("species") == name:
        return None
    adjectives, nouns = SPECIES_WORDS[name]
    return rng.choice(SPECIES).format(s=rng.choice(nouns), a=rng.choice(adjectives)), _with(query, species=name)


def _fields(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if (
        query.kind == "fields"
        or "facets" in query.params
        or (not query.fields and not re.fullmatch(r"[\w.\-]+:(\"[^\"]+\"|\S+)", query.q or ""))
    ):
        return None
    value = slots.fill("fields:1-2")
    return rng.choice(FIELDS).format(f=value.text), query.model_copy(update={"fields": value.items})


def _also(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    value = slots.fill("fields:1-1")
    if not query.fields or any(value.line.startswith(path) or path.startswith(value.line) for path in query.fields):
        return None
    return rng.choice(ALSO).format(f=value.text), query.model_copy(update={"fields": (*query.fields, *value.items)})


def _many(query: Query) -> bool:
    """Whether the request is likely to find many: it names no single entity."""
    return (
        query.kind == "query"
        and not any(
            f"{field}:" in (query.q or "")
            for field in (
                "symbol",
                "entrezgene",
                "ensembl.gene",
                "dbsnp.rsid",
                "chembl.pref_name",
                "mondo.label",
                "pubchem.cid",
            )
        )
        or "clinvar.gene.symbol:" in (query.q or "")
    )


def _size(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if not _many(query) or "facets" in query.params:
        return None
    value = slots.fill("count:2-100")
    return rng.choice(SIZE).format(n=value.text), _with(query, size=value.line)


def _next(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if not _many(query) or "facets" in query.params:
        return None
    number = rng.choice((5, 10, 20, 50, 100))
    shown = int(query.params.get("size", "10")) + int(query.params.get("from", "0"))
    said = number_words(number) if rng.random() < 0.3 else str(number)
    return rng.choice(NEXT).format(n=said or number), _with(query, size=str(number), **{"from": str(shown)})


def _condition(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    return _narrow(query, slots, rng, CONDITION, "{}")


def _exclude(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    return _narrow(query, slots, rng, EXCLUDE, "NOT {}")


def _narrow(query: Query, slots: Slots, rng: random.Random, forms: tuple[str, ...], clause: str) -> Step | None:
    if not _many(query) or " OR " in (query.q or "").split("(")[0]:
        return None
    value = slots.fill("where")
    if value.line.startswith("NOT") and clause != "{}":
        return None
    line = clause.format(value.line)
    if query.api == "mygene" and re.match(r"(hg19\.)?chr\w+:", query.q or ""):
        if "filter" in query.params:
            return None
        return rng.choice(forms).format(w=value.text), _with(query, filter=line)
    return rng.choice(forms).format(w=value.text), query.model_copy(update={"q": f"{query.q} AND {line}"})


def _sort(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if not _many(query) or "facets" in query.params:
        return None
    value = slots.fill("numfield")
    down = rng.random() < 0.6
    return rng.choice(SORT_DOWN if down else SORT_UP).format(f=value.text), _with(
        query, sort=("-" if down else "") + value.line
    )


def _facet(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if not _many(query):
        return None
    value = slots.fill("facet")
    kept = {name: text for name, text in query.params.items() if name not in ("sort", "size", "from")}
    return rng.choice(FACET).format(f=value.text), query.model_copy(
        update={"fields": (), "params": {**kept, "facets": value.line}}
    )


def _assembly(query: Query, slots: Slots, rng: random.Random) -> Step | None:
    if query.api != "myvariant" or query.kind == "fields" or rng.random() < 0.4:
        return None
    words, name = rng.choice(ASSEMBLY)
    return None if query.params.get("assembly") == name else (words, _with(query, assembly=name))


def _with(query: Query, **params: str) -> Query:
    return query.model_copy(update={"params": {**query.params, **params}})
