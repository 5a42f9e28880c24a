"""Numbers, booleans and dates as Elasticsearch's field types read them, in documents and in queries.

Every type maps to 64-bit integers or doubles that compare as the type's own values do. Ranges come back as inclusive
bounds of the stored kind, so that `float` fields compare as 32-bit floats. The rules are those of NumberFieldMapper,
BooleanFieldMapper and DateFieldMapper; a `ValueError` carries the service's words.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from tools.offline.dates import parse_date

Bounds = tuple[float, float]
INTEGER_LIMITS = {
    "byte": (-(2**7), 2**7 - 1),
    "short": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_FLOAT_FORMATS = {"half_float": "<e", "float": "<f", "double": "<d"}
NUMBER_TYPES = frozenset(INTEGER_LIMITS) | frozenset(_FLOAT_FORMATS)
#: Types that are stored as numbers.
ORDERED_TYPES = NUMBER_TYPES | {"boolean", "date"}
FLOAT_TYPES = frozenset(_FLOAT_FORMATS)
_LONG_MIN, _LONG_MAX = INTEGER_LIMITS["long"]
_JAVA_DOUBLE = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?\s*", re.ASCII)
_JAVA_LONG = re.compile(r"[+-]?\d+", re.ASCII)
_JAVA_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# No long has more digits before its point; to write a longer number out may take for ever (1e9999999).
_LONG_DIGITS = 19


@dataclass(frozen=True)
class _Range:
    """A range as the query has it; None is an open end."""

    low: str | None
    high: str | None
    include_low: bool
    include_high: bool


def encode(kind: str, value: Any) -> float | int | None:
    """Return what a document's value is stored as, or None where a value of this type cannot be made of it."""
    try:
        if kind == "boolean":
            return _encode_boolean(value)
        if isinstance(value, bool):
            return None
        if kind == "date":
            return parse_date(str(value), round_up=False)
        if kind in _FLOAT_FORMATS:
            number = _round(kind, _java_double(value) if isinstance(value, str) else float(value))
            return number if math.isfinite(number) else None
        return _encode_integer(kind, value)
    except (ValueError, OverflowError, TypeError):
        return None


def _encode_boolean(value: Any) -> int | None:
    if value is True or value == "true":
        return 1
    if value is False or value in ("false", ""):
        return 0
    return None


def _encode_integer(kind: str, value: Any) -> int | None:
    low, high = INTEGER_LIMITS[kind]
    number = value if isinstance(value, int) else _to_long(value) if isinstance(value, str) else int(value)
    return number if low <= number <= high else None


def term_bounds(kind: str, text: str) -> Bounds | None:
    """Return the inclusive bounds that a single value stands for; None: nothing can match."""
    if kind in INTEGER_LIMITS:
        if _has_decimals(kind, text):
            return None
        number = _parse_integer(kind, text)
        return number, number
    if kind == "boolean":
        flag = _parse_boolean(text)
        return flag, flag
    if kind in _FLOAT_FORMATS:
        value = _parse_float(kind, text)
        return value, value
    return range_bounds(kind, text, text, True, True)


def range_bounds(kind: str, low: str | None, high: str | None, include_low: bool, include_high: bool) -> Bounds | None:
    """Return inclusive bounds for a range; None: nothing can match.

    Raises ValueError where an end is not of the type.
    """
    asked = _Range(low, high, include_low, include_high)
    if kind in INTEGER_LIMITS:
        bounds: Bounds = _integer_bounds(kind, asked)
    elif kind == "date":
        bounds = _date_bounds(asked)
    elif kind == "boolean":
        bounds = _boolean_bounds(asked)
    else:
        bounds = _float_bounds(kind, asked)
    return bounds if bounds[0] <= bounds[1] else None


def _integer_bounds(kind: str, asked: _Range) -> Bounds:
    # Elasticsearch compares byte and short fields as integers.
    kind = "long" if kind == "long" else "integer"
    low, high = INTEGER_LIMITS[kind]
    if asked.low is not None:
        low = _parse_integer(kind, asked.low)
        decimals = _has_decimals(kind, asked.low)
        if (not decimals and not asked.include_low) or (decimals and _sign(asked.low) > 0):
            low += 1
    if asked.high is not None:
        high = _parse_integer(kind, asked.high)
        decimals = _has_decimals(kind, asked.high)
        if (not decimals and not asked.include_high) or (decimals and _sign(asked.high) < 0):
            high -= 1
    return low, min(high, _LONG_MAX)


