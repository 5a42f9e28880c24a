"""Lists of identifiers, pasted or attached: looked up as batch requests; one table says what became of each entry."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.grammar.literals import read_conversation
from agent.values import find
from rag.entities import find_entities
from tools.errors import QueryError
from tools.query import Query
from ui.sorts import ENTRIES, GENE_WORDS, NAMES, SORTS, Sort, are_plain, is_heading, kinds_of, sort_of, sort_of_entry

LARGEST_BYTES = 2**20
#: More than 1 MB of rsIDs holds; more entries, which would be shorter still, would take the memory of all chats.
MOST_ENTRIES = 200_000
#: A shorter row of identifiers is a question, which the model can put as well; but not where it says nothing else.
FEWEST, FEWEST_BARE = 8, 3
_ENTRY = re.compile(r"[^\s,;|]+")
#: Insertions are written out in HGVS, so that an entry may be long.
_TOKEN = re.compile(r"(?=.*[A-Za-z0-9])[\w.:>*+\-@/]{1,200}")
#: What stands around the entries of a list that was copied from a text, a program or a page.
_BULLET = re.compile(r"^[ \t]*(?:[-*•–—]|\d{1,6}[.)])[ \t]+", re.MULTILINE)
_QUOTES, _ENDS = "\"'`“”‘’«»[](){}", ".:?!"
#: An empty cell.
_DASHES = re.compile(r"[-–—]+")
#: The services give no more matches of an entry than this.
_MATCHES = 10
#: Words of a sentence. Some are symbols, too (WAS, SET), but those are written in capitals, or one to a line.
_SENTENCE = re.compile(
    r"which|what|where|who|how|why|when|is|are|was|were|be|been|do|does|did|has|have|had|can|could|will|would"
    r"|should|the|a|an|of|in|on|at|to|for|from|by|with|without|or|not|any|all|some|each|every|these|those|this"
    r"|that|there|their|its|it|me|my|us|as|than|between|into|about|per|over|under|also|but|if|then|so|list|lists"
    r"|show|find|get|give|map|convert|look|up|tell|compare|gene|genes|id|ids|name|names|symbol|symbols|drug|drugs"
    r"|variant|variants|disease|diseases|please|following|human|mouse|rat",
    re.IGNORECASE,
)
#: As long as this, nothing without a digit or a capital is a symbol.
_LONG_WORD = 7
#: A text of which more than this are words of a sentence is no list.
_MOST_WORDS = 0.1
#: Says where variants are, and asks for nothing.
_ASSEMBLY = re.compile(r"(?:in |on )?(?:hg19|hg38|GRCh37|GRCh38)", re.IGNORECASE)
#: A name of a drug or a disease has no more words than this.
_LONGEST_NAME = 12


@dataclass(frozen=True)
class Listing:
    """A list as it was given: its entries, each as often as it stands there, and the words around it."""

    entries: tuple[str, ...]
    words: str
    sort: Sort

    @cached_property
    def sorts(self) -> dict[str, Sort]:
        """As what each entry is looked up; what cannot be looked up with the others is not among them."""
        told = ((entry, sort_of_entry(entry, self.sort)) for entry in dict.fromkeys(self.entries))
        sorts = {entry: sort for entry, sort in told if sort is not None}
        if {sort.name for sort in sorts.values()} >= {"HGNC ids", "NCBI Gene ids"}:
            # Both are looked up as bare numbers, and each would be found as one of the others.
            left = "NCBI Gene ids" if self.sort.name == "HGNC ids" else "HGNC ids"
            sorts = {entry: sort for entry, sort in sorts.items() if sort.name != left}
        return sorts

    @property
    def called(self) -> str:
        """What the entries are."""
        # What looks like a UniProt id may be a symbol: P2RY12.
        others = {sort.name for sort in self.sorts.values()} - {self.sort.name, "UniProt ids"}
        mixed = others or len(self.sorts) < len(set(self.entries))
        return f"{self.sort.name} and others" if mixed else self.sort.name


@dataclass
class Mapping:
    """What became of a list: how many entries of each sort there are, and a hit for each entry and match."""

    query: Query
    counts: dict[str, int]
    hits: list[dict[str, Any]]


def read_list(text: str) -> Listing | None:
    """Return the list that stands in a message, None where it is a question.

    Raises:
        QueryError: it is too large.
    """
    # Before it is read, which would take its time.
    if len(text.encode()) > LARGEST_BYTES:
        raise QueryError("The message is larger than 1 MB.", "Paste a shorter list.")
    lead, colon, rest = text.partition(":\n") if ":\n" in text else text.partition(": ")
    first, _, below = text.strip().partition("\n")
    listing = _read_names(rest, lead.strip()) if colon else _read_names(below, first.strip())
    return listing or (_read_body(rest, lead.strip()) if colon else None) or _read_body(text, "")


def _read_names(body: str, words: str) -> Listing | None:
    """Return the list of drugs or diseases, whose names may have several words, that `words` announce."""
    if not kinds_of(words) & {"drug", "disease"}:
        return None
    text = _BULLET.sub("", body).strip()
    names = [name for part in _split_names(text) if (name := _bare(part))]
    if len(names) < FEWEST or "?" in text or any(len(name.split()) > _LONGEST_NAME for name in names):
        return None
    sort = sort_of(names, words)
    return Listing(tuple(names), words, sort) if sort is not None else None


def _split_names(text: str) -> list[str]:
    """Return the parts of a list of names; a comma is a part of its name only where few of many lines hold one."""
    parts = [part for line in re.split(r"[\n;|\t]", text) if (part := line.strip().rstrip(",").strip())]
    if len(parts) == 1:
        # Before the last name of a sentence. A pattern would take for ever over a long row of blanks.
        head, _, last = " ".join(text.split()).rpartition(" and ")
        if "," in head and "," not in last:
            text = f"{head.rstrip(' ,')}, {last}"
    if len(parts) >= FEWEST and 2 * sum("," in part for part in parts) < len(parts):
        return parts
    return re.split(r"[\n,;|\t]", text)


def _bare(entry: str) -> str:
    """Return an entry without the marks around it; the last one of a sentence has its end behind it."""
    return entry.strip().strip(_QUOTES).rstrip(_ENDS).strip(_QUOTES)


def _read_body(body: str, words: str) -> Listing | None:
    """Return the list that a text is, or that follows a few words in it; `words` are those before the text."""
    lines = [[*filter(None, map(_bare, _ENTRY.findall(line)))] for line in _BULLET.sub("", body).splitlines()]
    lines = [left for line in lines if (left := [token for token in line if not _DASHES.fullmatch(token)])]
    if not words and len(lines) > FEWEST and len(lines[0]) > 1 and any(map(_is_word, lines[0])):
        words = body.strip().partition("\n")[0].strip()
        del lines[0]
    # A heading, which ends in a colon, or a question mark says more than a row of identifiers.
    said = re.search(r"\?|:\s", body) or (words and not _ASSEMBLY.fullmatch(words))
    fewest = FEWEST_BARE if not said and _is_bare(lines) else FEWEST
    column = len(lines) >= fewest and all(len(line) == 1 for line in lines)
    tokens = [token for line in lines for token in line]
    if column:
        # Words, one to a line, are a list whatever they look like, but for what they are headed by.
        if is_heading(tokens[0]):
            del tokens[0]
    else:
        tokens = [token for token in tokens if token != "and"]
        last = max((place for place, token in enumerate(tokens) if _is_word(token)), default=-1)
        front, tokens = tokens[: last + 1], tokens[last + 1 :]
        if front:
            if words or any(_has_digit(token) for token in front):
                # A question, whose words stand among its genes.
                return None
            words = " ".join(front)
    if len(tokens) < fewest or not all(map(_TOKEN.fullmatch, tokens)):
        return None
    sort = sort_of(tokens, words)
    # Words of a sentence look like symbols; identifiers hold digits or capitals.
    shaped = sum(1 for token in tokens if column or _has_digit(token) or token.isupper())
    return Listing(tuple(tokens), words, sort) if sort is not None and shaped >= 0.6 * len(tokens) else None


def _is_bare(lines: list[list[str]]) -> bool:
    """Tell whether a short text holds nothing but identifiers, and such as cannot be mistaken."""
    tokens = [token for line in lines for token in line if token != "and"]
    if len(tokens) >= FEWEST or any(map(is_heading, tokens)):
        return False
    return are_plain(tokens, column=all(len(line) == 1 for line in lines))


def _is_word(token: str) -> bool:
    """Tell whether this is a word of a sentence, and no symbol."""
    word = token.strip(".:")
    if not word.isalpha() or word.isupper():
        return False
    return bool(_SENTENCE.fullmatch(word)) or (word.islower() and len(word) >= _LONG_WORD)


def _has_digit(token: str) -> bool:
    return any(map(str.isdigit, token))


def read_file(path: Path, name: str, words: str) -> Listing:
    """Read an attached list.

    Raises:
        QueryError: it is too large, no text, or holds no identifiers.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise QueryError(f"{name} is larger than 1 MB.", "Attach a shorter list.")
    content = path.read_bytes()
    # Excel's "Unicode text" is UTF-16.
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in content and not wide:
        raise QueryError(f"{name} is not a text file.", "Attach CSV, TSV or plain text.")
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    if not text.strip():
        raise QueryError(f"{name} is empty.")
    for rows in _readings(text, words):
        found = _best_column(rows, words)
        if found is not None:
            return Listing(tuple(found[0]), words.strip(), found[1])
    raise QueryError(f"No identifiers were found in {name}.", "Put one to a line, or in a column of their own.")


