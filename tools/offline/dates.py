"""Dates in Elasticsearch's default format, `strict_date_optional_time||epoch_millis`, with date arithmetic.

A date that leaves out its smaller units stands for the whole span; `round_up` chooses the span's last millisecond.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?:(?P<hour>\d{2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"-?\d+", re.ASCII)
_STEP = re.compile(r"([+-])(\d*)([yMwdhHms])|/([yMwdhHms])", re.ASCII)
_FIXED = {"w": "weeks", "d": "days", "h": "hours", "H": "hours", "m": "minutes", "s": "seconds"}
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_EPOCH = 40
_MILLIS = range(-(2**63), 2**63)
# The calendar repeats itself after 400 years.
_CYCLE_YEARS, _CYCLE_MILLIS = 400, 146_097 * 86_400_000
_MILLISECOND = timedelta(milliseconds=1)


def parse_date(text: str, round_up: bool) -> int:
    """Return a date as milliseconds since 1970, UTC.

    `text` is a date, a number of milliseconds, or arithmetic: `now-1y/d`, `2015-01||+1M`. Raises ValueError where it
    is none of these.
    """
    if text.startswith("now"):
        return _to_millis(_calculate(datetime.now(UTC), text[3:], round_up, text))
    base, marker, steps = text.partition("||")
    if not marker:
        return _parse(text, round_up)
    try:
        start = _EPOCH_START + _MILLISECOND * _parse(base, False)
    except OverflowError:
        raise _failure(text) from None
    return _to_millis(_calculate(start, steps, round_up, text))


def format_date(millis: int) -> str:
    """Return milliseconds since 1970 as the services write a date; years of more than four digits have a sign."""
    cycles, rest = divmod(millis, _CYCLE_MILLIS)
    moment = _EPOCH_START + _MILLISECOND * rest
    year = moment.year + _CYCLE_YEARS * cycles
    written = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"
    return f"{written}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _parse(text: str, round_up: bool) -> int:
    found = _DATE.fullmatch(text)
    if not found:
        if _EPOCH.fullmatch(text) and len(text) <= _LONGEST_EPOCH and int(text) in _MILLIS:
            return int(text)
        raise _failure(text)
    parts = found.groupdict()
    try:
        moment = datetime(
            int(parts["year"]),
            int(parts["month"] or (12 if round_up else 1)),
            1,
            int(parts["hour"] or (23 if round_up else 0)),
            int(parts["minute"] or (59 if round_up else 0)),
            int(parts["second"] or (59 if round_up else 0)),
            tzinfo=UTC,
        )
        last = calendar.monthrange(moment.year, moment.month)[1]
        moment = moment.replace(day=int(parts["day"] or (last if round_up else 1)))
    except ValueError:
        raise _failure(text) from None
    if parts["fraction"]:
        millis = int(parts["fraction"].ljust(3, "0")[:3])
    else:
        millis = 999 if round_up else 0
    # The offset may lead out of the years that Python knows.
    return _to_millis(moment) - _offset(parts["zone"]) // _MILLISECOND + millis


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    assert zone is not None
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def _calculate(moment: datetime, steps: str, round_up: bool, text: str) -> datetime:
    position = 0
    while position < len(steps):
        found = _STEP.match(steps, position)
        if not found:
            raise _failure(text)
        sign, count, unit, rounding = found.groups()
        try:
            if rounding:
                moment = _floor(moment, rounding)
                if round_up:
                    moment = _add(moment, 1, rounding) - _MILLISECOND
            else:
                moment = _add(moment, int(count or 1) * (1 if sign == "+" else -1), unit)
        except (ValueError, OverflowError):
            raise _failure(text) from None
        position = found.end()
    return moment


def _add(moment: datetime, count: int, unit: str) -> datetime:
    if unit in _FIXED:
        return moment + timedelta(**{_FIXED[unit]: count})
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def _floor(moment: datetime, unit: str) -> datetime:
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
    keep = {"y": 1, "M": 2, "w": 3, "d": 3, "h": 4, "H": 4, "m": 5, "s": 6}[unit]
    fields = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second]
    year, month, day, hour, minute, second = [*fields[:keep], *[1, 1, 1, 0, 0, 0][keep:]]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _to_millis(moment: datetime) -> int:
    return (moment - _EPOCH_START) // _MILLISECOND


def _failure(text: str) -> ValueError:
    return ValueError(f"failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]")
