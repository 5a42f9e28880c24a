"""Query-string syntax: what parses to what, what is refused, and that writing a tree back is exact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.lucene import (
    Bool,
    Exists,
    Fuzzy,
    LuceneSyntaxError,
    MatchAll,
    Nothing,
    Phrase,
    Prefix,
    Range,
    Regex,
    Term,
    Wildcard,
    canonical,
    clauses_of,
    escape,
    fields_of,
    parse,
    render,
)

WORDS = "alpha beta k: t: _exists_: _id: *: AND OR NOT && || + - ! ( ) ( ) : ^2 ^0.5 ~ ~1 ~auto * ? al*a a* /a.c/"
SYMBOLS = r"/a\/b/ >=5 <3 >-2 >=-2 \: \( \" TO and c++ -x 3.14 \u0041 é [] {=5"
SPACED = '\t|a\\ b|"a b"|"a \\" b"|"x"~3|[a TO b]|{1 TO *]|[* TO "x y"}|{=5 TO *}|["" TO "a\\"b"]'
TOKENS = st.sampled_from([token for text in (WORDS, SYMBOLS) for token in text.split(" ")] + SPACED.split("|"))
QUERIES = st.lists(st.tuples(TOKENS, st.sampled_from(["", " ", " "])), min_size=1, max_size=9).map(
    lambda parts: "".join(token + space for token, space in parts)
)


@pytest.mark.parametrize(
    ("query", "node"),
    [
        ("alpha", Term(None, "alpha")),
        ("alpha beta", Term(None, "alpha beta")),
        ("alpha and beta", Term(None, "alpha and beta")),
        ("k:alpha", Term("k", "alpha")),
        ("t : alpha", Term("t", "alpha")),
        ("k:(new york)", Term("k", "new york")),
        (r"k:new\ york", Term("k", "new york")),
        ('k:"new york"~2', Phrase("k", "new york", 2)),
        (r"MGI\:88339", Term(None, "MGI:88339")),
        (r"\u0041b", Term(None, "Ab")),
        ("symbol:cdk*", Prefix("symbol", "cdk")),
        ("symbol:c?k*", Wildcard("symbol", "c?k*")),
        (r"k:qu\?stio?", Wildcard("k", r"qu\?stio?")),
        ("k:/a.*b/", Regex("k", "a.*b")),
        ("t:alpah~", Fuzzy("t", "alpah", 1)),
        ("t:alpahabet~auto", Fuzzy("t", "alpahabet", 2)),
        ("n:>=2.5", Range("n", "2.5", None, True, True)),
        ("n:<-3", Range("n", None, "-3", True, False)),
        ("n:[3 TO 6}", Range("n", "3", "6", True, False)),
        ("n:[* TO *]", Range("n", None, None)),
        ("_exists_:go.BP", Exists("go.BP")),
        (r"_exists_:go.\*", Exists("go.*")),
        ("*:*", MatchAll()),
        ("__all__", MatchAll()),
        ("   ", Nothing()),
    ],
)
def test_leaf(query: str, node: object) -> None:
    assert parse(query) == node


@pytest.mark.parametrize(
    ("query", "occurs"),
    [
        ("a OR b AND c", "a +b +c"),
        ("a AND b OR c", "+a b c"),
        ("a OR NOT b", "a -b"),
        ("a b:c d", "+a +b:c +d"),
        ("k:new york city", "+k:new +(york city)"),
        ("a b c OR d", "+(a b) c d"),
        ("a OR b c d", "a b +(c d)"),
        ("+a -b", "+a -b"),
        ("a ! b", r"+a +\! +b"),
    ],
)
def test_occurs_follow_lucene(query: str, occurs: str) -> None:
    node = parse(query)
    assert isinstance(node, Bool)
    signs = {"must": "+", "should": "", "must_not": "-"}
    shown = []
    for occur, child in node.occurs:
        text = render(child)
        shown.append(signs[occur] + (f"({text})" if " " in text else text))
    assert " ".join(shown) == occurs


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("alpha AND ()", 11),
        ("alpha)", 5),
        ("AND alpha", 0),
        ("NOT", 3),
        ('"alpha', 0),
        ("n:[3 TO", 7),
        ("n:[3 6]", 5),
        ("n:3 TO 6]", 8),
        ("neg:-3", 4),
        ("go.*:x", 4),
        ("f:a:b", 3),
        ("alpha^", 6),
        ("alpha^x", 6),
        ("alpha~x", 5),
        ("alpha~3", 5),
        ("alpha\\", 5),
        ("/", 0),
        (r"a\u00z", 0),
        ("(" * 5000, 100),
    ],
)
def test_refused_with_position_and_hint(query: str, position: int) -> None:
    with pytest.raises(LuceneSyntaxError) as caught:
        parse(query)
    assert caught.value.position == position
    assert caught.value.hint
    assert caught.value.message.startswith(f"Cannot parse '{query}': ")


def test_message_is_the_services() -> None:
    with pytest.raises(LuceneSyntaxError) as caught:
        parse("n:[3 6]")
    assert caught.value.message == 'Cannot parse \'n:[3 6]\': Encountered " <RANGE_GOOP> "6 "" at line 1, column 5.'


@settings(max_examples=600, deadline=None)
@given(QUERIES)
def test_parse_inverts_render(query: str) -> None:
    try:
        node = parse(query)
    except LuceneSyntaxError:
        return
    assert parse(render(node)) == node
    assert canonical(parse(render(node))) == canonical(node)
    for clause in clauses_of(node):
        assert parse(render(clause)) == clause


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_escape_keeps_any_text(text: str) -> None:
    assert parse(f'k:"{escape(text, quoted=True)}"') == Phrase("k", text)
    if text[0] not in "<>":
        assert parse("k:" + escape(text)) == Term("k", text)
    if any(char > " " for char in text):
        assert parse(escape(text)) == Term(None, text)


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "symbol:CDK2 AND taxid:9606",
            "+taxid:9606 +symbol:cdk2",
            "symbol:cdk2 taxid:9606",
            '(symbol:"CDK2") taxid:9606',
        ),
        ("symbol:(A OR B)", "symbol:b OR symbol:a", "(symbol:b || symbol:a)", "symbol:A OR symbol:B OR symbol:A"),
        ("a AND NOT b", "+a -b", "NOT b AND a"),
        ("a AND (b AND c)", "c AND b AND a"),
        ("n:[5 TO *]", "n:>=5", "n:>=5.0"),
        ("NOT (a OR b)", "NOT a AND NOT b"),
        (r"go.BP.id:GO\:0000082", 'go.BP.id:"GO:0000082"'),
        ("_exists_:x", "x:*", "x:[* TO *]"),
        ("*", "*:*", "__all__", "(*)"),
        (r"c.cas:15687\-27\-1", "c.cas:15687-27-1", r"c\.cas:1568\7-27-1"),
        (r"c.cas:15687\-2*", "c.cas:15687-2*"),
        (r"n:>\-2", "n:>-2"),
    ],
)
def test_canonical_joins_spellings(spellings: tuple[str, ...]) -> None:
    assert len({canonical(parse(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a OR b", "a AND b"),
        ("a OR b AND c", "a AND b OR c"),
        ("_id:chr1", "_id:CHR1"),
        ("n:>5", "n:>=5"),
        ('name:"a b"', "name:(a b)"),
        ("a -b", "a b"),
    ],
)
def test_canonical_keeps_apart(one: str, other: str) -> None:
    assert canonical(parse(one)) != canonical(parse(other))


def test_fields_and_clauses() -> None:
    node = parse("symbol:(CDK2 OR BRCA1) AND _exists_:go.BP AND NOT name:kinase~1 tumor")
    assert fields_of(node) == ["symbol", "go.BP", "name"]
    assert [render(clause) for clause in clauses_of(node)] == [
        "symbol:CDK2",
        "symbol:BRCA1",
        "_exists_:go.BP",
        "name:kinase~1",
        "tumor",
    ]