def _readings(text: str, words: str) -> Iterator[list[list[str]]]:
    """Yield the rows of a file: as those of a CSV or TSV file, then with a cell for each word."""
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ";" if text.count(";") > text.count(",") else ","
    lines = text.splitlines()
    named = (kinds_of(words) | kinds_of(lines[0])) & {"drug", "disease"}
    # In most lines of a table there is a comma; where there is none, those of the others belong to their names.
    if named and delimiter == "," and '"' not in text and 2 * sum("," in line for line in lines) < len(lines):
        yield [[line.strip()] for line in lines]
    try:
        yield [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error:  # It is none: a quotation without an end, or a line that makes one cell too large to be one.
        pass
    rows = [_ENTRY.findall(line) for line in lines]
    cells = [cell for row in rows[1:] or rows for cell in row]
    if sum(map(_is_word, cells)) < _MOST_WORDS * len(cells):
        yield rows


def _best_column(rows: list[list[str]], words: str) -> tuple[list[str], Sort] | None:
    """Return the column that holds identifiers, without its heading, and their sort."""
    rows = [row for row in rows if any(row)]
    # In one go: a file of one wide row and many short ones would take for ever column by column.
    columns: list[list[str]] = [[] for _ in range(max(map(len, rows), default=0))]
    for row in rows:
        for column, cell in zip(columns, row, strict=False):
            if cell:
                column.append(cell)
    columns = [column for column in columns if column]
    sorts = {sort_of(column, words) for column in columns}
    if len(rows) == 1 or (len(sorts) == 1 and not any(map(is_heading, rows[0]))):
        # No table, but a list that goes on from line to line.
        columns = [[cell for row in rows for cell in row if cell]]
    best: tuple[float, list[str], Sort] | None = None
    asked = kinds_of(words)
    for column in columns:
        first = column[0]
        headed = is_heading(first)
        told = headed and (kinds_of(first) or ENTRIES.search(first))
        sort = sort_of(column[1:] or column, first if told else words)
        if sort is None:
            continue
        # What looks like none of the entries is a heading, too; but an odd identifier holds a digit.
        odd = not sort.pattern.fullmatch(first) and (" " in first or not _has_digit(first))
        # A disease may be called like a heading: "Alzheimer disease".
        named = sort.said in ("drug", "disease") and not is_heading(first, wholly=True)
        entries = column[1:] if (headed and not named) or odd else column
        # A heading that says so counts most, then how well the entries fit, then how telling their shape is.
        # An `id` above bare numbers may be that of the row.
        fit = float(headed and (sort.name != "NCBI Gene ids" or GENE_WORDS.search(first) is not None))
        fit += sum(1 for entry in entries if sort.pattern.fullmatch(entry)) / max(1, len(entries))
        # Beside genes or identifiers, names of drugs and diseases say something of them, unless they are asked about.
        fit -= 0.1 * (len(SORTS) if sort.said in ("drug", "disease") else SORTS.index(sort)) / len(SORTS)
        fit += 0.5 * (sort.said in asked)
        if entries and (best is None or fit > best[0]):
            best = (fit, entries, sort)
    return best[1:] if best is not None else None


def make_query(listing: Listing, species: str | None, wanted: list[str]) -> Query:
    """Return the batch request for a list; `wanted` are fields that its words ask for."""
    named = next((entity.text for entity in find_entities(listing.words) if entity.kind == "species"), None)
    params: dict[str, str] = {}
    beside: list[str] = []
    if len(listing.entries) > MOST_ENTRIES:
        raise QueryError(f"The list has {len(listing.entries):,} entries.", f"Give up to {MOST_ENTRIES:,} at once.")
    sorts = dict.fromkeys([listing.sort, *listing.sorts.values()])
    if listing.sort.name == "gene symbols":
        from tools.apis import species_words

        params["species"] = species_words.get((named or "").lower(), named or "") or species or "human"
    elif any(sort.name == "gene symbols" for sort in sorts):
        # Their species is that of the identifiers around them, which may be of any.
        beside.append("taxid")
    if listing.sort.api == "myvariant":
        # The same place is another base on another assembly.
        assemblies = read_conversation(listing.words, (), {}).assemblies
        params |= {"assembly": assemblies[0]} if len(assemblies) == 1 else {}
    fields = tuple(dict.fromkeys([*listing.sort.fields, *beside, *wanted]))
    ids = tuple(dict.fromkeys(sort.term(entry) for entry, sort in listing.sorts.items()))
    scopes = tuple(dict.fromkeys(path for sort in sorts for path in sort.scopes))
    return Query(api=listing.sort.api, kind="batch", ids=ids, scopes=scopes, fields=fields, params=params).check()


def map_list(listing: Listing, query: Query, hits: list[dict[str, Any]], notfound: list[str]) -> Mapping:
    """Put the answers of a batch in the order of its list, and mark what is missing, repeated or ambiguous."""
    found: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        found.setdefault(str(hit.get("query", hit.get("_id"))), []).append(hit)
    # Genes of several species share a symbol: among identifiers, theirs is meant.
    symbols = {entry for entry, sort in listing.sorts.items() if sort.name == "gene symbols"}
    taxids = {hit["taxid"] for term in found.keys() - symbols for hit in found[term] if "taxid" in hit}
    if len(taxids) == 1:
        for term in symbols & found.keys():
            found[term] = [hit for hit in found[term] if hit.get("taxid") in taxids] or found[term]
    names = [path for path in query.scopes if path in NAMES]
    for term, candidates in found.items():
        # An alias of one gene may be the symbol of another, and a name a part of another: the very one was meant.
        exact = [
            hit
            for hit in candidates
            if any(str(name).lower() == term.lower() for path in names for name in find(hit, path))
        ]
        if exact:
            found[term] = exact
    times = Counter(listing.entries)
    counts = {"found": 0, "missing": 0, "other": 0, "ambiguous": 0, "duplicate": 0}
    kept: list[dict[str, Any]] = []
    for entry in times:
        sort = listing.sorts.get(entry)
        candidates = found.get(sort.term(entry), []) if sort is not None else []
        marks = []
        if sort is None:
            marks.append(f"not looked up: not one of the {listing.sort.name}")
            counts["other"] += 1
        elif not candidates:
            marks.append("missing")
            counts["missing"] += 1
        elif len(candidates) > 1:
            more = " or more" if len(candidates) == _MATCHES else ""
            marks.append(f"ambiguous: {len(candidates)}{more} matches")
            counts["ambiguous"] += 1
        else:
            marks.append("found")
            counts["found"] += 1
        if times[entry] > 1:
            marks.append(f"given {times[entry]} times")
            counts["duplicate"] += times[entry] - 1
        status = ", ".join(marks)
        kept += [{**hit, "query": entry, "status": status} for hit in candidates or [{}]]
    return Mapping(query, counts, kept)


def say_counts(listing: Listing, mapping: Mapping, backend: str = "") -> str:
    """Say what became of a list, and where: what the snapshot lacks, BioThings may have."""
    counts, query = mapping.counts, mapping.query
    place = " in the offline snapshot" if backend == "offline" else ""
    parts = [f"{counts['found']:,} found"]
    parts += [
        f"{counts[name]:,} {name}{where}" for name, where in (("ambiguous", ""), ("missing", place)) if counts[name]
    ]
    if counts["other"]:
        parts.append(f"{counts['other']:,} not looked up")
    if counts["duplicate"]:
        parts.append(f"{counts['duplicate']:,} given more than once")
    meant = query.params.get("species") or query.params.get("assembly")
    # By its place, a variant is taken for one on hg19 where nothing else is said.
    presumed = meant is None and query.api == "myvariant" and not query.scopes
    meant = "hg19" if presumed else meant
    said = f"{len(listing.entries):,} {listing.called}{f' in {meant}' if meant else ''}: {', '.join(parts)}."
    if presumed:
        said += " If they are on hg38, say so before the list: “hg38:”."
    elif query.scopes and counts["missing"] and not counts["found"] and not counts["ambiguous"]:
        said += " If they are something else, say so before the list: “these drugs:”, “PubChem CIDs:”."
    if counts["other"]:
        said += " What is of another sort needs a list of its own."
    return said


def look_up(query: Query, backend: Any, timeout: float, progress: Callable[[int, int], None]) -> Any:
    """Send the batch, a few hundred entries at a time so that there is progress to show, and join the answers."""
    from tools.client import execute

    hits: list[dict[str, Any]] = []
    notfound: list[str] = []
    step = 200
    for start in range(0, len(query.ids), step):
        part = query.model_copy(update={"ids": query.ids[start : start + step]})
        result = execute(part, backend, timeout=timeout)
        hits += result.hits
        notfound += result.notfound
        progress(min(start + step, len(query.ids)), len(query.ids))
    return hits, notfound
