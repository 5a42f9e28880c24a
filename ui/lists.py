"""Lists of identifiers, pasted or attached: looked up as batch requests; one table says what became of each entry."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.entities import find_entities
from tools.errors import QueryError
from tools.query import Query

LARGEST_BYTES = 2**20
#: More than 1 MB of rsIDs holds; more entries, which would be shorter still, would take the memory of all chats.
MOST_ENTRIES = 200_000
#: A shorter row of identifiers is a question, which the model can put as well.
FEWEST = 8
_ENTRY = re.compile(r"[^\s,;]+")
_TOKEN = re.compile(r"(?=.*[A-Za-z0-9])[\w.:>*+\-@/]{2,40}")
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


@dataclass(frozen=True)
class Sort:
    """A sort of identifier: how it looks, which API has it, and the fields in which it is looked up (none: by id)."""

    name: str
    pattern: re.Pattern[str]
    api: str
    scopes: tuple[str, ...]
    fields: tuple[str, ...]


_GENE = ("symbol", "name", "entrezgene")
_VARIANT = ("dbsnp.rsid", "clinvar.gene.symbol", "clinvar.rcv.clinical_significance")
_DRUG = ("chembl.pref_name", "chembl.molecule_chembl_id", "pubchem.cid")
_DISEASE = ("mondo.label", "mondo.mondo")
_UNIPROT = r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}"
#: The first that fits most entries is taken; symbols, which almost anything looks like, come last.
SORTS = tuple(
    Sort(name, re.compile(pattern), api, scopes, fields)
    for name, pattern, api, scopes, fields in (
        ("rsIDs", r"rs\d+", "myvariant", ("dbsnp.rsid",), _VARIANT),
        ("variants in HGVS", r"chr\w{1,2}:g\.\S+", "myvariant", (), _VARIANT),
        ("Ensembl ids", r"ENS[A-Z]{0,5}G\d{11}(?:\.\d+)?", "mygene", ("ensembl.gene",), _GENE),
        ("Ensembl transcripts", r"ENS[A-Z]{0,5}T\d{11}(?:\.\d+)?", "mygene", ("ensembl.transcript",), _GENE),
        ("Ensembl proteins", r"ENS[A-Z]{0,5}P\d{11}(?:\.\d+)?", "mygene", ("ensembl.protein",), _GENE),
        ("MONDO ids", r"MONDO:\d{7}", "mydisease", ("mondo.mondo",), _DISEASE),
        ("Disease Ontology ids", r"DOID:\d+", "mydisease", ("disease_ontology.doid",), _DISEASE),
        ("InChIKeys", r"[A-Z]{14}-[A-Z]{10}-[A-Z]", "mychem", (), _DRUG),
        ("ChEMBL ids", r"CHEMBL\d+", "mychem", ("chembl.molecule_chembl_id",), _DRUG),
        ("RefSeq ids", r"[NX][MR]_\d+(?:\.\d+)?", "mygene", ("refseq.rna",), _GENE),
        ("UniProt ids", _UNIPROT, "mygene", ("uniprot.Swiss-Prot", "uniprot.TrEMBL"), _GENE),
        ("NCBI Gene ids", r"\d+", "mygene", ("entrezgene", "retired"), _GENE),
        ("gene symbols", r"[A-Za-z][\w.@-]{1,20}", "mygene", ("symbol", "alias"), _GENE),
    )
)


@dataclass(frozen=True)
class Listing:
    """A list as it was given: its entries, each as often as it stands there, and the words around it."""

    entries: tuple[str, ...]
    words: str
    sort: Sort


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
    lead, colon, rest = text.partition(":\n") if ":\n" in text else text.partition(": ")
    listing = (_read_body(rest, lead.strip()) if colon else None) or _read_body(text, "")
    if listing is not None and len(text.encode()) > LARGEST_BYTES:
        raise QueryError("The list is larger than 1 MB.", "Paste a shorter one.")
    return listing


def _read_body(body: str, words: str) -> Listing | None:
    """Return the list that a text is, or that follows a few words in it; `words` are those before the text."""
    lines = [_ENTRY.findall(line) for line in body.splitlines() if _ENTRY.search(line)]
    if not words and len(lines) > FEWEST and len(lines[0]) > 1 and any(map(_is_word, lines[0])):
        words = body.strip().partition("\n")[0].strip()
        del lines[0]
    column = len(lines) >= FEWEST and all(len(line) == 1 for line in lines)
    tokens = [token for line in lines for token in line]
    if column:
        # Words, one to a line, are a list whatever they look like, but for what they are headed by.
        if _is_heading(tokens[0]):
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
    if len(tokens) < FEWEST or not all(map(_TOKEN.fullmatch, tokens)):
        return None
    sort = _sort_of(tokens)
    # Words of a sentence look like symbols; identifiers hold digits or capitals.
    shaped = sum(1 for token in tokens if column or _has_digit(token) or token.isupper())
    return Listing(tuple(tokens), words, sort) if sort is not None and shaped >= 0.6 * len(tokens) else None


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
    if b"\0" in content:
        raise QueryError(f"{name} is not a text file.", "Attach CSV, TSV or plain text.")
    text = content.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise QueryError(f"{name} is empty.")
    for rows in _readings(text):
        found = _best_column(rows)
        if found is not None:
            return Listing(tuple(found[0]), words.strip(), found[1])
    raise QueryError(f"No identifiers were found in {name}.", "Put one to a line, or in a column of their own.")


def _readings(text: str) -> Iterator[list[list[str]]]:
    """Yield the rows of a file: as those of a CSV or TSV file, then with a cell for each word."""
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ";" if text.count(";") > text.count(",") else ","
    try:
        yield [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error:  # It is none: a quotation without an end, or a line that makes one cell too large to be one.
        pass
    rows = [_ENTRY.findall(line) for line in text.splitlines()]
    cells = [cell for row in rows[1:] or rows for cell in row]
    if sum(map(_is_word, cells)) < _MOST_WORDS * len(cells):
        yield rows


def _best_column(rows: list[list[str]]) -> tuple[list[str], Sort] | None:
    """Return the column that holds identifiers, without its heading, and their sort."""
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    columns = [[row[number] for row in rows if number < len(row) and row[number]] for number in range(width)]
    sorts = {_sort_of(column) for column in columns}
    if len(rows) == 1 or (len(sorts) == 1 and not any(map(_is_heading, rows[0]))):
        # No table, but a list that goes on from line to line.
        columns = [[cell for row in rows for cell in row if cell]]
    best: tuple[float, list[str], Sort] | None = None
    for column in columns:
        sort = _sort_of(column[1:] or column)
        if sort is None:
            continue
        first = column[0]
        headed = _is_heading(first)
        # What looks like none of the entries is a heading, too; but an odd identifier holds a digit.
        odd = not sort.pattern.fullmatch(first) and (" " in first or not _has_digit(first))
        entries = column[1:] if headed or odd else column
        # A heading that says so counts most, then how well the entries fit, then how telling their shape is.
        fit = float(headed)
        fit += sum(1 for entry in entries if sort.pattern.fullmatch(entry)) / max(1, len(entries))
        fit -= 0.1 * SORTS.index(sort) / len(SORTS)
        if entries and (best is None or fit > best[0]):
            best = (fit, entries, sort)
    return best[1:] if best is not None else None


#: Words by which a list is handed over; what is left says what is wanted of it.
_EMPTY_WORDS = re.compile(
    r"\b(?:map|convert|look ?up|these|those|the|following|list|of|to|for|in|ids?|genes?|please|get|find|show|me"
    r"|and|with|their)\b",
    re.IGNORECASE,
)
_HEADINGS = re.compile(
    r"gene|genes|symbol|symbols|id|ids|name|names|rsid|rsids|variant|variants|drug|drugs|disease|diseases"
    r"|identifier|identifiers|accession|hgnc|hugo|ensembl|entrez|uniprot|refseq|chembl|mondo|dbsnp|geneid"
    r"|genesymbol|genename|hgncid|hgncsymbol|ensemblid|entrezid|uniprotid",
    re.IGNORECASE,
)


def _is_heading(text: str) -> bool:
    """Tell whether a cell says what stands below it."""
    return any(map(_HEADINGS.fullmatch, re.split(r"[\s_./()-]+", text)))


def _sort_of(entries: list[str]) -> Sort | None:
    for sort in SORTS:
        if sum(1 for entry in entries if sort.pattern.fullmatch(entry)) >= 0.6 * len(entries) > 0:
            return sort
    return None


def make_query(listing: Listing, species: str | None, wanted: list[str]) -> Query:
    """Return the batch request for a list; `wanted` are fields that its words ask for."""
    named = next((entity.text for entity in find_entities(listing.words) if entity.kind == "species"), None)
    params: dict[str, str] = {}
    if listing.sort.api == "mygene" and listing.sort.name == "gene symbols":
        from tools.apis import species_words

        params["species"] = species_words.get((named or "").lower(), named or "") or species or "human"
    if len(listing.entries) > MOST_ENTRIES:
        raise QueryError(f"The list has {len(listing.entries):,} entries.", f"Give up to {MOST_ENTRIES:,} at once.")
    fields = tuple(dict.fromkeys([*listing.sort.fields, *wanted]))
    ids = tuple(dict.fromkeys(listing.entries))
    return Query(
        api=listing.sort.api, kind="batch", ids=ids, scopes=listing.sort.scopes, fields=fields, params=params
    ).check()


def wanted_fields(listing: Listing, home: Path) -> list[str]:
    """Return the fields that the words around a list ask for, best first."""
    from rag.retrieve import rank

    words = _EMPTY_WORDS.sub(" ", listing.words)
    if not re.search(r"[A-Za-z]{3}", words):
        return []
    return [field.path for field in rank(listing.words, [listing.sort.api], 1, home=home)]


def map_list(listing: Listing, query: Query, hits: list[dict[str, Any]], notfound: list[str]) -> Mapping:
    """Put the answers of a batch in the order of its list, and mark what is missing, repeated or ambiguous."""
    found: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        found.setdefault(str(hit.get("query", hit.get("_id"))), []).append(hit)
    for entry, candidates in found.items():
        # An alias of one gene may be the symbol of another: the symbol is what was meant.
        exact = [hit for hit in candidates if str(hit.get("symbol", "")).lower() == entry.lower()]
        if exact and "symbol" in query.scopes:
            found[entry] = exact
    times = Counter(listing.entries)
    counts = {"found": 0, "missing": 0, "ambiguous": 0, "duplicate": 0}
    kept: list[dict[str, Any]] = []
    for entry in query.ids:
        candidates = found.get(entry, [])
        marks = []
        if not candidates:
            marks.append("missing")
            counts["missing"] += 1
        elif len(candidates) > 1:
            marks.append(f"ambiguous: {len(candidates)} matches")
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


def say_counts(listing: Listing, mapping: Mapping) -> str:
    """Say what became of a list."""
    counts, query = mapping.counts, mapping.query
    parts = [f"{counts['found']:,} found"]
    parts += [f"{counts[name]:,} {name}" for name in ("ambiguous", "missing") if counts[name]]
    if counts["duplicate"]:
        parts.append(f"{counts['duplicate']:,} given more than once")
    species = f" in {query.params['species']}" if query.params.get("species") else ""
    return f"{len(listing.entries):,} {listing.sort.name}{species}: {', '.join(parts)}."


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
