"""Which hits are listed, and in which order, where the question says so."""

import pytest

from agent.listing import as_listed
from tools.query import Query

KERATIN = "mygene /v3/query?q=name:keratin"


@pytest.mark.parametrize(
    ("question", "drafted", "wanted"),
    [
        ("keratin genes, results 41 to 60", "&size=20", "&size=20&from=40"),
        ("hits 31-60 of the keratins", "&from=31", "&size=30&from=30"),
        ("give me 40 keratins beginning at offset 80", "&from=80", "&size=40&from=80"),
        ("keratins by Entrez id, lowest first", "&sort=-entrezgene", "&sort=entrezgene"),
        ("the most significant keratins by name", "&sort=symbol", "&sort=symbol"),
        ("records from 2015 to 2020", "", ""),
        ("entries from 300 to 500 Da", "", ""),
        ("hits 1 to 20", "", "&size=20"),
        ("hits 1-1500", "", ""),
        ("the largest first", "&sort=entrezgene&size=5", "&sort=-entrezgene&size=5"),
        ("from highest to lowest Entrez id", "&sort=-entrezgene", "&sort=-entrezgene"),
        ("at most 3 keratins by Entrez id", "&sort=entrezgene&size=3", "&sort=entrezgene&size=3"),
        ("keratin genes", "", ""),
    ],
)
def test_what_is_said_holds(question, drafted, wanted):
    assert as_listed(Query.parse(KERATIN + drafted), question, None).line == Query.parse(KERATIN + wanted).line


@pytest.mark.parametrize(
    ("question", "before", "wanted"),
    [
        ("next 20", "&size=20", "&size=20&from=20"),
        ("and the next 5 please", "&size=20&from=20", "&size=5&from=40"),
        ("next page", "", "&from=10"),
        ("now show me the following hits", "&species=human&from=10", "&species=human&from=20"),
    ],
)
def test_the_page_is_turned(question, before, wanted):
    drafted = Query.parse(KERATIN + "&from=7")
    assert as_listed(drafted, question, Query.parse(KERATIN + before)).line == Query.parse(KERATIN + wanted).line


def test_a_page_is_as_long_as_the_settings_say():
    turned = as_listed(Query.parse(KERATIN), "next page", Query.parse(KERATIN), hits=25)
    assert turned.params == {"from": "25"}


def test_counts_have_no_next_page():
    counts = Query.parse(KERATIN + "&size=0&facets=taxid")
    assert as_listed(counts, "next page", counts) == counts


@pytest.mark.parametrize("question", ["next 20 genes on chr7", "what comes next?", "the next disease"])
def test_other_questions_turn_no_page(question):
    drafted = Query.parse(KERATIN)
    assert as_listed(drafted, question, Query.parse(KERATIN + "&size=20")) == drafted
