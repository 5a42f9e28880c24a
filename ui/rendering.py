"""How a record looks in the chat: text that stays text, a table whose identifiers are links, the request beside it."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from agent.sentence import SHOWN
from tools.apis import api_names
from tools.query import Query
from ui.answers import lay_out, tabulated
from ui.explain import explain

#: What Markdown would read as markup. (CommonMark: any ASCII punctuation may be escaped with a backslash.)
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$^=:@\"'])")
#: What GitHub's Markdown makes a link although nothing marks it as one; a word joiner inside keeps it text.
_BARE_LINK = re.compile(r"(https?|ftp)(?=://)|(www)(?=\.)|(?<=[\w.+-])()(?=@[\w-]+\.)", re.IGNORECASE)
_JOINER = "\u2060"
_LONGEST_CELL = 2000
#: More rows than a page can hold without hesitating; the downloads have all.
MOST_ROWS = 1000
#: An answer that lists its hits: what it says before the list; and how many of the first ones it leaves out.
_LISTING = re.compile(
    r"([\d,]+ \w+ match(?:es)?(?: in the offline snapshot)?)(?:; (?:the first \d+|items? [\d,-]+ of [\d,]+))?:(?: |\n)"
)
_SILENT = re.compile(r"Nothing is recorded for (\d+) of them\.$")
#: So many hits are as easily read in a sentence.
_FEW = 3
_SECONDS = ("retrieve", "draft", "execute", "total")

#: Identifiers and where they are at home. Addresses are those that the databases give for links to an entry.
_NUMBER = r"\d+"
_HOMES: tuple[tuple[str, str, str], ...] = (
    # field (its end, or all of it), what the value must look like, address
    ("entrezgene", _NUMBER, "https://www.ncbi.nlm.nih.gov/gene/{}"),
    ("geneid", _NUMBER, "https://www.ncbi.nlm.nih.gov/gene/{}"),
    ("gene_id", _NUMBER, "https://www.ncbi.nlm.nih.gov/gene/{}"),
    ("mygene:_id", _NUMBER, "https://www.ncbi.nlm.nih.gov/gene/{}"),
    ("taxid", _NUMBER, "https://www.ncbi.nlm.nih.gov/datasets/taxonomy/{}/"),
    ("pubmed", _NUMBER, "https://pubmed.ncbi.nlm.nih.gov/{}/"),
    ("hgnc", _NUMBER, "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:{}"),
    ("omim", r"\d{6}", "https://www.omim.org/entry/{}"),
    ("mim", r"\d{6}", "https://www.omim.org/entry/{}"),
    ("clinvar.variant_id", _NUMBER, "https://www.ncbi.nlm.nih.gov/clinvar/variation/{}/"),
    ("pubchem.cid", _NUMBER, "https://pubchem.ncbi.nlm.nih.gov/compound/{}"),
    ("cid", _NUMBER, "https://pubchem.ncbi.nlm.nih.gov/compound/{}"),
    (
        "swiss-prot",
        r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}",
        "https://www.uniprot.org/uniprotkb/{}/entry",
    ),
    (
        "trembl",
        r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}",
        "https://www.uniprot.org/uniprotkb/{}/entry",
    ),
    (
        "uniprot",
        r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}",
        "https://www.uniprot.org/uniprotkb/{}/entry",
    ),
    ("drugbank.id", r"DB\d{5}", "https://go.drugbank.com/drugs/{}"),
)
#: Identifiers that tell by their shape alone what they are.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(shape), address)
    for shape, address in (
        (r"ENS[A-Z]{0,5}[GTP]\d{11}(?:\.\d+)?", "https://www.ensembl.org/id/{}"),
        (r"rs\d+", "https://www.ncbi.nlm.nih.gov/snp/{}"),
        (r"RCV\d{9}(?:\.\d+)?", "https://www.ncbi.nlm.nih.gov/clinvar/{}/"),
        (r"MONDO:\d{7}", "https://monarchinitiative.org/{}"),
        (r"HP:\d{7}", "https://hpo.jax.org/browse/term/{}"),
        (r"GO:\d{7}", "https://amigo.geneontology.org/amigo/term/{}"),
        (r"DOID:\d+", "https://disease-ontology.org/term/{}"),
        (r"CHEBI:\d+", "https://www.ebi.ac.uk/chebi/searchId.do?chebiId={}"),
        (r"CHEMBL\d+", "https://www.ebi.ac.uk/chembl/explore/compound/{}"),
        (r"R-[A-Z]{3}-\d+", "https://reactome.org/content/detail/{}"),
        (r"HGNC:\d+", "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/{}"),
        (r"WP\d+", "https://www.wikipathways.org/pathways/{}.html"),
        (r"[A-Z]{14}-[A-Z]{10}-[A-Z]", "https://pubchem.ncbi.nlm.nih.gov/#query={}"),
        (r"[NX][MR]_\d+(?:\.\d+)?", "https://www.ncbi.nlm.nih.gov/nuccore/{}"),
        (r"[NX]P_\d+(?:\.\d+)?", "https://www.ncbi.nlm.nih.gov/protein/{}"),
    )
)
#: One word of a cell, with an identifier perhaps in brackets behind a name: `DNA repair (R-HSA-73894)`.
_WORDS = re.compile(r"[^\s;,()\[\]]+")


def escape(text: str) -> str:
    """Write a text of an API or of a user so that Markdown shows it as it is: no markup, no link, no image."""
    plain = _BARE_LINK.sub(lambda match: match[0] + _JOINER, text)
    # A line that is indented by four would be code. The page shows line breaks as they are.
    return "\n".join(_MARKUP.sub(r"\\\1", line.strip()) for line in plain.splitlines())


def escape_piece(text: str) -> str:
    """Write a piece of a text that is still being written."""
    return _MARKUP.sub(r"\\\1", text)


def link(path: str, text: str, api: str = "") -> str | None:
    """Return the address of an identifier at the database that it is of; None for any other text."""
    lowered = path.lower()
    for shape, address in _SHAPES:
        if shape.fullmatch(text):
            # ChEMBL names targets as it names compounds, but shows them elsewhere.
            place = address.replace("/compound/", "/target/") if "target" in lowered else address
            return place.format(quote(text, safe=":"))
    for field, shape_text, address in _HOMES:
        where = f"{api}:{lowered}" if ":" in field else lowered
        if (where == field or where.endswith(f".{field}")) and re.fullmatch(shape_text, text):
            return address.format(quote(text, safe=""))
    return None


def cell(path: str, text: str, api: str) -> Any:
    """Return a cell: its text, or its text with the links that are in it, each as [start, end, address].

    The page counts as JavaScript does, in units of UTF-16.
    """
    shown = text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"

    wide = [] if shown.isascii() else [index for index, character in enumerate(shown) if character > "\uffff"]

    def place(index: int) -> int:
        return index + bisect_left(wide, index)

    links = [
        [place(match.start()), place(match.end()), address]
        for match in _WORDS.finditer(shown)
        if (address := link(path, match[0], api)) is not None
    ]
    return {"t": shown, "l": links} if links else shown


def headline(record: dict[str, Any]) -> str:
    """Return the answer without the hits that it lists, where a table below shows more than a few of them."""
    answer: str = record["answer"]
    found = _LISTING.match(answer)
    if found is None or len(record["hits"]) <= _FEW:
        return answer
    first, *rest = answer.split("\n")
    if first.endswith(":"):
        silent = next((int(told[1]) for line in rest if (told := _SILENT.match(line))), 0)
        rest = rest[min(SHOWN, len(record["hits"])) - silent :]
    return "\n".join([f"{found[1]}.", *rest])


def show_table(query: Query, hits: list[dict[str, Any]], *, listed: bool = False) -> dict[str, Any]:
    """Return the table of these hits, or of a list's, for the page: columns with their labels, and rows of cells."""
    from tools.catalogue import load_catalogue

    header, rows = lay_out(query, hits, listed=listed)
    catalogue = load_catalogue(query.api)
    labels = [field.label if (field := catalogue.get(path)) is not None else "" for path in header]
    return {
        "columns": [{"path": path, "label": label} for path, label in zip(header, labels, strict=True)],
        "rows": [
            # A whole document stands with a field to a row: there the path of a value is the cell beside it.
            [cell(row[0] if path == "value" else path, text, query.api) for path, text in zip(header, row, strict=True)]
            for row in rows
        ],
    }