def _float_bounds(kind: str, asked: _Range) -> Bounds:
    low, high = -math.inf, math.inf
    # A bound is compared as it stands, though the values of a `half_float` are rounded further.
    written = "float" if kind == "half_float" else kind
    if asked.low is not None:
        bound = _parse_float(written, asked.low)
        low = _round(kind, bound)
        if low < bound or (low == bound and not asked.include_low):
            low = _neighbour(kind, low, math.inf)
    if asked.high is not None:
        bound = _parse_float(written, asked.high)
        high = _round(kind, bound)
        if high > bound or (high == bound and not asked.include_high):
            high = _neighbour(kind, high, -math.inf)
    return low, high


def _date_bounds(asked: _Range) -> Bounds:
    """A date stands for the whole of its smallest unit: `>2020` begins in 2021, `<=2010` ends with 2010."""
    low, high = _LONG_MIN, _LONG_MAX
    if asked.low is not None:
        low = parse_date(asked.low, round_up=not asked.include_low) + (0 if asked.include_low else 1)
    if asked.high is not None:
        high = parse_date(asked.high, round_up=asked.include_high) - (0 if asked.include_high else 1)
    return low, high


def _boolean_bounds(asked: _Range) -> Bounds:
    low = 0 if asked.low is None else _parse_boolean(asked.low) + (0 if asked.include_low else 1)
    high = 1 if asked.high is None else _parse_boolean(asked.high) - (0 if asked.include_high else 1)
    return low, high


def _parse_boolean(text: str) -> int:
    if text not in ("true", "false"):
        raise ValueError(f"Can't parse boolean value [{text}], expected [true] or [false]")
    return int(text == "true")


def _parse_integer(kind: str, text: str) -> int:
    number = _to_long(text) if kind == "long" else _truncate(_java_double(text))
    low, high = INTEGER_LIMITS[kind]
    if not low <= number <= high:
        raise ValueError(f"Value [{text}] is out of range for {'an integer' if kind == 'integer' else 'a ' + kind}")
    return number


def _truncate(number: float) -> int:
    return 0 if math.isnan(number) else _LONG_MAX * 2 if math.isinf(number) else int(number)


def _to_long(text: str) -> int:
    """Read a long without going through a double, which would lose digits."""
    if len(text) < _LONG_DIGITS and _JAVA_LONG.fullmatch(text):
        return int(text)
    try:
        if not _JAVA_DECIMAL.fullmatch(text):
            raise ValueError
        number = Decimal(text)
    except (InvalidOperation, ValueError):
        raise ValueError(f'For input string: "{text}"') from None
    if number.adjusted() >= _LONG_DIGITS:
        raise ValueError(f"Value [{text}] is out of range for a long")
    return int(number)


def _has_decimals(kind: str, text: str) -> bool:
    if kind == "long" and _JAVA_LONG.fullmatch(text):
        return False
    number = _java_double(text)
    # As in Java, where the remainder of an infinite number is none.
    return not math.isfinite(number) or math.fmod(number, 1) != 0


def _sign(text: str) -> float:
    return _java_double(text)


def _parse_float(kind: str, text: str) -> float:
    number = _round(kind, _java_double(text))
    if not math.isfinite(number):
        raise ValueError(f"[{kind}] supports only finite values, but got [{text}]")
    return number


def _java_double(text: str) -> float:
    found = _JAVA_DOUBLE.fullmatch(text)
    if not found:
        raise ValueError(f'For input string: "{text}"' if text.strip() else "empty String")
    return float(found[1])


def _round(kind: str, number: float) -> float:
    """Round a double to the nearest value of the type; beyond its range, to infinity."""
    if kind == "double" or not math.isfinite(number):
        return number
    try:
        rounded: float = struct.unpack(_FLOAT_FORMATS[kind], struct.pack(_FLOAT_FORMATS[kind], number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return rounded


_BITS: dict[str, tuple[str, str]] = {"half_float": ("<e", "<h"), "float": ("<f", "<i")}


def _neighbour(kind: str, number: float, towards: float) -> float:
    """Return the next value of the type in the direction of `towards`; the negative zero comes before the other."""
    if number == 0 and (math.copysign(1, number) > 0) != (towards > 0):
        return -number
    if kind == "double":
        return math.nextafter(number, towards)
    as_float, as_bits = _BITS[kind]
    up = towards > 0
    if number == 0:
        smallest: float = struct.unpack(as_float, struct.pack(as_bits, 1))[0]
        return smallest if up else -smallest
    bits: int = struct.unpack(as_bits, struct.pack(as_float, number))[0]
    stepped: float = struct.unpack(as_float, struct.pack(as_bits, bits + (1 if (number > 0) == up else -1)))[0]
    return stepped


#: What a facet shows for a stored value of these types.
SHOWN: dict[str, Callable[[float], Any]] = {"boolean": lambda value: "true" if value else "false"}
