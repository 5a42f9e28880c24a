"""Words and spans of a text, with the spellings of each that a request may use.

Every spelling is a normal form of what was typed: without surrounding punctuation or a possessive, in the singular,
with plain dashes and quotes, a Greek letter by its name. Nothing is looked up; the text alone decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_STOP_WORDS = """
    a about above across after again against all along also although am among an and any anybody anyone anything
    are around as ask at available be because been before being below between both but by can cannot could did do
    does doing done due during each either else etc ever every everything find for from further get give given gives
    got had has have having he hello help hence her here hers hey hi him his how however i if in instead into is it
    its itself just kindly know let like list look lookup many may me might more moreover most much must my need
    neither no nor not now of off ok okay on once one ones only onto or other others our out over own per please
    possible provide really regarding respectively retrieve return rather same say see shall she should show showing
    so some somehow something still such sure tell than thank thanks that the their them themselves then there these
    they thing things this those though through thus to together too toward under until up upon us use using versus
    very via vs want wants was way we well were what what's whats whatever when where whether which while who whoever
    whom whose why will wish with within without would yes yet you your"""
#: Words that carry no content of their own: no value begins or ends with one.
STOP_WORDS = frozenset(_STOP_WORDS.split())
#: Stop words that may end a name: hepatitis a, vitamin i.
_FINAL = frozenset({"a", "i"})

_PLAIN = str.maketrans(
    {
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2018": "'",
        "\u2019": "'", "\u02bc": "'", "\u2032": "'", "\u201c": '"', "\u201d": '"', "\u00b4": "'", "`": "'",
        "\u00a0": " ", "\u00ad": None, "\u00b5": "μ",
    }
)  # fmt: skip
_GREEK = {
    letter: unicodedata.name(letter).rpartition(" ")[2].lower().replace("lamda", "lambda")
    for letter in "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
}
_OPENING = "([{<\"'“‘«‹„¿¡*_`~"
_CLOSING = ")]}>\"'”’»›.,;:!?…*_`~，。？！；：、"
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}
_SPLIT = re.compile(r"[/,;|:=*→＝：，]+")  # `*` as in the allele CYP2C19*2
_HYPHENS = re.compile(r"-+")
# Joined signs that are one name, never its parts: InChIKey, CAS number, HGVS, chromosome interval, version suffixes.
_WHOLE = re.compile(
    r"[A-Z]{14}-[A-Z]{10}-[A-Z]|\d{2,7}-\d\d-\d|.*[:(]?[gcpmnr]\.[\d*(A-Z-].*|[A-Za-z]+_\d+(?:\.\d+)?:.*", re.IGNORECASE
)
# Chinese, Japanese and Korean are written without spaces: names in Latin letters stand inside.
_UNSPACED = re.compile(r"[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]")
_LATIN_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:>-]*[A-Za-z0-9]")
_NO_PLURALS = frozenset(
    {"series", "species", "diabetes", "rabies", "herpes", "scabies", "caries", "measles", "mumps", "hives"}
)
_IRREGULAR = {
    "mice": "mouse", "children": "child", "women": "woman", "men": "man", "feet": "foot", "teeth": "tooth",
    "loci": "locus", "nuclei": "nucleus", "vertebrae": "vertebra", "bacteria": "bacterium", "alleles": "allele",
    "diagnoses": "diagnosis", "metastases": "metastasis", "neuroses": "neurosis", "indices": "index",
    "carcinomata": "carcinoma", "leaves": "leaf", "lives": "life",
}  # fmt: skip
_LONGEST_WORD = 120


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: as it stands inside a span, the spellings with which it may end one, and what bounds it.

    `opens`: a span may not reach back across this word's left edge; `closes`: nor forth across its right edge.
    """

    inner: tuple[str, ...]
    final: tuple[str, ...]
    starts: bool
    ends: bool
    opens: bool
    closes: bool
    parts: tuple[str, ...]


