"""The direct sentence of an answer, written from the response alone."""

from __future__ import annotations

import re
from typing import Any

from agent.intent import content_words, read_intent
from agent.values import IDENTITY, Document, asked_values, find, name_of, say, strings, unique
from tools.catalogue import load_catalogue
from tools.lucene import LuceneSyntaxError, Phrase, Term, clauses_of, parse
from tools.query import Query

#: Most items that a sentence lists; the table shows the rest.
SHOWN = 10
NOUNS = {
    "mygene": ("gene", "genes"),
    "myvariant": ("variant", "variants"),
    "mychem": ("chemical", "chemicals"),
    "mydisease": ("disease", "diseases"),
}
_STRANDS = {1: "forward", -1: "reverse"}
_ASSEMBLIES = {"genomic_pos": "GRCh38", "genomic_pos_hg19": "GRCh37"}


def write_sentence(question: str, query: Query, result: dict[str, Any]) -> str:
    """Write what the response says to the question, in one sentence or a few short lines."""
    hits: list[Document] = result["hits"]
    total: int = result["total"]
    if query.kind == "fields":
        return _say_fields(query, hits)
    if result["facets"]:
        return _say_facets(query, result["facets"], total)
    if query.kind == "batch":
        return _say_batch(query, hits, result["notfound"])
    intent = read_intent(question)
    if intent == "count" and not query.fields:
        return f"{total:,} {noun(query.api, total)} match."
    if intent == "yes-no":
        verdict = _judge(question, query, hits)
        if verdict:
            return verdict
    if query.fields:
        return _say_values(query, hits, total)
    return _say_hits(query, hits, total)


def noun(api: str, count: int) -> str:
    """The word for what an API holds."""
    one, many = NOUNS.get(api, ("record", "records"))
    return one if count == 1 else many


def subject(query: Query, hit: Document) -> str:
    """Name what an answer is about: by the document where it says so, else by the words of the request."""
    if query.kind == "get":
        return query.ids[0]
    named = [item for path in IDENTITY.get(query.api, ()) if path != "_id" for value in find(hit, path) for item in strings(value)]
    if named:
        return named[0]
    try:
        leaves = clauses_of(parse(query.q or ""))
    except LuceneSyntaxError:
        leaves = []
    if len(leaves) == 1 and isinstance(leaves[0], (Term, Phrase)):
        return leaves[0].text
    return name_of(query.api, hit)


def _say_values(query: Query, hits: list[Document], total: int) -> str:
    """`Biological processes of CDK2: a; b; c (first 10 of 38).`; one line a hit where there are several."""
    if len(hits) == 1:
        hit = hits[0]
        return "\n".join(_say_field(query, hit, path) for path in query.fields if not path.startswith("-"))
    lines = [f"{total:,} {noun(query.api, total)} match" + (f"; the first {len(hits)} are shown." if total > len(hits) else ".")]
    for hit in hits[:SHOWN]:
        parts = []
        for path in query.fields:
            items = unique(say(value) for value in find(hit, path))
            if items:
                parts.append(_list(items, 4))
        own = str(hit.get("_id", "?"))
        lines.append(f"{own}: " + ("; ".join(parts) if parts else "nothing recorded"))
    return "\n".join(lines)


def _say_field(query: Query, hit: Document, path: str) -> str:
    values = find(hit, path)
    label = _label(query.api, path)
    about = subject(query, hit)
    if not values:
        return f"{label} of {about}: nothing recorded."
    if path in _ASSEMBLIES:
        return " ".join(_say_place(about, value, _ASSEMBLIES[path]) for value in values if isinstance(value, dict))
    if values and all(isinstance(value, dict) for value in values) and not any("name" in v or "id" in v for v in values):
        inner = [(key, item) for value in values for key, item in value.items()]
        if all(isinstance(item, (list, dict)) for _, item in inner):
            # A parent of named groups, such as `go` or `pathway`: one line a group.
            return "\n".join(f"{_label(query.api, f'{path}.{key}')} of {about}: {_list(_items(item), SHOWN)}." for key, item in inner)
    items = unique(say(value) for value in values)
    return f"{label} of {about}: {_list(items, SHOWN)}."


def _say_place(about: str, place: dict[str, Any], assembly: str) -> str:
    start, end = place.get("start"), place.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return f"{about} is on chromosome {place.get('chr', '?')}."
    strand = _STRANDS.get(place.get("strand", 0))
    return f"{about} is on chromosome {place.get('chr')}, from {start:,} to {end:,}" + (f" on the {strand} strand" if strand else "") + f" ({assembly})."


def _say_hits(query: Query, hits: list[Document], total: int) -> str:
    names = unique(_introduce(query.api, hit) for hit in hits)
    if total == 1 and names:
        return f"{names[0]}."
    shown = "; ".join(names[:SHOWN])
    more = f" (first {min(SHOWN, len(names))} of {total:,})" if total > min(SHOWN, len(names)) else ""
    return f"{total:,} {noun(query.api, total)}: {shown}{more}."


