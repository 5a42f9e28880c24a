"""Numbers that a text says, in digits or in words, and the normal forms of each.

"twenty-five" is 25, "1.5 million" 1500000, "5 x 10^-8" 5e-8, "1 %" 1 and 0.01, "55 Mb" 55000000, "one in a thousand"
0.001, "the third" 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

_SCALES: dict[str, int] = {
    "k": 10**3, "thousand": 10**3, "million": 10**6, "mio": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9,
    "hundred": 100, "dozen": 12,
}  # fmt: skip
_LENGTHS: dict[str, int] = {
    "bp": 1, "nt": 1, "kb": 10**3, "kbp": 10**3, "kilobase": 10**3, "kilobases": 10**3,
    "mb": 10**6, "mbp": 10**6, "megabase": 10**6, "megabases": 10**6,
    "gb": 10**9, "gbp": 10**9, "gigabase": 10**9, "gigabases": 10**9, "kda": 10**3,
}  # fmt: skip
_UNIT_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TEN_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINAL_NAMES = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_UNITS = {word: value for value, word in enumerate(_UNIT_NAMES.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TEN_NAMES.split(), start=2)}
_ORDINALS = {word: value for value, word in enumerate(_ORDINAL_NAMES.split(), start=1)}
_PARTS = {"half": Decimal("0.5"), "quarter": Decimal("0.25"), "quarters": Decimal("0.25")}

_DIGITS = re.compile(
    r"""(?<![\w.])(?P<minus>-|minus\s|negative\s)?
    (?P<digits>\d{1,3}(?:[,'\u00a0\u2009\u202f]\d{3})+(?:\.\d+)?|\d{1,3}(?:[ ]\d{3}){2,}|\d+(?:\.\d+)?|\.\d+)
    (?:[eE](?P<e>[-+]?\d{1,3})|\s?(?:[x*\u00d7\u00b7]|times)\s?10\s?(?:\^|\*\*)?\s?\(?(?P<ten>-?\d{1,3})\)?)?
    (?:\s?(?P<percent>%|per\s?cent\b|percent\b|pct\b)|(?:st|nd|rd|th)\b|
       [\s-]?(?P<unit>k|thousand|million|mio|m|billion|bn|hundred|dozen|[kmg]bp?|bp|nt|kda|(?:kilo|mega|giga)bases?)\b)?
    (?!\w|\.\d|\s?(?:\^|\*\*))""",
    re.VERBOSE | re.IGNORECASE,
)
_POWER = re.compile(r"(?<![\w.])(?P<base>10)\s?(?:\^|\*\*)\s?\(?(?P<ten>-?\d{1,3})\)?(?!\w)")
_WORD = re.compile(r"[A-Za-z]+")
_BETWEEN = re.compile(r"\s*(?:-|to|and|through|\.\.|up to|until|till)\s*", re.IGNORECASE)
_MINUS = re.compile(r"\b(?:minus|negative)\s+$", re.IGNORECASE)
_RATIO = re.compile(r"\s*(?:in|out of|/|per)\s*(?:an?\s+)?", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_GREATEST = 18  # decimal places before and after the point that any field can need


@dataclass(frozen=True, slots=True)
class Mention:
    """One number as said: its place in the text, its values (the plainest first), and its scale (1 without a unit)."""

    start: int
    end: int
    values: tuple[Decimal, ...]
    typed: tuple[str, ...]
    scale: int = 1
    percent: bool = False

    @property
    def value(self) -> Decimal:
        """The value with its unit applied: 55 Mb is 55000000."""
        return self.values[0]


def read_mentions(text: str) -> list[Mention]:
    """Return the numbers of `text` in the order in which they are said."""
    text = _SUPERSCRIPT.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
    text = text.replace("\u2212", "-").replace("\u2013", "-")
    found = [_from_digits(match) for match in _DIGITS.finditer(text)]
    taken = [(mention.start, mention.end) for mention in found if mention]
    for match in _POWER.finditer(text):
        if not any(start <= match.start() < end for start, end in taken):
            found.append(_from_power(match))
    mentions = [mention for mention in found if mention]
    mentions.extend(_from_words(text, [(mention.start, mention.end) for mention in mentions]))
    mentions.sort(key=lambda mention: mention.start)
    return _related(text, mentions)


def plain(value: Decimal) -> str:
    """Write a number without exponent and without needless zeros."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def literals(mentions: Iterable[Mention]) -> list[str]:
    """Return the distinct forms of all values, as typed first."""
    forms: dict[str, None] = {}
    for mention in mentions:
        for typed in mention.typed:
            forms[typed] = None
        for value in mention.values:
            forms[plain(value)] = None
    return list(forms)


def integers(mentions: Iterable[Mention]) -> list[int]:
    """Return the distinct whole numbers among the values, none negative."""
    values = (int(value) for mention in mentions for value in mention.values if value >= 0 and value == int(value))
    return list(dict.fromkeys(values))


def _fits(value: Decimal) -> bool:
    return not value or -_GREATEST <= value.adjusted() <= _GREATEST


def _from_power(match: re.Match[str]) -> Mention | None:
    value = Decimal(1).scaleb(int(match["ten"]))
    return Mention(*match.span(), (value,), (f"1e{int(match['ten'])}",)) if _fits(value) else None


def _from_digits(match: re.Match[str]) -> Mention | None:
    digits = re.sub(r"[,' \u00a0\u2009\u202f]", "", match["digits"])
    if len(digits) > 2 * _GREATEST:
        return None
    sign = "-" if match["minus"] else ""
    value = Decimal(sign + digits)
    typed: list[str] = []
    exponent = match["e"] or match["ten"]
    if exponent:
        value = value.scaleb(int(exponent))
        typed.append(f"{sign}{digits}e{int(exponent)}")
    elif not digits.startswith("."):
        typed.append(sign + digits)
    unit = match["unit"] or ""
    scale = _LENGTHS.get(unit.lower()) or _SCALES.get(unit.lower(), 1)
    values = [value * scale, value] if scale > 1 else [value]
    if match["percent"]:
        values.append(value / 100)
    values = [value for value in values if _fits(value)]
    return Mention(*match.span(), tuple(values), tuple(typed), scale, bool(match["percent"])) if values else None


def _from_words(text: str, taken: list[tuple[int, int]]) -> list[Mention]:
    """Read numbers in words: a run such as "one hundred and fifty thousand" is one number."""
    mentions: list[Mention] = []
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        if not _kind(match[0].lower()) or any(start <= match.start() < end for start, end in taken):
            continue
        if run and not _continues(run[-1][0].lower(), text[run[-1].end() : match.start()], match[0].lower()):
            mentions.extend(_word_value(run, text))
            run = []
        run.append(match)
    mentions.extend(_word_value(run, text))
    return mentions


def _kind(word: str) -> str:
    """Return what kind of number word `word` is: unit, teen, ten, ordinal, part, hundred or scale; empty for none."""
    if word in _UNITS:
        return "unit" if _UNITS[word] < 10 else "teen"
    if word in _TENS:
        return "ten"
    if word in _ORDINALS:
        return "ordinal"
    if word in _PARTS:
        return "part"
    if word in ("hundred", "dozen"):
        return "hundred"
    return "scale" if len(word) > 2 and word in _SCALES else ""


_AFTER: dict[str, set[str]] = {
    "unit": {"hundred", "scale", "part"},
    "teen": {"hundred", "scale", "ten", "teen"},  # nineteen fifty
    "ten": {"unit", "ordinal", "hundred", "scale", "ten", "teen"},  # twenty fifteen
    "ordinal": set(),
    "part": {"hundred", "scale"},
    "hundred": {"unit", "teen", "ten", "ordinal", "scale"},
    "scale": {"unit", "teen", "ten", "ordinal"},
}


def _continues(before: str, between: str, word: str) -> bool:
    """Tell whether `word` goes on with the number that `before` ended so far."""
    kind = _kind(before)
    if _kind(word) not in _AFTER[kind]:
        return False
    joint = between.strip(" -")
    return joint == "" or (joint == "and" and kind in ("hundred", "scale")) or (joint in ("a", "an") and kind == "part")


def _word_value(run: list[re.Match[str]], text: str) -> list[Mention]:
    if not run:
        return []
    total = current = Decimal(0)
    before = ""
    for match in run:
        word = match[0].lower()
        kind = _kind(word)
        if kind in ("teen", "ten") and before in ("teen", "ten"):
            current = 100 * current + (_UNITS.get(word) or _TENS.get(word) or 0)
        elif kind == "part":
            current = (current or Decimal(1)) * _PARTS[word]
        elif kind == "hundred":
            current = (current or Decimal(1)) * _SCALES[word]
        elif kind == "scale":
            total += (current or Decimal(1)) * _SCALES[word]
            current = Decimal(0)
        else:
            current += _UNITS.get(word) or _TENS.get(word) or _ORDINALS.get(word) or 0
        before = kind
    value = total + current
    if _MINUS.search(text, 0, run[0].start()):
        value = -value
    values = [value]
    tail = text[run[-1].end() :]
    percent = bool(re.match(r"\s?(?:%|per\s?cent\b|percent\b)", tail))
    if percent:
        values.append(value / 100)
    scale = 1
    unit = re.match(r"\s?([A-Za-z]+)\b", tail)
    if unit and unit[1].lower() in _LENGTHS:
        scale = _LENGTHS[unit[1].lower()]
        values.insert(0, value * scale)
    values = [value for value in values if _fits(value)]
    return [Mention(run[0].start(), run[-1].end(), tuple(values), (), scale, percent)] if values else []


def _related(text: str, mentions: list[Mention]) -> list[Mention]:
    """Give the first number of "55 to 55.3 Mb" or "1 to 5 %" the unit of the second; read "1 in 1000" as one number."""
    result: list[Mention] = []
    extra: list[Mention] = []
    for place, mention in enumerate(mentions):
        following = mentions[place + 1] if place + 1 < len(mentions) else None
        if following is not None:
            between = text[mention.end : following.start]
            if following.scale > 1 and mention.scale == 1 and _BETWEEN.fullmatch(between):
                scaled = mention.value * following.scale
                if _fits(scaled):
                    mention = Mention(
                        mention.start, mention.end, (scaled, *mention.values), mention.typed, following.scale
                    )
            if following.percent and not mention.percent and _BETWEEN.fullmatch(between):
                result.append(replace(mention, values=(*mention.values, mention.value / 100), percent=True))
                continue
            if _RATIO.fullmatch(between) and 0 < mention.value < following.value:
                ratio = (mention.value / following.value).normalize()
                if len(ratio.as_tuple().digits) <= _GREATEST:
                    extra.append(Mention(mention.start, following.end, (ratio,), ()))
        result.append(mention)
    return result + extra
