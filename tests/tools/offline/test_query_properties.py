"""Query strings against plain Python: truth tables, comparisons, fnmatch, re, brute force."""

from __future__ import annotations

import fnmatch
import itertools
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.errors import DataError, QueryError
from tools.lucene import escape
from tools.offline.conformance import find
from tools.offline.fuzzy import distance, most_similar
from tools.offline.patterns import wildcard_matcher
from tools.offline.search import SearchRequest
from tools.offline.sloppy import VALUE_GAP, stands_within
from tools.offline.store import Index, Store
from tools.offline.text_ranges import TextRange

WORDS = ("alpha", "beta", "gamma")
NUMBERS = [-7.5, -3.0, -2.5, -0.5, 0.0, 0.5, 1.0, 2.5, 3.0, 3.1, 7.0, 100.25]
TERMS = ["a", "ab", "abc", "b", "ba", "bb", "bca", "c a", "ca", "é", "zz", "a*b", "a?b", "a.b"]
SENTENCES = ["a b c", "b a c", "c b a", "a c b a", "a a b", "b b", "c a a b c", "a x x b", "x"]
MAPPING: dict[str, dict[str, Any]] = {
    "t": {"type": "text", "searched_by_default": True},
    "i": {"type": "integer"},
    "f": {"type": "float"},
    "d": {"type": "double"},
    "h": {"type": "half_float"},
    "k": {"type": "keyword"},
    "s": {"type": "text"},
    "o.deep.x": {"type": "keyword"},
}


def _documents() -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    for flags in itertools.product([0, 1], repeat=3):
        words = [word for word, flag in zip(WORDS, flags, strict=True) if flag]
        documents.append({"_id": "b" + "".join(map(str, flags)), "t": " ".join(words) or None})
    documents += [{"_id": f"n{n}", "i": x, "f": x, "d": x, "h": x} for n, x in enumerate(NUMBERS)]
    documents.append({"_id": "o1", "o": {"deep": {"x": "Y"}}})
    documents += [{"_id": f"k{n}", "k": term} for n, term in enumerate(TERMS)]
    documents += [{"_id": f"s{n}", "s": sentence.split("|")} for n, sentence in enumerate(SENTENCES)]
    return documents


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    store = Store(tmp_path_factory.mktemp("properties"))
    store.create("properties", MAPPING)
    store.add("properties", _documents(), True, None)
    return store.index("properties")


class Clauses:
    """A boolean query as Lucene's documentation explains it: signs fix what is required, the rest is optional."""

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        self.members = members

    def text(self) -> str:
        return "(" + " ".join(sign + (m if isinstance(m, str) else m.text()) for sign, m in self.members) + ")"

    def holds(self, words: set[str]) -> bool:
        required = [self._holds(member, words) for sign, member in self.members if sign == "+"]
        excluded = [self._holds(member, words) for sign, member in self.members if sign == "-"]
        # Under the default operator AND a member without a sign is required too.
        required += [self._holds(member, words) for sign, member in self.members if sign == ""]
        return all(required) and not any(excluded)

    @staticmethod
    def _holds(member: Any, words: set[str]) -> bool:
        return member in words if isinstance(member, str) else bool(member.holds(words))


class Either(Clauses):
    """Members joined by OR."""

    def text(self) -> str:
        return "(" + " OR ".join(m if isinstance(m, str) else m.text() for _, m in self.members) + ")"

    def holds(self, words: set[str]) -> bool:
        return any(self._holds(member, words) for _, member in self.members)


def _groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    signed = st.lists(st.tuples(st.sampled_from(["+", "-", ""]), inner), min_size=1, max_size=3).map(Clauses)
    either = st.lists(st.tuples(st.just(""), inner), min_size=2, max_size=3).map(Either)
    return signed | either


@settings(max_examples=250, deadline=None)
@given(st.recursive(st.sampled_from([f"t:{word}" for word in WORDS]), _groups, max_leaves=6))
def test_boolean_structure_is_its_truth_table(index: Index, query: Any) -> None:
    text = query if isinstance(query, str) else query.text()
    expected = []
    for flags in itertools.product([0, 1], repeat=3):
        words = {f"t:{word}" for word, flag in zip(WORDS, flags, strict=True) if flag}
        if query in words if isinstance(query, str) else query.holds(words):
            expected.append("b" + "".join(map(str, flags)))
    found = find(
        index, f"({text}) AND _id:({' OR '.join('b' + ''.join(f) for f in itertools.product('01', repeat=3))})"
    )
    assert found == expected


