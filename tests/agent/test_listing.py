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
        ("the highest Entrez ids of keratins", "&sort=entrezgene&size=5", "&sort=-entrezgene&size=5"),
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


@pytest.mark.parametrize("question", ["next 20 genes on chr7", "what comes next?", "the next disease"])
def test_other_questions_turn_no_page(question):
    drafted = Query.parse(KERATIN)
    assert as_listed(drafted, question, Query.parse(KERATIN + "&size=20")) == drafted
