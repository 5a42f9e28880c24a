"""The direct sentence of an answer, written from the response alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agent.intent import read_intent
from agent.naming import HUMAN, asked_symbol, introduce, label_of, naming_words, own_name, subject
from agent.values import (
    IDENTITY,
    Document,
    asked_paths,
    find,
    is_record,
    outline,
    say,
    say_at,
    single,
    strand_of,
    text,
    unique,
)
from rag.entities import find_entities
from tools.apis import species_name, species_taxid
from tools.catalogue import load_catalogue
from tools.query import Query

#: Most items that a sentence lists; the table shows the rest.
SHOWN = 10
_SHOWN_IN_ROW = 4
_SHOWN_OF_ALL = 8
NOUNS = {
    "mygene": ("gene", "genes"),
    "myvariant": ("variant", "variants"),
    "mychem": ("chemical", "chemicals"),
    "mydisease": ("disease", "diseases"),
}
_STRANDS = {1: "forward", -1: "reverse"}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
#: The assemblies of human positions. Genes of other species stand at `genomic_pos`, too, never at the other.
_ASSEMBLIES = {"genomic_pos": "GRCh38", "genomic_pos_hg19": "GRCh37"}


def write_sentence(
    question: str,
    query: Query,
    result: dict[str, Any],
    names: Mapping[str, str] | None = None,
    offline: bool = False,
    taxids: Collection[int] = (),
    species: Mapping[str, int] | None = None,
) -> str:
    """Write what the response says to the question, in one sentence or a few short lines.

    Args:
        question: what was asked; it decides between yes or no, a number, and values.
        query: the request.
        result: its response: `total`, `hits`, `facets`, `notfound`.
        names: what documents are called, by `_id`, where the response itself does not say.
        offline: whether the snapshot answered, whose numbers are not those of BioThings.
        taxids: the only species that there are where it was asked; empty: any.
        species: the species of genes, by `_id`, where the response itself does not say.
    """
    from agent.verdict import judge

    hits: list[Document] = result["hits"]
    writer = _Writer(question, query, hits, result["total"], names or {}, offline, taxids, species or {})
    if query.kind == "fields":
        return _say_fields(query, hits)
    if result["facets"]:
        return writer.say_facets(result["facets"])
    if query.kind == "batch":
        return writer.say_batch(result["notfound"])
    if not hits:
        return writer.say_no_more()
    intent = read_intent(question)
    if intent == "count" and not query.fields:
        return writer.say_total() + "."
    meant = writer.namesake()
    if meant is not None:
        said = writer.say_one(meant)
        told = judge(question, query, [meant], said, offline, 1) if intent == "yes-no" else said
        return f"{told}\n{writer.say_namesakes()}"
    evidence = writer.say_values() if asked_paths(query, hits) else writer.say_hits()
    if intent == "yes-no":
        return judge(question, query, hits, evidence, offline, result["total"])
    return evidence


def noun(api: str, count: int) -> str:
    """The word for what an API holds."""
    one, many = NOUNS.get(api, ("record", "records"))
    return one if count == 1 else many


def place_among(shown: int, total: int, start: int = 0) -> str:
    """Say which of all hits are shown, where some stand before those: `first 3 of 42`, `items 11-13 of 42`."""
    if not start:
        return f"first {shown} of {total:,}"
    last = start + shown
    return (f"items {start + 1:,}-{last:,}" if shown > 1 else f"item {last:,}") + f" of {total:,}"


def names_needed(query: Query, hits: list[Document]) -> list[str]:
    """Return the `_id` of hits that a reader would not recognise and that the response does not name."""
    if query.api == "myvariant" or query.kind == "fields" or (query.kind == "batch" and query.scopes):
        return []
    if len(hits) == 1 and query.kind == "query" and naming_words(query):
        return []
    opaque = [hit for hit in hits[:SHOWN] if "_id" in hit and own_name(query.api, hit) is None]
    return [str(hit["_id"]) for hit in opaque]


def species_needed(query: Query, hits: list[Document], taxids: Collection[int] = ()) -> list[str]:
    """Return the `_id` of genes that may be of several species where the response does not say of which.

    Args:
        query: the request.
        hits: what it found.
        taxids: the only species that there are where it was asked; empty: any.
    """
    stated = query.params.get("species", "")
    one = len(taxids) == 1 or (stated not in ("", "all") and "," not in stated)
    if query.api != "mygene" or query.kind != "query" or len(hits) < 2 or one:
        return []
    return [str(hit["_id"]) for hit in hits[:SHOWN] if "_id" in hit and "taxid" not in hit]


#: Several species are meant, although none is named.
_OF_SPECIES = re.compile(r"\b(?:species|organisms?|animals?|tax(?:a|on)|orthologs?|homologs?)\b", re.IGNORECASE)


class _Writer:
    """Writes about one response."""

    def __init__(
        self, question: str, query: Query, hits: list[Document], total: int, names: Mapping[str, str], offline: bool,
        taxids: Collection[int], species: Mapping[str, int],
    ) -> None:  # fmt: skip
        self._counts = read_intent(question) == "count"
        said = any(entity.kind == "species" for entity in find_entities(question))
        self._says_species = said or _OF_SPECIES.search(question) is not None
        self._query, self._hits, self._total, self._names = query, hits, total, names
        self._paths = asked_paths(query, hits)
        self._place = " in the offline snapshot" if offline else ""
        self._start = int(query.params.get("from") or 0)
        self._taxids, self._species = taxids, species
        of_genes = {self._taxid(hit) for hit in hits} if query.api == "mygene" else set()
        # A taxid that was asked for is said of each gene as it is.
        self._mixed = len(of_genes - {None}) > 1 and "taxid" not in self._paths

    def say_total(self) -> str:
        """`42 genes match in the offline snapshot`."""
        verb = "matches" if self._total == 1 else "match"
        return f"{self._total:,} {noun(self._query.api, self._total)} {verb}{self._place}"

    def say_no_more(self) -> str:
        """`5 genes match; there are none after the first 5.`, where a page was asked for that holds nothing."""
        past = f"; there are none after the first {self._total:,}" if self._start >= self._total > 0 else ""
        return f"{self.say_total()}{past}."

    def say_values(self) -> str:
        """`Biological processes of CDK2: a; b; c (first 10 of 38).`; one line a hit where there are several."""
        if len(self._hits) == 1 and self._total == 1:
            return self.say_one(self._hits[0])
        # The field that names the hits leads the line; a list of such names needs no lines.
        rows = [(self._lead(hit), self._parts(hit), hit) for hit in self._hits]
        if all(not parts for _, parts, _ in rows) and any(own_name(self._query.api, hit) for _, _, hit in rows):
            # Genes of several species share a name: so many of all are shown, the same name twice or not.
            leads = [lead for lead, _, _ in rows]
            return f"{self.say_total()}: {_list(leads, SHOWN, self._total, self._start)}."
        meant = self._meant()
        if meant is not None:
            return f"{self.say_one(meant)}\n{self._say_others('by name, too')}"
        # What leads the line may be all that is recorded.
        recorded = [row for row in rows if row[1] or any(find(row[2], path) for path in self._paths)]
        if len(recorded) == 1 and self._total == len(self._hits):
            return f"{self.say_one(recorded[0][2])}\n{self._say_others('but nothing is recorded there')}"
        shown = min(SHOWN, len(self._hits))
        which = place_among(shown, self._total, self._start) if self._start else f"the first {shown}"
        more = f"; {which}:" if self._total > shown else ":"
        lines = [self.say_total() + (more if recorded else f", but nothing is recorded{self._place}.")]
        lines += [f"{row[0]}: {' · '.join(row[1])}" if row[1] else row[0] for row in rows[:SHOWN] if row in recorded]
        silent = sum(row not in recorded for row in rows[:SHOWN])
        if recorded and silent:
            lines.append(f"Nothing is recorded for {silent} of them.")
        return "\n".join(lines)

    def say_hits(self) -> str:
        """`2 genes match: CDK2, cyclin dependent kinase 2 (NCBI gene 1017); …`."""
        said = unique(introduce(self._query.api, hit) for hit in self._hits)
        if self._total == 1 and said:
            return "\n".join([f"{said[0]}.", *self._say_outline(self._hits[0])])
        named = self._named()
        if named is not None:
            lines = [
                f"{introduce(self._query.api, named)}.",
                *self._say_outline(named),
                self._say_others("by name, too"),
            ]
            return "\n".join(lines)
        return f"{self.say_total()}: {_list(said, SHOWN, self._total, self._start)}."

    def _say_outline(self, hit: Document) -> Iterator[str]:
        """Of all that a document holds, say what people ask for most; the table has the rest."""
        catalogue = load_catalogue(self._query.api)
        identity = {*IDENTITY.get(self._query.api, ()), "taxid"}
        own = [hit.get("_id")]
        said = {path: values for path, values in outline(hit).items() if values != own}
        priors = {path: field.prior if (field := catalogue.get(path)) else 0.0 for path in said}
        chosen = sorted(priors.keys() - identity, key=lambda path: (-priors[path], path))[:_SHOWN_OF_ALL]
        for path, values in said.items():
            if path in chosen:
                items = unique(say_at(path, value) for value in values)
                yield f"{label_of(self._query.api, path)}: {_list(items, _SHOWN_IN_ROW)}."

    def say_facets(self, facets: dict[str, Any]) -> str:
        """`797 genes by gene type: protein-coding 683, pseudo 112.`, a line a facet."""
        lines = []
        for path, facet in facets.items():
            terms = [f"{_term(path, row['term'])} {row['count']:,}" for row in facet.get("terms", [])]
            other = facet.get("other", 0)
            told = ", ".join(terms) + (f", others {other:,}" if other else "") if terms else "nothing to count"
            lines.append(f"{self.say_total()}; by {label_of(self._query.api, path, lower=True)}: {told}.")
        return "\n".join(lines)

    def say_batch(self, notfound: list[str]) -> str:
        """`2 of 3 found. Not found: X.`, and a line a hit."""
        answered = len(self._query.ids) - len(set(notfound))
        missing = f" Not found{self._place}: {_list(notfound, SHOWN)}." if notfound else ""
        lines = [f"{answered:,} of {len(self._query.ids):,} found.{missing}"]
        for hit in self._hits[:SHOWN]:
            parts = self._parts(hit) or ([] if self._paths else [introduce(self._query.api, hit)])
            lines.append(f"{self._lead(hit)}: " + (" · ".join(parts) or "nothing recorded"))
        if len(self._hits) > SHOWN:
            lines.append(f"… and {len(self._hits) - SHOWN:,} more.")
        return "\n".join(lines)

    def namesake(self) -> Document | None:
        """The human one of several species' genes of one symbol: it is meant where no species is named."""
        human = [hit for hit in self._hits if self._taxid(hit) == HUMAN]
        asked = set(self._paths) - {"symbol", "_id"}
        whole = not {"from", "sort"} & self._query.params.keys()
        meant = self._mixed and asked and whole and not self._says_species and asked_symbol(self._query)
        return human[0] if meant and len(human) == 1 else None

    def say_namesakes(self) -> str:
        """`This is the human gene; 2 other genes of that symbol match, in mouse, rat; name a species to see them.`"""
        taxids = [taxid for hit in self._hits if (taxid := self._taxid(hit)) is not None]
        named = unique(species_name(taxid) for taxid in taxids if taxid != HUMAN)
        more = ", …" if len(named) > _SHOWN_IN_ROW or self._total > len(taxids) else ""
        count = self._total - 1
        return (
            f"This is the human gene; {count:,} other {noun('mygene', count)} of that symbol "
            f"{'matches' if count == 1 else 'match'}, in {', '.join(named[:_SHOWN_IN_ROW])}{more}; "
            f"name a species to see {'it' if count == 1 else 'them'}."
        )

    def _taxid(self, hit: Document) -> int | None:
        taxid = single(hit.get("taxid", self._species.get(str(hit.get("_id")))))
        return taxid if isinstance(taxid, int) else None

    def _meant(self) -> Document | None:
        """The hit that is named as was asked, if there is something to say of it and to a reader it is the only one."""
        named = self._named()
        asked = [path for path in self._paths if path not in IDENTITY.get(self._query.api, ())]
        return named if named is not None and any(find(named, path) for path in asked) else None

    def _named(self) -> Document | None:
        """The one of several hits whose name is, word for word, the one that was asked for; genes share symbols."""
        words = (naming_words(self._query) or "").casefold()
        named = [
            hit
            for hit in self._hits
            if (own_name(self._query.api, hit) or self._names.get(str(hit.get("_id")), "")).casefold() == words
        ]
        return named[0] if words and len(named) == 1 and self._query.api != "mygene" else None

    def _say_others(self, told: str) -> str:
        count = self._total - 1
        return f"{count:,} other {noun(self._query.api, count)} {'matches' if count == 1 else 'match'}, {told}."

    def _lead(self, hit: Document) -> str:
        if "query" in hit:
            return str(hit["query"])
        name, identifier, taxid = self._name(hit), str(hit.get("_id", "?")), self._taxid(hit)
        if self._mixed and taxid is not None:
            return f"{name} ({species_name(taxid)})"
        return f"{name} ({identifier})" if self._query.api == "mydisease" and name != identifier else name

    def _name(self, hit: Document) -> str:
        identifier = str(hit.get("_id", "?"))
        return own_name(self._query.api, hit) or self._names.get(identifier) or identifier

    def _parts(self, hit: Document) -> list[str]:
        """What is said of each field in a line about one of several hits; less the name that leads the line."""
        # A batch's line begins with its term, which need not be the value.
        leading = set() if "query" in hit else {self._name(hit), self._lead(hit)}
        parts = []
        for path in self._paths:
            said = unique(say_at(path, value) for value in find(hit, path))
            items = [item for item in said if item not in leading]
            if items:
                label = f"{label_of(self._query.api, path, lower=True)}: " if len(self._paths) > 1 else ""
                parts.append(label + _list(items, _SHOWN_IN_ROW))
        return parts

    def say_one(self, hit: Document) -> str:
        """Say each of the asked-for fields of one hit."""
        about, taxid = subject(self._query, hit, self._names), self._taxid(hit)
        if self._mixed and taxid is not None and taxid != HUMAN:
            about = f"{about} ({species_name(taxid)})"
        return "\n".join(self._say_field(about, hit, path) for path in self._paths)

    def _say_field(self, about: str, hit: Document, path: str) -> str:
        values = find(hit, path)
        label = label_of(self._query.api, path)
        if not values:
            return f"{label} of {about}: nothing is recorded{self._place}."
        if path in _ASSEMBLIES:
            assembly = _ASSEMBLIES[path] if path != "genomic_pos" or self._is_human(hit) else None
            return " ".join(_say_place(about, value, assembly) for value in values if isinstance(value, dict))
        if label.lower() == "summary" or path.endswith((".definition", ".def", "summary")):
            return "\n".join(unique(say(value) for value in values))
        groups = [value for value in values if not is_record(value)]
        if groups and len(groups) == len(values):
            return self._say_group(about, path, groups)
        items = unique(say_at(path, value) for value in values)
        # A value that is itself a number is the number asked for, not one item.
        if self._counts and len(self._paths) == 1 and not (len(values) == 1 and _NUMBER.fullmatch(text(values[0]))):
            if len(items) == 1:
                return f"{label} of {about}: 1, which is {items[0]}."
            return f"{len(items):,} {label_of(self._query.api, path, lower=True)} of {about}: {_list(items, SHOWN)}."
        return f"{label} of {about}: {_list(items, SHOWN)}."

    def _is_human(self, hit: Document) -> bool:
        """Tell whether a gene is known to be human: by its document, by the request, or since there are no others."""
        taxid = self._taxid(hit)
        if taxid is not None:
            return taxid == HUMAN
        stated = [species_taxid(name) for name in self._query.params.get("species", "").split(",")]
        # Ensembl's identifiers of other species carry letters behind ENS that stand for it.
        ensembl = [str(item) for item in (hit.get("_id"), *find(hit, "genomic_pos.ensemblgene"))]
        return stated == [HUMAN] or list(self._taxids) == [HUMAN] or any(re.match(r"ENSG\d", item) for item in ensembl)

    def _say_group(self, about: str, path: str, groups: list[dict[str, Any]]) -> str:
        """Say a group of fields: its single values together, each of its lists and groups on a line of its own."""
        single: list[str] = []
        lines: list[str] = []
        title = label_of(self._query.api, path)
        for key in dict.fromkeys(key for group in groups for key in group):
            values = find(groups, key)
            if not values or key.startswith("_"):
                continue
            if len(values) == 1 and not isinstance(values[0], dict):
                # A source's name at the head of the line need not stand before each of its values.
                label = label_of(self._query.api, f"{path}.{key}", lower=True).removeprefix(f"{title.split()[0]} ")
                single.append(f"{label}: {say_at(key, values[0])}")
            else:
                items = unique(say_at(key, value) for value in values)
                lines.append(f"{label_of(self._query.api, f'{path}.{key}')} of {about}: {_list(items, SHOWN)}.")
        if single:
            lines.insert(0, f"{title} of {about}: {'; '.join(single)}.")
        return "\n".join(lines)


