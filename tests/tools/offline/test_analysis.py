"""Terms of texts, as Elasticsearch's analysers give them; dates and their spans."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.offline.analysis import _word_pattern, analyze, lowercase, split_words
from tools.offline.dates import format_date, parse_date


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NF-kappaB p65", ["nf", "kappab", "p65"]),
        ("α-Tubulin", ["α", "tubulin"]),
        ("10,000 Genomes 3.14", ["10,000", "genomes", "3.14"]),
        ("it's 5'-nucleotidase", ["it's", "5", "nucleotidase"]),
        ("A.B.C foo_bar __", ["a.b.c", "foo_bar"]),
        ("2',4,4'-trihydroxychalcone", ["2", "4,4", "trihydroxychalcone"]),
        ("GO:0000082 x:y", ["go", "0000082", "x:y"]),
        ("Gleevec® 日本 カタカナ naïve", ["gleevec", "®", "日", "本", "カタカナ", "naïve"]),
        ("👍🏽ok 👩\u200d🔬 🇩🇪1️⃣", ["👍🏽", "ok", "👩\u200d🔬", "🇩🇪", "1️⃣"]),
        ("צה\"ל ג'", ['צה"ל', "ג'"]),
        ("...", []),
        ("x" * 300, ["x" * 255, "x" * 45]),
    ],
)
def test_standard(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@given(st.text("abzAZ019_.,;:'\"- +()é"))
def test_the_quick_way_is_the_long_way(text: str) -> None:
    assert split_words(text) == _word_pattern().findall(lowercase(text))


def test_a_line_of_underscores_is_soon_read() -> None:
    line = "_" * 100_000
    assert split_words(line) == split_words(f"- {line} -") == []
    assert split_words(f"é {line} é") == ["é", "é"]
    assert split_words("__a__b_ c_日_1") == ["__a__b_", "c_", "日", "_1"]


def test_other_analyzers() -> None:
    assert analyze("NM_001798.5", "refseq_analyzer") == ["nm_001798", "nm_001798.5"]
    assert analyze("Two Words", "string_lowercase") == ["two words"]
    assert analyze("", "string_lowercase") == [""]
    assert analyze("p.V600E c.1799T>A", "whitespace_lowercase") == ["p.v600e", "c.1799t>a"]
    assert analyze("5\xa0mg\u2003A\tb", "whitespace_lowercase") == ["5\xa0mg", "a", "b"]


@pytest.mark.parametrize("text", ["ΣΑΣ", "İ", "É", "ß"])
def test_lower_case_keeps_the_length(text: str) -> None:
    assert len(lowercase(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2015", "2015-01-01T00:00:00.000", "2015-12-31T23:59:59.999"),
        ("2016-02", "2016-02-01T00:00:00.000", "2016-02-29T23:59:59.999"),
        ("2016-02-03T04", "2016-02-03T04:00:00.000", "2016-02-03T04:59:59.999"),
        ("2014-05-15T12:30:00Z", "2014-05-15T12:30:00.000", "2014-05-15T12:30:00.999"),
        ("2014-05-15T12:30:00.5+02:00", "2014-05-15T10:30:00.500", "2014-05-15T10:30:00.500"),
        ("2015-01-31||+1M", "2015-02-28T00:00:00.000", "2015-02-28T00:00:00.000"),
        ("2015-03-10||/M", "2015-03-01T00:00:00.000", "2015-03-31T23:59:59.999"),
        ("1400157000000", "2014-05-15T12:30:00.000", "2014-05-15T12:30:00.000"),
    ],
)
def test_dates(text: str, first: str, last: str) -> None:
    for round_up, expected in ((False, first), (True, last)):
        moment = datetime.fromtimestamp(parse_date(text, round_up) / 1000, UTC)
        assert moment.isoformat(timespec="milliseconds") == expected + "+00:00"


@pytest.mark.parametrize("text", ["", "20150", "2015-13", "2015-02-30", "yesterday", "2015||+1q", "2015-1-1"])
def test_no_dates(text: str) -> None:
    if text == "20150":
        assert parse_date(text, False) == 20150
        return
    with pytest.raises(ValueError, match="failed to parse date"):
        parse_date(text, False)


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "9" * 5000, "99999999999999999999||+1d", "now+9999999999y"]
)
def test_dates_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match="failed to parse date"):
        parse_date(text, False)


def test_the_ends_of_the_calendar() -> None:
    assert parse_date("0001-01-01T00:00:00+05:00", False) == -62135614800000
    assert parse_date("9223372036854775807", False) == 2**63 - 1
    assert format_date(1400157000007) == "2014-05-15T12:30:00.007Z"
    assert format_date(-62135614800000) == "0000-12-31T19:00:00.000Z"
    assert format_date(9999999999999999) == "+318857-05-20T17:46:39.999Z"
    assert format_date(-9999999999999999) == "-314918-08-13T06:13:20.001Z"


def test_now() -> None:
    assert abs(parse_date("now", False) - datetime.now(UTC).timestamp() * 1000) < 5000
    assert parse_date("now-1d", False) < parse_date("now", False)