def clean(text: str) -> str:
    """Return `text` composed, without control and format characters, lone surrogates and private characters."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") else sign for sign in text)


def read_words(text: str) -> list[Word]:
    """Split a cleaned text into words; tokens without a letter or digit only bound their neighbours."""
    words: list[Word] = []
    bound = True
    for token in text.split():
        start, stop = _trim(token)
        core = token[start:stop]
        if not any(map(str.isalnum, core)) or len(core) > _LONGEST_WORD:
            bound = True
            continue
        before, after = token[:start], token[stop:]
        opens = bound or any(sign in before for sign in '([{<"“«')
        sentence_end = any(sign in after for sign in '?!;:…)]}"”»。？！；') or (after[:1] == "." and len(core) > 2)
        words.append(_word(core, after, opens, sentence_end))
        bound = sentence_end
    return words


def _word(core: str, after: str, opens: bool, closes: bool) -> Word:
    simple = core.translate(_PLAIN)
    stop = _is_stop(core, opens)
    # The capital at the beginning of a sentence need not belong to the word.
    cores = (core, core.lower()) if opens and core.isalpha() and core == core.capitalize() else (core,)
    final: tuple[str, ...] = ()
    if not stop or core.lower() in _FINAL:
        final = tuple(dict.fromkeys(form for each in cores for form in _spellings(each)))
    inner: tuple[str, ...] = ()
    if not closes:
        inner = tuple(dict.fromkeys(form for each in cores for form in _inner(each, each.translate(_PLAIN), after)))
    return Word(inner, final, not stop, bool(final), opens, closes, tuple(_parts(simple)) if final else ())


def _is_stop(core: str, first: bool) -> bool:
    lower = core.lower()
    # A capital inside a sentence means a name (the gene WAS, vitamin A), at its beginning it does not.
    return lower in STOP_WORDS and (core == lower or (first and core == core.capitalize()))


def _spellings(core: str) -> Iterator[str]:
    yield core
    simple = core.translate(_PLAIN)
    yield simple
    bare = re.sub(r"'[sS]?$", "", simple)
    yield bare
    yield singular(bare)
    yield from _letters(bare)


def _inner(core: str, simple: str, after: str) -> Iterator[str]:
    comma = "," if after[:1] == "," else "." if after[:1] == "." and len(core) <= 2 else ""
    yield core + comma
    yield simple + comma
    if simple.endswith("'s"):
        yield simple[:-2] + comma
    yield from (form + comma for form in _letters(simple))
    if "-" in simple and not _WHOLE.fullmatch(simple):
        yield simple.replace("-", " ") + comma


def _letters(text: str) -> Iterator[str]:
    """Yield `text` with Greek letters by name and without accents, where that changes it."""
    if text.isascii():
        return
    named = "".join(_GREEK.get(sign, sign) for sign in text)
    if named != text:
        yield named
    folded = "".join(sign for sign in unicodedata.normalize("NFD", named) if not unicodedata.combining(sign))
    if folded != named:
        yield unicodedata.normalize("NFC", folded)


def _parts(simple: str) -> Iterator[str]:
    """Yield the parts of a joined word that can be values by themselves."""
    if _WHOLE.fullmatch(simple) or not simple.strip(".,+-0123456789"):
        return
    if _UNSPACED.search(simple):
        yield from _LATIN_RUN.findall(simple)
    for piece in _SPLIT.split(simple):
        start, stop = _trim(piece)
        piece = piece[start:stop]
        if piece and piece != simple:
            yield re.sub(r"'[sS]?$", "", piece)
        if "-" in piece and not _WHOLE.fullmatch(piece) and piece.strip(".,+-0123456789"):
            # A single sign (the B of HLA-B) is no value by itself.
            yield from (part for part in _HYPHENS.split(piece) if len(part) > 1)


def _trim(token: str) -> tuple[int, int]:
    """Return where the word inside `token` starts and stops; brackets that belong to it stay."""
    start, stop = 0, len(token)
    while start < stop and token[start] in _OPENING:
        closing = {"(": ")", "[": "]", "{": "}"}.get(token[start])
        if closing and closing in token[start + 1 : stop - 1]:
            break
        start += 1
    while stop > start and token[stop - 1] in _CLOSING:
        opening = _PAIRS.get(token[stop - 1])
        if opening and token.count(opening, start, stop) >= token.count(token[stop - 1], start, stop):
            break
        stop -= 1
    return start, stop


def singular(word: str) -> str:
    """Return the singular of an English noun, `word` itself if it does not look like a plural."""
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if len(word) < 4 or lower in _NO_PLURALS or not lower.endswith("s") or not word[-2:].isalpha():
        return word
    if word[-1] == "S" and not word[-2].islower():
        return word  # an acronym or a symbol, not a plural
    if lower.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if lower.endswith(("sses", "xes", "shes", "ches", "zes")):
        return word[:-2]
    if lower.endswith(("ss", "us", "is", "ous")):
        return word
    return word[:-1]
