"""What the words around a list ask for: the fields that are shown beside its entries."""

from __future__ import annotations

import re
from pathlib import Path

from rag.entities import find_entities
from ui.lists import Listing
from ui.sorts import ENTRIES

#: Words by which a list is handed over; what is left says what is wanted of it.
_EMPTY_WORDS = re.compile(
    r"\b(?:map|convert|look ?up|these|those|the|following|list|of|to|for|in|ids?|genes?|variants?|please|get|find|show"
    r"|me|and|with|their|my|our|from|on|at|by|all|some|what|which|are|is)\b",
    re.IGNORECASE,
)
#: What stands between the things that words ask for, and more of them than anybody asks for.
_AND = re.compile(r"[,;&]|\band\b", re.IGNORECASE)
_MOST_PARTS = 8
_SHARED = re.compile(r"\b(?:ids?|identifiers?|accessions?|numbers?)\b", re.IGNORECASE)
#: Words that begin with as many letters alike are taken for the same.
_STEM = 5


def wanted_fields(listing: Listing, home: Path) -> list[str]:
    """Return the fields that the words around a list ask for: the best for each thing that they name."""
    from rag.retrieve import rank
    from tools.catalogue import load_catalogue

    api = listing.sort.api
    parts = [part.strip() for part in _AND.split(_without_entries(listing.words)) if _stems(part)][:_MOST_PARTS]
    wanted = []
    for part in parts:
        text = listing.words
        if len(parts) > 1:
            # "Ensembl and UniProt ids": what stands behind the last is said of all.
            shared = _SHARED.search(parts[-1])
            text = f"{part} {shared[0]}" if shared is not None and not _SHARED.search(part) else part
        for found in rank(text, [api], 1, home=home):
            field = load_catalogue(api).get(found.path)
            if field is None:
                continue
            # Some field always comes first; where nothing said of it is in the words, they do not ask for it.
            if _stems(part) & _stems(" ".join([field.path, field.label, field.description, *field.synonyms])):
                wanted.append(field.path)
    return wanted


def _without_entries(words: str) -> str:
    """Return words without what they call the entries of the list, and without their species."""
    *_, called = [None, *ENTRIES.finditer(words)]
    if called is not None:
        words = f"{words[: called.start()]} {words[called.end() :]}"
    for entity in find_entities(words):
        if entity.kind == "species":
            words = words.replace(entity.text, " ")
    return words


def _stems(text: str) -> set[str]:
    """Return how the words of a text begin, but for empty ones, so that `pathway` is found in `pathways`."""
    return {word.lower().rstrip("s")[:_STEM] for word in re.findall(r"[A-Za-z]{3,}", _EMPTY_WORDS.sub(" ", text))}