def _stored(kind: str, number: float) -> float:
    if kind == "i":
        return int(number)
    code = {"f": "f", "d": "d", "h": "e"}[kind]
    return float(struct.unpack(code, struct.pack(code, number))[0])


def _compared(kind: str, bound: float) -> float:
    """A bound as a field compares it: whole numbers and halves with the bound as it stands, floats rounded."""
    return bound if kind == "i" else _stored("f" if kind == "h" else kind, bound)


BOUNDS = st.sampled_from(NUMBERS) | st.integers(-8, 8).map(float) | st.floats(-10, 101, allow_nan=False, width=32)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from("ifdh"), BOUNDS, BOUNDS, st.sampled_from("[{"), st.sampled_from("]}"))
def test_ranges_compare_as_numbers_do(
    index: Index, kind: str, low: float, high: float, opening: str, closing: str
) -> None:
    low, high = (number if abs(number) >= 1e-4 else 0.0 for number in (low, high))
    first, last = _compared(kind, low), _compared(kind, high)
    expected = []
    for n, number in enumerate(NUMBERS):
        value = _stored(kind, number)
        above = value >= first if opening == "[" else value > first
        below = value <= last if closing == "]" else value < last
        if above and below:
            expected.append(f"n{n}")
    assert find(index, f"{kind}:{opening}{low!r} TO {high!r}{closing}") == sorted(expected)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from("ifdh"), BOUNDS, st.sampled_from([">", ">=", "<", "<="]))
def test_open_ranges(index: Index, kind: str, bound: float, sign: str) -> None:
    bound = bound if abs(bound) >= 1e-4 else 0.0
    limit = _compared(kind, bound)
    compare = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}[sign]
    expected = [f"n{n}" for n, number in enumerate(NUMBERS) if compare(float(_stored(kind, number)), float(limit))]
    assert find(index, f"{kind}:{sign}{bound!r}") == sorted(expected)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["*", "?", "a", "b", "c", "é", "z", " ", ".", "A"]), min_size=1, max_size=5))
def test_wildcards_are_fnmatch(index: Index, parts: list[str]) -> None:
    pattern = "".join(parts)
    if "*" not in pattern and "?" not in pattern:
        return
    written = "".join(part if part in "*?" else escape(part) for part in parts)
    expected = [f"k{n}" for n, term in enumerate(TERMS) if fnmatch.fnmatchcase(term, pattern.lower())]
    assert find(index, f"k:{written}") == sorted(expected)
    # An escaped capital stays one.
    matcher = wildcard_matcher("".join(p if p in "*?" or p.isupper() else f"\\{p}" for p in parts), str.lower)
    assert [bool(matcher.fullmatch(term)) for term in TERMS] == [f"k{n}" in expected for n in range(len(TERMS))]


@settings(max_examples=300, deadline=None)
@given(
    st.text("abcez é", max_size=3),
    st.text("abcez é", max_size=3),
    st.sampled_from("[{"),
    st.sampled_from("]}"),
)
def test_ranges_of_text_compare_as_text_does(index: Index, low: str, high: str, opening: str, closing: str) -> None:
    expected = []
    for n, term in enumerate(TERMS):
        above = not low or (term >= low if opening == "[" else term > low)
        below = not high or (term <= high if closing == "]" else term < high)
        if above and below:
            expected.append(f"k{n}")
    ends = [f'"{end}"' if end else "*" for end in (low, high)]
    assert find(index, f"k:{opening}{ends[0]} TO {ends[1]}{closing}") == sorted(expected)


ENDS = st.none() | st.text("ab\ud7ff\U0010ffff.é", max_size=9)


@settings(max_examples=500, deadline=None)
@given(ENDS, ENDS, st.booleans(), st.booleans(), st.text("ab\ud7ff\U0010ffff.é", max_size=3), st.data())
def test_the_parts_of_a_range_are_the_range(
    low: str | None, high: str | None, include_low: bool, include_high: bool, tail: str, data: st.DataObject
) -> None:
    wanted = TextRange(low, high, include_low, include_high)
    stem = data.draw(st.sampled_from([low or "", high or ""]))
    text = stem[: data.draw(st.integers(0, len(stem)))] + tail
    pattern, edges = wanted.split()
    by_pattern = pattern is not None and re.fullmatch(pattern, text) is not None
    assert (by_pattern or (text.startswith(tuple(edges)) and wanted.holds(text))) == wanted.holds(text)


