"""What the subject of an answer, its documents and its fields are called in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.values import IDENTITY, Document, find, name_of, strings, unique
from tools.apis import species_name
from tools.catalogue import load_catalogue
from tools.lucene import Bool, LuceneSyntaxError, Phrase, Term, clauses_of, fields_of, parse
from tools.query import Query

HUMAN = 9606
#: A value of such a field names what a query is about, as its reader does.
_NAMING = re.compile(r"(?:^|[._])(?:symbol|alias|name|label|rsid|exact)$")
#: What a field's label says of itself that a sentence need not: "alias symbols of the gene" of CDK2.
_NEEDLESS = re.compile(
    r"^all |(?: entry|,)?,? whole(?: record)?$| of the (?:gene|disease|variant|drug|chemical|compound|molecule)$"
)


def subject(query: Query, hit: Document, names: Mapping[str, str]) -> str:
    """Name what an answer is about: as the document does, else by the words of the request, else by its name."""
    own = own_name(query.api, hit)
    words = naming_words(query) if query.kind == "query" else None
    if own is not None:
        # Of `ASPIRIN` and what was asked for, `aspirin`, the latter; a gene's symbol is spelt as it is.
        same = words is not None and own.isupper() and query.api != "mygene" and own.casefold() == words.casefold()
        return words if words and same else own
    if words:
        return words
    identifier = str(hit.get("_id") or (query.ids[0] if query.ids else "?"))
    return names.get(identifier, identifier)


def introduce(api: str, hit: Document) -> str:
    """`CDK2, cyclin dependent kinase 2 (NCBI gene 1017)`, `chr7:g.140753336A>T (rs113488022, BRAF)`."""
    main = name_of(api, hit)
    identifier = str(hit.get("_id", ""))
    if api == "mygene":
        title = next(iter(map(str, find(hit, "name"))), "")
        known = [f"NCBI gene {identifier}" if identifier.isdigit() else identifier] if identifier else []
        taxid = hit.get("taxid")
        if isinstance(taxid, int) and taxid != HUMAN:
            known.insert(0, species_name(taxid))
        return main + (f", {title}" if title and title != main else "") + (f" ({', '.join(known)})" if known else "")
    others = [item for path in IDENTITY.get(api, ()) for value in find(hit, path) for item in strings(value)]
    seen, rest = {main.casefold()}, []
    for item in [*others, identifier]:
        if item and item.casefold() not in seen:
            seen.add(item.casefold())
            rest.append(item)
    rest = rest[:2] if api == "myvariant" else rest[-1:]
    return f"{main} ({', '.join(rest)})" if rest else main


def label_of(api: str, path: str, lower: bool = False) -> str:
    """What a field is called within a sentence about something: `Biological processes (GO)`."""
    field = load_catalogue(api).get(path)
    own = path if "*" in path else path.rpartition(".")[2].replace("_", " ").strip()
    label = _NEEDLESS.sub("", field.label) if field else own
    # gnomAD and dbSNP are written so at the head of a line, too.
    own_capitals = not label.partition(" ")[0].islower()
    return label if lower or own_capitals else label[:1].upper() + label[1:]


def own_name(api: str, hit: Document) -> str | None:
    """What a document calls itself, its identifier apart."""
    if api == "myvariant" or (api == "mygene" and not find(hit, "symbol")):
        return None
    named = {path: find(hit, path) for path in IDENTITY.get(api, ()) if path != "_id"}
    return name_of(api, {key: value for key, value in hit.items() if key != "_id"}) if any(named.values()) else None


def naming_words(query: Query) -> str | None:
    """The words by which a query names what it is about, where it asks for one thing."""
    try:
        leaves = clauses_of(parse(query.q or ""))
    except LuceneSyntaxError:
        return None
    named = [leaf for leaf in leaves if isinstance(leaf, (Term, Phrase)) and _NAMING.search(leaf.field or "")]
    texts = unique(leaf.text for leaf in named)
    if len(texts) == 1 and (len(leaves) == len(named) or _NAMING.search(named[0].field or "")):
        return texts[0]
    if len(leaves) == 1 and isinstance(leaves[0], (Term, Phrase)) and leaves[0].field is None:
        return leaves[0].text
    return None


def asked_symbol(query: Query) -> str | None:
    """The symbol that every gene must have which a query finds, where it names one, and no species."""
    if query.api != "mygene" or query.kind != "query" or "species" in query.params:
        return None
    try:
        tree = parse(query.q or "")
    except LuceneSyntaxError:
        return None
    needed = [node for role, node in tree.occurs if role == "must"] if isinstance(tree, Bool) else [tree]
    symbols = [node.text for node in needed if isinstance(node, (Term, Phrase)) and node.field == "symbol"]
    return symbols[0] if len(symbols) == 1 and "taxid" not in fields_of(tree) else None
