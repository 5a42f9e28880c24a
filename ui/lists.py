"""Lists of identifiers, pasted or attached: looked up as batch requests; one table says what became of each entry."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.grammar.literals import read_conversation
from agent.values import find
from rag.entities import find_entities
from tools.errors import QueryError
from tools.query import Query

LARGEST_BYTES = 2**20
#: More than 1 MB of rsIDs holds; more entries, which would be shorter still, would take the memory of all chats.
MOST_ENTRIES = 200_000
#: A shorter row of identifiers is a question, which the model can put as well.
FEWEST = 8
_ENTRY = re.compile(r"[^\s,;|]+")
#: Insertions are written out in HGVS, so that an entry may be long.
_TOKEN = re.compile(r"(?=.*[A-Za-z0-9])[\w.:>*+\-@/]{1,200}")
#: What stands around the entries of a list that was copied from a text, a program or a page.
_BULLET = re.compile(r"^[ \t]*(?:[-*•–—]|\d{1,6}[.)])[ \t]+", re.MULTILINE)
_QUOTES, _ENDS = "\"'`“”‘’«»[](){}", ".:?!"
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
#: What stands before the last of several names in a sentence.
_LAST = re.compile(r",?\s+and\s+(?=[^,]*$)")
#: A name of a drug or a disease has no more words than this.
_LONGEST_NAME = 12


@dataclass(frozen=True)
class Sort:
    """A sort of identifier: how it looks, which API has it, and the fields in which it is looked up (none: by id).

    `said`: it looks like another sort, and is taken for this one only where words call it so. `cut`: what may stand in
    an entry but not in the field.
    """

    name: str
    pattern: re.Pattern[str]
    api: str
    scopes: tuple[str, ...]
    fields: tuple[str, ...]
    said: str = ""
    cut: re.Pattern[str] | None = None

    def term(self, entry: str) -> str:
        """Return what an entry is looked up as."""
        return self.cut.sub("", entry) if self.cut is not None else entry


_GENE = ("symbol", "name", "entrezgene")
_VARIANT = ("dbsnp.rsid", "clinvar.gene.symbol", "clinvar.rcv.clinical_significance")
_DRUG = ("chembl.pref_name", "chembl.molecule_chembl_id", "pubchem.cid")
_DISEASE = ("mondo.label", "mondo.mondo")
_DRUG_NAMES = ("chembl.pref_name", "gtopdb.name", "chebi.name", "drugbank.name")
_DISEASE_NAMES = ("mondo.label", "disease_ontology.name")
#: Fields of names, in which a look-up finds longer names, too.
_NAMES = ("symbol", *_DRUG_NAMES, *_DISEASE_NAMES)
_SAID = {"PubChem CIDs": "pubchem", "OMIM numbers": "omim", "drug names": "drug", "disease names": "disease"}
_CUT = {
    **dict.fromkeys(("Ensembl ids", "Ensembl transcripts", "Ensembl proteins"), re.compile(r"\.\d+$")),
    "HGNC ids": re.compile("^HGNC:"),
}
_UNIPROT = r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}"
#: The first that fits most entries is taken; symbols, which almost anything looks like, come last.
SORTS = tuple(
    Sort(name, re.compile(pattern), api, scopes, fields, _SAID.get(name, ""), _CUT.get(name))
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
        ("DrugBank ids", r"DB\d{5}", "mychem", ("drugbank.id",), ("drugbank.name", *_DRUG)),
        ("ChEBI ids", r"CHEBI:\d+", "mychem", ("chebi.id",), ("chebi.name", *_DRUG)),
        ("HGNC ids", r"HGNC:\d+", "mygene", ("HGNC",), _GENE),
        ("RefSeq ids", r"[NX][MR]_\d+(?:\.\d+)?", "mygene", ("refseq.rna",), _GENE),
        ("UniProt ids", _UNIPROT, "mygene", ("uniprot.Swiss-Prot", "uniprot.TrEMBL"), _GENE),
        ("PubChem CIDs", r"\d+", "mychem", ("pubchem.cid",), _DRUG),
        ("OMIM numbers", r"\d{6}", "mydisease", ("mondo.xrefs.omim", "hpo.omim"), _DISEASE),
        ("NCBI Gene ids", r"\d+", "mygene", ("entrezgene", "retired"), _GENE),
        ("drug names", r".*[A-Za-z].*", "mychem", _DRUG_NAMES, ("chembl.molecule_chembl_id", *_DRUG_NAMES)),
        ("disease names", r".*[A-Za-z].*", "mydisease", _DISEASE_NAMES, ("mondo.mondo", *_DISEASE_NAMES)),
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
    first, _, below = text.strip().partition("\n")
    listing = _read_names(rest, lead.strip()) if colon else _read_names(below, first.strip())
    listing = listing or (_read_body(rest, lead.strip()) if colon else None) or _read_body(text, "")
    if listing is not None and len(text.encode()) > LARGEST_BYTES:
        raise QueryError("The list is larger than 1 MB.", "Paste a shorter one.")
    return listing


def _read_names(body: str, words: str) -> Listing | None:
    """Return the list of drugs or diseases, whose names may have several words, that `words` announce."""
    if not _kinds(words) & {"drug", "disease"}:
        return None
    text = _BULLET.sub("", body).strip()
    if "," in text and "\n" not in text:
        text = _LAST.sub(", ", text)
    names = [name for part in re.split(r"[\n,;|]", text) if (name := _bare(part))]
    if len(names) < FEWEST or "?" in text or any(len(name.split()) > _LONGEST_NAME for name in names):
        return None
    sort = _sort_of(names, words)
    return Listing(tuple(names), words, sort) if sort is not None else None


def _bare(entry: str) -> str:
    """Return an entry without the marks around it; the last one of a sentence has its end behind it."""
    return entry.strip().strip(_QUOTES).rstrip(_ENDS).strip(_QUOTES)


def _read_body(body: str, words: str) -> Listing | None:
    """Return the list that a text is, or that follows a few words in it; `words` are those before the text."""
    lines = [[*filter(None, map(_bare, _ENTRY.findall(line)))] for line in _BULLET.sub("", body).splitlines()]
    lines = [line for line in lines if line]
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
    sort = _sort_of(tokens, words)
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
    # Excel's "Unicode text" is UTF-16.
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in content and not wide:
        raise QueryError(f"{name} is not a text file.", "Attach CSV, TSV or plain text.")
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    if not text.strip():
        raise QueryError(f"{name} is empty.")
    for rows in _readings(text):
        found = _best_column(rows, words)
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
    sorts = {_sort_of(column, words) for column in columns}
    if len(rows) == 1 or (len(sorts) == 1 and not any(map(_is_heading, rows[0]))):
        # No table, but a list that goes on from line to line.
        columns = [[cell for row in rows for cell in row if cell]]
    best: tuple[float, list[str], Sort] | None = None
    asked = _kinds(words)
    for column in columns:
        first = column[0]
        headed = _is_heading(first)
        told = headed and (_kinds(first) or _ENTRIES.search(first))
        sort = _sort_of(column[1:] or column, first if told else words)
        if sort is None:
            continue
        # What looks like none of the entries is a heading, too; but an odd identifier holds a digit.
        odd = not sort.pattern.fullmatch(first) and (" " in first or not _has_digit(first))
        entries = column[1:] if headed or odd else column
        # A heading that says so counts most, then how well the entries fit, then how telling their shape is.
        # An `id` above bare numbers may be that of the row.
        fit = float(headed and (sort.name != "NCBI Gene ids" or _GENE_WORDS.search(first) is not None))
        fit += sum(1 for entry in entries if sort.pattern.fullmatch(entry)) / max(1, len(entries))
        # Beside genes or identifiers, names of drugs and diseases say something of them, unless they are asked about.
        fit -= 0.1 * (len(SORTS) if sort.said in ("drug", "disease") else SORTS.index(sort)) / len(SORTS)
        fit += 0.5 * (sort.said in asked)
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
    r"|cid|cids|pubchem|pubchemcid|omim|mim|drugbank|chebi|doid|compound|compounds|chemical|chemicals|disorder"
    r"|genesymbol|genename|hgncid|hgncsymbol|ensemblid|entrezid|uniprotid",
    re.IGNORECASE,
)


_GENE_WORDS = re.compile(r"gene|entrez|ncbi", re.IGNORECASE)
_PUBCHEM = re.compile(r"pubchem|(?<![a-z])cids?(?![a-z])", re.IGNORECASE)
_OMIM = re.compile(r"(?<![a-z])o?mim(?![a-z])", re.IGNORECASE)
#: What words call the entries: `ChEMBL ids of these drugs`, `drug names`; not what is wanted: `drugs for these genes`.
_ENTRIES = re.compile(
    r"(?:^|\b(?:these|those|following|of|for|my|map|convert)\s+)(?:the\s+|some\s+)?(?:[\w-]+\s+)??"
    r"(?:(genes?|symbols?|proteins?)|(drugs?|chemicals?|compounds?|medicines?|medications?)|(diseases?|disorders?))"
    r"(?=\s+(?:names?|list|to|into|in|with|and)\b|[\s:_]*$|_\w+$)",
    re.IGNORECASE,
)


def _kinds(words: str) -> set[str]:
    """Return what words call the entries of a list: `drug`, `disease`, `pubchem` or `omim`; none for all others."""
    kinds = set()
    if not _GENE_WORDS.search(words):
        kinds |= {kind for kind, said in (("pubchem", _PUBCHEM), ("omim", _OMIM)) if said.search(words)}
    called = list(_ENTRIES.finditer(words))
    if called and not called[-1][1]:
        kinds.add("drug" if called[-1][2] else "disease")
    return kinds


def _is_heading(text: str) -> bool:
    """Tell whether a cell says what stands below it."""
    return any(map(_HEADINGS.fullmatch, re.split(r"[\s_./()-]+", text)))


def _sort_of(entries: list[str], words: str) -> Sort | None:
    """Return the sort that most entries are of; `words` say what they are called, where that is known."""
    kinds = _kinds(words)
    for sort in SORTS:
        if sort.said and sort.said not in kinds:
            continue
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
    if listing.sort.api == "myvariant":
        # The same place is another base on another assembly.
        assemblies = read_conversation(listing.words, (), {}).assemblies
        params |= {"assembly": assemblies[0]} if len(assemblies) == 1 else {}
    if len(listing.entries) > MOST_ENTRIES:
        raise QueryError(f"The list has {len(listing.entries):,} entries.", f"Give up to {MOST_ENTRIES:,} at once.")
    fields = tuple(dict.fromkeys([*listing.sort.fields, *wanted]))
    ids = tuple(dict.fromkeys(map(listing.sort.term, listing.entries)))
    return Query(
        api=listing.sort.api, kind="batch", ids=ids, scopes=listing.sort.scopes, fields=fields, params=params
    ).check()


def wanted_fields(listing: Listing, home: Path) -> list[str]:
    """Return the fields that the words around a list ask for, best first."""
    from rag.retrieve import rank

    words = _EMPTY_WORDS.sub(" ", _ENTRIES.sub(" ", listing.words))
    if not re.search(r"[A-Za-z]{3}", words):
        return []
    return [field.path for field in rank(listing.words, [listing.sort.api], 1, home=home)]


def map_list(listing: Listing, query: Query, hits: list[dict[str, Any]], notfound: list[str]) -> Mapping:
    """Put the answers of a batch in the order of its list, and mark what is missing, repeated or ambiguous."""
    found: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        found.setdefault(str(hit.get("query", hit.get("_id"))), []).append(hit)
    names = [path for path in query.scopes if path in _NAMES]
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
    counts = {"found": 0, "missing": 0, "ambiguous": 0, "duplicate": 0}
    kept: list[dict[str, Any]] = []
    for entry in times:
        candidates = found.get(listing.sort.term(entry), [])
        marks = []
        if not candidates:
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
    if counts["duplicate"]:
        parts.append(f"{counts['duplicate']:,} given more than once")
    meant = query.params.get("species") or query.params.get("assembly")
    said = f"{len(listing.entries):,} {listing.sort.name}{f' in {meant}' if meant else ''}: {', '.join(parts)}."
    if not counts["found"] and not counts["ambiguous"]:
        said += " If they are something else, say so before the list: “these drugs:”, “PubChem CIDs:”."
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
