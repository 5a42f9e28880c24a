import pytest

from tools.query import Query
from ui.explain import explain


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mygene /v3/query?q=symbol:CDK2&species=mouse", "only mouse genes"),
        ("myvariant /v1/query?q=cadd.phred:>25", "more than 25"),
        ("myvariant /v1/query?q=cadd.phred:[10 TO 20]", "at least 10 and at most 20"),
        ("mygene /v3/query?q=_exists_:pathway.kegg", "has "),
        ('mydisease /v1/query?q=mondo.label:"cystic fibrosis"', "“cystic fibrosis”"),
        ("mygene /v3/query?q=symbol:CDK2 AND NOT taxid:9606", "not: "),
        ("mygene /v3/query?q=symbol:CDK*", "begins with CDK"),
        ("mygene /v3/query?q=chr7:55000000-55300000", "chromosome 7"),
        ("mygene /v3/query?q=symbol:CDK2&sort=-entrezgene", "highest first"),
        ("mygene /v3/query?q=symbol:CDK2&species=9913", "only cow genes"),
        ("mygene /v3/query?q=symbol:CDK2&species=all", "genes of any species"),
        (
            "myvariant /v1/query?q=chr7:55000000-55300000 AND cadd.phred:>20",
            "lies at chromosome 7, 55000000 to 55300000",
        ),
        ("mygene /v3/gene/1017?fields=symbol,-go", "leave out "),
        ("mygene /v3/query?q=CDK2,BRCA1&scopes=symbol", "each looked up in"),
    ],
)
def test_each_clause_is_said_in_plain_words(line, expected):
    said = " | ".join(means for _, means in explain(Query.parse(line)))
    assert expected in said


def test_alternatives_are_joined_by_or():
    rows = explain(Query.parse("mygene /v3/query?q=(symbol:CDK2 OR alias:CDK2)"))
    assert any(means.endswith(", or") for _, means in rows)