def _say_fields(query: Query, hits: list[Document]) -> str:
    names = [str(hit.get("field", "")) for hit in hits]
    word = query.params.get("search") or query.params.get("prefix")
    told = f" with {word!r} in the name" if word else ""
    if not names:
        return f"{query.api} has no field{told}."
    return f"{query.api} has {len(names):,} field{'' if len(names) == 1 else 's'}{told}: {_list(names, 2 * SHOWN)}."


def _say_place(about: str, place: dict[str, Any], assembly: str | None) -> str:
    place = {key: single(part) for key, part in place.items()}
    start, end = place.get("start"), place.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return f"{about} is on chromosome {place.get('chr', '?')}."
    strand = _STRANDS.get(strand_of(place))
    told = f" on the {strand} strand" if strand else ""
    named = f" ({assembly})" if assembly else ""
    return f"{about} is on chromosome {place.get('chr')}, from {start:,} to {end:,}{told}{named}."


def _term(path: str, term: Any) -> str:
    return species_name(int(term)) if path == "taxid" and str(term).isdigit() else str(term)


def _list(items: list[str], most: int, total: int | None = None, start: int = 0) -> str:
    """List the first items, and say which they are, and of how many; `start` of all stand before them."""
    listed = "; ".join(items[:most])
    of, shown = max(len(items), total or 0), min(most, len(items))
    return f"{listed} ({place_among(shown, of, start)})" if of > shown else listed