def _introduce(api: str, hit: Document) -> str:
    """`CDK2, cyclin dependent kinase 2 (Entrez 1017)`, `chr7:g.140753336A>T (rs113488022, BRAF)`."""
    main = name_of(api, hit)
    if api == "mygene":
        title = next(iter(map(str, find(hit, "name"))), "")
        return main + (f", {title}" if title and title != main else "") + f" ({hit.get('_id')})"
    extra = unique(item for path in IDENTITY.get(api, ()) for value in find(hit, path) for item in strings(value))
    rest = [item for item in [*extra[:3], str(hit.get("_id", ""))] if item and item != main]
    return f"{main} ({', '.join(unique(rest)[:2])})" if rest else main


def _say_facets(query: Query, facets: dict[str, Any], total: int) -> str:
    lines = []
    for path, facet in facets.items():
        terms = [f"{term['term']} {term['count']:,}" for term in facet.get("terms", [])]
        other = facet.get("other", 0)
        lines.append(f"{total:,} {noun(query.api, total)} by {_label(query.api, path, lower=True)}: {', '.join(terms)}" + (f", others {other:,}" if other else "") + ".")
    return "\n".join(lines)


def _say_batch(query: Query, hits: list[Document], notfound: list[str]) -> str:
    found = [hit for hit in hits if not hit.get("notfound")]
    answered = len({str(hit.get("query", hit.get("_id"))) for hit in found})
    lines = [f"{answered} of {len(query.ids)} found." + (f" Not found: {', '.join(notfound[:SHOWN])}." if notfound else "")]
    for hit in found[:SHOWN]:
        parts = [_list(unique(say(value) for value in find(hit, path)), 4) for path in query.fields if find(hit, path)]
        lines.append(f"{hit.get('query', hit.get('_id'))}: " + ("; ".join(parts) if parts else _introduce(query.api, hit)))
    return "\n".join(lines)


def _say_fields(query: Query, hits: list[Document]) -> str:
    names = [str(hit.get("_id", hit.get("field", ""))) for hit in hits]
    word = query.params.get("search") or query.params.get("prefix")
    return f"{query.api} has {len(names)} fields" + (f" with {word!r} in the name" if word else "") + f": {_list(names, 2 * SHOWN)}."


def _judge(question: str, query: Query, hits: list[Document]) -> str | None:
    """Answer yes or no with the evidence, where the values decide it; None where they do not."""
    if not hits:
        return None
    about = subject(query, hits[0])
    if not query.fields:
        return f"Yes: {_introduce(query.api, hits[0])}."
    evidence = _say_values(query, hits[:1], 1)
    values = asked_values(query, hits[:1])
    if not values:
        return f"No: nothing is recorded. {evidence}" if re.search(r"\b(?:have|has|any|there)\b", question, re.IGNORECASE) else None
    if any(path.startswith("genomic_pos") or path == "chrom" for path in query.fields):
        asked = re.search(r"\bchr(?:omosome)?\s*(\d+|[XYM]T?)\b|\b([XY]) chromosome", question, re.IGNORECASE)
        if asked:
            wanted = (asked[1] or asked[2]).upper()
            places = {str(item).upper() for path in query.fields for item in [*find(hits[0], f"{path}.chr"), *find(hits[0], "chrom")]}
            return f"{'Yes' if wanted in places else 'No'}: {evidence}"
        return None
    said = " ".join([about, *query.ids, query.q or ""])
    words = content_words(question, said)
    folded = [value.lower() for value in values]
    vocabulary = {value.lower() for path in query.fields for field in load_catalogue(query.api).leaves(path) for value in field.values}
    phrase = " ".join(words)
    named = [value for value in vocabulary if re.search(rf"\b{re.escape(value.replace('-', ' '))}\b", phrase.replace("-", " "))]
    if named:
        longest = max(named, key=len)
        return f"{'Yes' if longest in folded else 'No'}: {evidence}"
    matching = [value for value in values if any(_alike(word, part) for word in words for part in re.findall(r"\w+", value.lower()))]
    if matching:
        return f"Yes: {_list(matching, 4)}. {evidence}"
    if re.search(r"^\W*(?:does|do|has|have|is there|are there)\b", question, re.IGNORECASE):
        return f"Yes: {evidence}"
    return None


def _alike(word: str, part: str) -> bool:
    """Tell whether two words share a stem: apoptosis and apoptotic, nuclear and nucleus."""
    return len(word) > 4 and len(part) > 4 and word[: max(5, min(len(word), len(part)) - 4)] == part[: max(5, min(len(word), len(part)) - 4)]


def _items(value: Any) -> list[str]:
    return unique(say(item) for item in value) if isinstance(value, list) else [say(value)]


def _list(items: list[str], most: int) -> str:
    text = "; ".join(items[:most])
    return f"{text} (first {most} of {len(items)})" if len(items) > most else text


def _label(api: str, path: str, lower: bool = False) -> str:
    field = load_catalogue(api).get(path)
    label = field.label if field else path
    return label if lower else label[:1].upper() + label[1:]