def is_torn(hits: list[dict[str, Any]]) -> bool:
    """Tell whether the request of a list cannot be written: in its line, a comma would part a name in two."""
    return any("," in str(hit["query"]) and not hit["status"].startswith("not looked up") for hit in hits)


def answer_props(record: dict[str, Any], answer_id: str | None, draft: str | None = None) -> dict[str, Any]:
    """Return what the page's answer element shows of a record.

    Args:
        record: the record of a question or of an edited request.
        answer_id: under which its hits can be downloaded; None: they cannot.
        draft: the request of which this one is the edited form, if it is.
    """
    query = Query.parse(record["request"])
    columns, rows = tabulated(record)
    counted = len(rows) > len(record["hits"])
    # A request that could not be sent may say anything there.
    shown, start = min(len(rows), MOST_ROWS), query.params.get("from", "")
    torn = bool(record.get("list")) and is_torn(record["hits"])
    return {
        "id": answer_id,
        "status": record["status"],
        "question": record["question"],
        "api": query.api,
        # That of a long list would be many times as long as all that is shown.
        "request": request_props(query) if len(query.ids) <= MOST_ROWS and not torn else None,
        "table": show_table(columns, rows[:MOST_ROWS], listed=bool(record.get("list"))),
        "total": len(rows) if counted else max(record["total"] or 0, len(rows)),
        "shown": shown,
        "start": int(start) if start.isdecimal() and query.kind == "query" and not counted else 0,
        "backend": record["backend"],
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {name: round(record["seconds"].get(name, 0.0), 2) for name in _SECONDS},
        "draft": draft,
        "listable": query.kind == "query" and not counted,
    }


def request_props(query: Query) -> dict[str, Any]:
    """Return what the page's request card shows: the parts to edit, the link, the Python, what each clause means."""
    return {
        "line": query.line,
        "url": query.url,
        "python": query.snippet(),
        "api": query.api,
        "kind": query.kind,
        "q": query.q if query.kind == "query" else ", ".join(query.ids),
        "scopes": ",".join(query.scopes),
        "fields": ",".join(query.fields),
        "params": dict(query.params),
        "explain": [{"text": text, "means": means} for text, means in explain(query)],
        "apis": list(api_names()),
    }