def test_long_patterns_find_what_short_ones_do(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create("long", {"k": {"type": "keyword"}})
    store.add("long", [{"_id": text[:1], "k": text} for text in ("a" * 300, "b" * 300, "c" * 300)], True, None)
    index = store.index("long")
    assert find(index, f"k:>={'b' * 200}") == ["b", "c"]
    assert find(index, f"k:[{'a' * 299} TO {'b' * 300}}}") == ["a"]
    assert find(index, f"k:{'*b' * 150}") == ["b"]
    assert find(index, f"k:{'?' * 299}*") == ["a", "b", "c"]


REGEXES = st.recursive(
    st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "é", r"\."]),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})")
        | st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"({pair[0]}){pair[1]}")
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(REGEXES)
def test_regular_expressions_are_re(index: Index, pattern: str) -> None:
    expected = [f"k{n}" for n, term in enumerate(TERMS) if re.fullmatch(pattern, term, re.DOTALL)]
    assert find(index, f"k:/{pattern}/") == sorted(expected)


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ("~(a.*)", ["b", "ba", "bb", "bca", "c a", "ca", "é", "zz"]),
        ("@&.", ["a", "b", "é"]),
        ("a@&@b", ["ab", "a*b", "a?b", "a.b"]),
        ('"a?b"', ["a?b"]),
        ("#", []),
        ("a{1}b{0,1}", ["a", "ab"]),
        ("[a-b]{2,}", ["ab", "ba", "bb"]),
    ],
)
def test_operators_of_lucene_alone(index: Index, pattern: str, terms: list[str]) -> None:
    assert find(index, f"k:/{pattern}/") == sorted(f"k{TERMS.index(term)}" for term in terms)


def _brute_force(words: list[str], phrase: list[str], slop: int) -> bool:
    places = [[place for place, word in enumerate(words) if word == wanted] for wanted in phrase]
    for chosen in itertools.product(*places):
        moved = [place - offset for offset, place in enumerate(chosen)]
        if len(set(chosen)) == len(chosen) and max(moved) - min(moved) <= slop:
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=3), st.integers(0, 6))
def test_sloppy_phrases_are_brute_force(index: Index, phrase: list[str], slop: int) -> None:
    expected = [f"s{n}" for n, text in enumerate(SENTENCES) if _brute_force(text.split(), phrase, slop)]
    assert find(index, f's:"{" ".join(phrase)}"~{slop}') == sorted(expected)


def test_phrases_do_not_reach_over_values() -> None:
    assert not stands_within([["a"], ["b"]], ["a", "b"], VALUE_GAP - 1)
    assert stands_within([["a"], ["b"]], ["a", "b"], VALUE_GAP)


def test_words_in_very_many_values_are_soon_compared() -> None:
    start = time.process_time()
    assert not stands_within([["of"], ["the"]] * 4000, ["of", "the"], VALUE_GAP - 1)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "pattern",
    ["(a?){1000}{1000}{1000}", "(" * 200 + "a" + ")" * 200, "a" + "+*?" * 300, "~" * 900 + "a", "a" + "{1}" * 300],
)
def test_no_regular_expression_stops_the_service(index: Index, pattern: str) -> None:
    assert set(find(index, f"k:/{pattern}/") or []) <= {"k0"}


def test_signs_after_each_other_say_what_one_does(index: Index) -> None:
    for signs in ("+*", "?+", "*?", "++", "**", "??", "+?"):
        expected = [f"k{n}" for n, term in enumerate(TERMS) if re.fullmatch(f"(?:(?:ab?){signs[0]}){signs[1]}", term)]
        assert find(index, f"k:/(ab?){signs}/") == sorted(expected), signs
    assert find(index, "k:/~~a/") == ["k0"]
    assert find(index, "k:/(b?){3}&b@/") == sorted(["k3", "k5"])


@pytest.mark.parametrize(
    "q",
    ["l:>1e9999999", "l:1e9999999", "l:" + "9" * 5000, "l:Infinity", "l:1_0", "i:1e400", "day:99999999999999999999",
     'day:"99999999999999999999||+1d"', "day:>" + "9" * 5000],
)  # fmt: skip
def test_numbers_and_dates_beyond_their_type_find_nothing(ranges: Index, q: str) -> None:
    assert find(ranges, q) == []
    if not q.startswith(("l:1e", "i:1e")):  # for Elasticsearch these have decimals, which no whole number has
        with pytest.raises(QueryError, match="out of range|For input string|failed to parse date"):
            ranges.search(SearchRequest(filters=[q]))


