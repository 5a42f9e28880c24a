"""Ranges of text as patterns over terms."""

from __future__ import annotations

from dataclasses import dataclass

from tools.offline.patterns import ANY_CHAR, ANY_TEXT, LAST_CHAR, code, literal

# Of longer ends of a range only the beginning goes into a pattern.
_MAX_EDGE = 6


@dataclass(frozen=True, slots=True)
class TextRange:
    """All texts between two, in the order of their code points; None is an open end."""

    low: str | None
    high: str | None
    include_low: bool = True
    include_high: bool = True

    def holds(self, text: str) -> bool:
        """Tell whether a text is within the range."""
        if self.low is not None and (text < self.low or (text == self.low and not self.include_low)):
            return False
        return self.high is None or text < self.high or (text == self.high and self.include_high)

    def split(self) -> tuple[str | None, list[str]]:
        """Return a pattern (None: of nothing) and the prefixes whose texts are yet to be compared, one by one.

        An automaton for long ends is slow to make, so the pattern leaves out what begins as such an end does.
        """
        edges: list[str] = []
        low, high = self.low, self.high
        include_low, include_high = self.include_low, self.include_high
        if low is not None and len(low) > _MAX_EDGE:
            edges.append(low[:_MAX_EDGE])
            low, include_low = _successor(edges[0]), True
        if high is not None and len(high) > _MAX_EDGE:
            if high[:_MAX_EDGE] not in edges:
                edges.append(high[:_MAX_EDGE])
            high, include_high = high[:_MAX_EDGE], False
        if low is None and self.low is not None:  # Nothing follows the edge.
            return None, edges
        return text_range(low, high, include_low, include_high), edges


def _successor(text: str) -> str | None:
    """Return the first text that stands after all that begin with `text`."""
    stem = text.rstrip(chr(LAST_CHAR))
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def text_range(low: str | None, high: str | None, include_low: bool, include_high: bool) -> str | None:
    """Return the pattern of all texts between two, in the order of their code points; None: there are none."""
    if low is not None and high is not None:
        if low > high or (low == high and not (include_low and include_high)):
            return None
        shared = 0
        while shared < min(len(low), len(high)) and low[shared] == high[shared]:
            shared += 1
        rest = _between(low[shared:], high[shared:], include_low, include_high)
        return None if rest is None else literal(low[:shared]) + rest
    if low is not None:
        return _from(low, include_low)
    if high is not None:
        return _up_to(high, include_high)
    return ANY_TEXT


def _between(low: str, high: str, include_low: bool, include_high: bool) -> str | None:
    """Between two texts that differ at their first character, or of which the first or both are empty."""
    if not high:
        return ""
    if not low:
        return _up_to(high, include_high, include_empty=include_low)
    options = [literal(low[0]) + _from(low[1:], include_low)]
    inner = _chars(ord(low[0]) + 1, ord(high[0]) - 1)
    if inner:
        options.append(inner + ANY_TEXT)
    upper = _up_to(high[1:], include_high)
    if upper is not None:
        options.append(literal(high[0]) + upper)
    return f"(?:{'|'.join(options)})"


def _from(low: str, include: bool) -> str:
    """All texts not before `low`."""
    pattern = ANY_TEXT if include else ANY_CHAR + ANY_TEXT
    for char in reversed(low):
        later = _chars(ord(char) + 1, LAST_CHAR)
        pattern = f"(?:{literal(char)}{pattern}|{later}{ANY_TEXT})" if later else literal(char) + pattern
    return pattern


def _up_to(high: str, include: bool, include_empty: bool = True) -> str | None:
    """All texts not after `high`; None: there are none."""
    pattern = "" if include else None
    for position in reversed(range(len(high))):
        char = high[position]
        options = [] if pattern is None else [literal(char) + pattern]
        earlier = _chars(0, ord(char) - 1)
        if earlier:
            options.append(earlier + ANY_TEXT)
        if position or include_empty:
            pattern = f"(?:{'|'.join(options)})?" if options else ""
        else:
            pattern = f"(?:{'|'.join(options)})" if options else None
    return pattern


def _chars(low: int, high: int) -> str:
    # Surrogates are no characters; a class may span them but not end in them.
    low = 0xE000 if 0xD800 <= low <= 0xDFFF else low
    high = 0xD7FF if 0xD800 <= high <= 0xDFFF else high
    return f"[{code(low)}-{code(high)}]" if low <= high else ""
