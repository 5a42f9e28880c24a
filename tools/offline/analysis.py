"""From text to index terms, as Elasticsearch's analysers make them.

`standard` is Unicode word segmentation (UAX #29) in the reading of Lucene's StandardTokenizer, lower case, no stop
words. `string_lowercase`, `whitespace_lowercase` and `refseq_analyzer` are BioThings' own.
"""

from __future__ import annotations

import re
from functools import lru_cache

import regex

# Lucene splits longer tokens; a longer whole value stays whole.
MAX_TOKEN_LENGTH = 255

STANDARD = "standard"
STRING = "string_lowercase"
WHITESPACE = "whitespace_lowercase"
PATHS = "refseq_analyzer"
ANALYZERS = frozenset([STANDARD, STRING, WHITESPACE, PATHS])

# One token a value and no positions: such a field is indexed like a keyword.
SINGLE_TOKEN_ANALYZERS = frozenset([STRING, PATHS])

# What the long pattern below comes to for ASCII text in lower case.
# (Underscores that begin a word are looked at from the first of them on only, else a long line of them takes for ever.)
_ASCII_WORD = re.compile(
    r"(?<!_)_*[0-9a-z][0-9a-z_]*(?:(?:(?<=[0-9])[.,;'](?=[0-9])|(?<=[a-z])[.:'](?=[a-z]))[0-9a-z_]+)*"
)

# What the whitespace tokeniser keeps together: for Java the blanks that do not break a line are no white space.
_NO_BLANKS = re.compile(r"[\S\x85\xA0\u2007\u202F]+")


def _build_word_pattern() -> regex.Pattern[str]:
    """Write the rules of StandardTokenizer with the Unicode classes they name; each class takes its marks along."""
    # Skin tones were marks only in a later Unicode version than Lucene's.
    mark = r"(?:(?![\U0001F3FB-\U0001F3FF])[\p{WB=Format}\p{WB=Extend}\p{WB=ZWJ}])"
    marks = rf"{mark}*"

    def cls(members: str) -> str:
        return f"(?:[{members}]{marks})"

    mid_num_let = r".\u2018\u2019\u2024\uFE52\uFF07\uFF0E"
    # The colon joins letters in the Unicode version that Lucene was built with; later versions dropped it.
    mid_letter = cls(rf":\u00B7\u0387\u055F\u05F4\u2027\uFE13\uFE55\uFF1A{mid_num_let}'")
    mid_num = cls(
        r",;\u037E\u0589\u060C\u060D\u066C\u07F8\u2044\uFE10\uFE14\uFE50\uFE54\uFF0C\uFF1B" + mid_num_let + "'"
    )
    letter = cls(r"\p{WB=ALetter}\p{WB=Hebrew_Letter}\p{script=Hangul}")
    hebrew = cls(r"\p{WB=Hebrew_Letter}")
    number = cls(r"\p{WB=Numeric}")
    katakana = cls(r"\p{WB=Katakana}")
    joiner = cls(r"\p{WB=ExtendNumLet}")
    mixed = (
        rf"(?:{number}(?:(?:{joiner}*|{mid_num}){number})*"
        rf"|{letter}(?:(?:{joiner}*|{mid_letter}){letter})*(?:(?<={hebrew})(?:'{marks}|\"{marks}(?={hebrew})))?)+"
    )
    run = rf"(?:{katakana}(?:{joiner}*{katakana})*|{mixed})"
    word = rf"(?<!\p{{WB=ExtendNumLet}}){joiner}*{run}(?:{joiner}+{run})*{joiner}*"
    flag = rf"\p{{RI}}{marks}\p{{RI}}{marks}"
    plain = rf"(?:(?![\uFE0E\uFE0F]){mark})*"
    tone = rf"[\U0001F3FB-\U0001F3FF]{plain}"
    base = r"\u200D*\p{Emoji_Modifier_Base}"
    picture = rf"(?:(?:{base}{plain})?{tone}|\u200D*\p{{Extended_Pictographic}}{plain}\uFE0F?)"
    emoji = rf"{picture}(?:\u200D{picture})+|{picture}(?:[\U000E0020-\U000E007E]+\U000E007F)?"
    asian = rf"[\p{{script=Han}}\p{{script=Hiragana}}]{marks}|(?:\p{{Line_Break=SA}}{marks})+"
    return regex.compile(rf"{asian}|{word}|{flag}|{emoji}")


@lru_cache(maxsize=1)
def _word_pattern() -> regex.Pattern[str]:
    return _build_word_pattern()


def lowercase(text: str) -> str:
    """Lower-case character by character, as Lucene does: no final sigma, no character becomes two."""
    if text.isascii():
        return text.lower()
    lowered = [char.lower() for char in text]
    return "".join(char if len(char) == 1 else char[0] for char in lowered)


def split_words(text: str) -> list[str]:
    """Return the words of `text` by the standard analyser, lower-cased."""
    words: list[str]
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
    else:
        words = _word_pattern().findall(lowercase(text))
    if len(text) <= MAX_TOKEN_LENGTH:
        return words
    return [part for word in words for part in _chop(word)]


def analyze(text: str, analyzer: str) -> list[str]:
    """Return the terms of `text`; those of `refseq_analyzer` stand all at one position, others one after another."""
    if analyzer == STANDARD:
        return split_words(text)
    if analyzer == WHITESPACE:
        return [part for word in _NO_BLANKS.findall(lowercase(text)) for part in _chop(word)]
    if analyzer == PATHS:
        return split_paths(lowercase(text))
    return [lowercase(text)]  # the empty text, too, is a token


def split_paths(text: str) -> list[str]:
    """Return every prefix of `text` that ends before a dot, and the whole: `nm_1`, `nm_1.2`."""
    if not text:
        return []
    return [text[:end] for end, char in enumerate(text) if char == "." and end] + [text]


def _chop(word: str) -> list[str]:
    return [word[start : start + MAX_TOKEN_LENGTH] for start in range(0, len(word), MAX_TOKEN_LENGTH)]