def test_ends_of_ranges_at_the_limits(ranges: Index) -> None:
    assert find(ranges, "l:>=9223372036854775807") == ["max"]
    assert find(ranges, "l:>9223372036854775807") == []
    assert find(ranges, "l:<=-9223372036854775808") == ["min"]
    assert find(ranges, "l:9.223372036854775807e18") == ["max"]
    assert find(ranges, 'day:"0001-01-01T00:00:00+05:00"') == ["min"]


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> Index:
    store = Store(tmp_path_factory.mktemp("ranges"))
    store.create("ranges", {"l": {"type": "long"}, "i": {"type": "integer"}, "day": {"type": "date"}})
    documents = [
        {"_id": "max", "l": 2**63 - 1, "i": 1, "day": "2020-01-01"},
        {"_id": "min", "l": -(2**63), "day": "0001-01-01T00:00:00+05:00"},
    ]
    store.add("ranges", documents, True, None)
    return store.index("ranges")


def _similarity(text: str, term: str) -> tuple[float, str]:
    return (distance(text, term) / min(len(text), len(term)), term)


def test_a_fuzzy_term_takes_the_fifty_best(tmp_path: Path) -> None:
    terms = [first + second + "cd" for first in "abxyz" for second in "bcdefghijklmnop"]
    terms += ["abc", "abcde", "bacd", "abdc", "abxx", "ab"]
    store = Store(tmp_path)
    store.create("fuzzy", {"k": {"type": "keyword"}})
    store.add("fuzzy", [{"_id": term, "k": term} for term in terms], True, None)
    index = store.index("fuzzy")
    for edits in (1, 2):
        within = sorted(
            (term for term in terms if distance("abcd", term) <= edits), key=lambda t: _similarity("abcd", t)
        )
        assert find(index, f"k:abcd~{edits}") == sorted(within[:50])
    assert len(within) > 50


@settings(max_examples=200, deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.sampled_from([1, 2]))
def test_terms_within_a_distance(text: str, term: str, edits: int) -> None:
    assert distance(text, term) == distance(term, text)
    assert distance(text, term) <= max(len(text), len(term))
    assert most_similar(text, edits, [term], 50) == ([term] if distance(text, term) <= edits else [])


def test_distances() -> None:
    pairs = {
        ("", ""): 0,
        ("a", ""): 1,
        ("ab", "ba"): 1,
        ("abc", "ca"): 3,
        ("kitten", "sitting"): 3,
        ("abcd", "acbd"): 1,
    }
    assert {pair: distance(*pair) for pair in pairs} == pairs


@pytest.mark.parametrize("q", ["k:[a TO", "t:(", "k:/" + "a" * 1001 + "/", 's:"a b"~-1', "t:alpha~9"])
def test_refused(index: Index, q: str) -> None:
    assert find(index, q) is None


def test_strict_filters_refuse_values_of_the_wrong_type(index: Index) -> None:
    with pytest.raises(QueryError, match='For input string: "many"'):
        index.search(SearchRequest(filters=["i:many"]))


def test_filters_use_or(index: Index) -> None:
    result = index.search(SearchRequest(filters=["t:alpha t:beta"], size=0))
    assert result.total == 6
    assert result.hits == []


def test_an_unknown_api_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no offline index"):
        Store(tmp_path).index("nothing")


@pytest.mark.parametrize("kind", ["f", "d", "h"])
def test_the_two_zeros_are_beside_each_other(index: Index, kind: str) -> None:
    zero = [f"n{NUMBERS.index(0.0)}"]
    assert find(index, f"{kind}:[-0.0 TO 0.0]") == zero
    assert find(index, f"{kind}:[-0 TO 0]") == zero
    assert set(zero) <= set(find(index, f"{kind}:>-0.0"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (r"_exists_:\*.deep", ["o1"]),
        (r"_exists_:o\*ep", ["o1"]),
        (r"o.deep.x:y*", ["o1"]),
        (r"o.deep.x:Y*", ["o1"]),
        (r"o.deep.x:\Y*", ["o1"]),
        (r"o.deep.x:*\Y", []),
        (r"o.deep.x:*\y", ["o1"]),
        (r"h:3.1", [f"n{NUMBERS.index(3.1)}"]),
    ],
)
def test_objects_by_pattern_escaped_capitals_and_halves(index: Index, query: str, found: list[str]) -> None:
    assert find(index, query) == found
