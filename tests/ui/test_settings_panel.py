import pytest

pytest.importorskip("chainlit")

from agent.answer import EXAMPLES
from agent.graph import build_graph
from agent.settings import Settings
from ui.settings_panel import STARTERS, chosen_settings, chosen_species
from ui.species import with_species, without_species

QUESTIONS = [question for rows in STARTERS.values() for _, question in rows]
CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=name"


def settings(**changes):
    return Settings(_env_file=None, **changes)


def test_what_was_chosen_counts():
    chosen = chosen_settings(settings(), {"backend": "offline", "api": "mychem", "hits": 50.0, "species": "mouse"})
    assert (chosen.backend, chosen.api, chosen.hits) == ("offline", "mychem", 50)
    assert chosen_settings(settings(api="mygene"), {"api": "any"}).api is None
    served = settings(openai_base_url="http://gpu:8000/v1")
    assert chosen_settings(served, {"model": "openai"}).model == "openai"


@pytest.mark.parametrize(
    "chosen",
    [
        {"backend": "http://169.254.169.254/v1"},
        {"backend": ["live"]},
        {"api": "nosuch"},
        {"model": "openai"},  # there is no model server
        {"hits": "x"},
        {"hits": None},
        {"hits": float("inf")},
        {"hits": {}},
        {"home": "/", "timeout": 1e9},
    ],
)
def test_what_the_panel_does_not_offer_is_not_accepted(chosen):
    assert chosen_settings(settings(), chosen) == settings()


def test_an_address_that_the_settings_name_stays_on_offer():
    own = settings(backend="http://lab:9000")
    assert chosen_settings(own, {"backend": "offline"}).backend == "offline"
    assert chosen_settings(own, {"backend": "http://lab:9000"}).backend == "http://lab:9000"
    assert chosen_settings(own, {"backend": "http://lab:9001"}).backend == "http://lab:9000"


def test_hits_stay_within_what_services_give():
    assert chosen_settings(settings(), {"hits": 10**6}).hits == 1000
    assert chosen_settings(settings(hits=3), {"hits": 10}).hits == 3


@pytest.mark.parametrize(("species", "expected"), [("mouse", "mouse"), ("any", None), (["mouse"], None), ("x", None)])
def test_only_known_species_are_added(species, expected):
    assert chosen_species({"species": species}) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (CDK2, f"{CDK2}&species=mouse"),
        ("mygene /v3/query?q=kinase&fields=symbol", "mygene /v3/query?q=kinase&fields=symbol&species=mouse"),
        ("mygene /v3/query?q=go.BP.id:GO\\:0006260", "mygene /v3/query?q=go.BP.id:GO\\:0006260&species=mouse"),
        ("mygene /v3/query?q=CDK2,TP53&scopes=symbol", "mygene /v3/query?q=CDK2,TP53&scopes=symbol&species=mouse"),
        ("mygene /v3/query?q=chr7:1000-2000", "mygene /v3/query?q=chr7:1000-2000&species=mouse"),
        # An identifier is that of a gene, which has its species.
        ("mygene /v3/query?q=entrezgene:1017", None),
        ("mygene /v3/query?q=entrezgene:(1017 OR 1018)&fields=name", None),
        ("mygene /v3/query?q=ensembl.gene:ENSG00000123374", None),
        ("mygene /v3/query?q=HGNC:1771", None),
        ("mygene /v3/query?q=ENSG00000123374", None),
        ("mygene /v3/query?q=1017", None),
        ("mygene /v3/query?q=1017,1018&scopes=entrezgene", None),
        ("mygene /v3/gene/1017", None),
        ("mygene /v3/query?q=symbol:CDK2 AND taxid:9606", None),
        (f"{CDK2}&species=human", None),
        # Terms say which of the scopes they are meant for.
        (
            "mygene /v3/query?q=CDK2,TP53&scopes=symbol,entrezgene",
            "mygene /v3/query?q=CDK2,TP53&scopes=symbol,entrezgene&species=mouse",
        ),
        ("mygene /v3/query?q=CDK2,1017&scopes=symbol,entrezgene", None),
        # What is counted or ordered by species asks for all of them.
        ("mygene /v3/query?q=symbol:CDK2&size=0&facets=taxid", None),
        ("mygene /v3/query?q=symbol:CDK2&sort=-taxid", None),
        (
            "mygene /v3/query?q=kinase&size=0&facets=type_of_gene",
            "mygene /v3/query?q=kinase&species=mouse&size=0&facets=type_of_gene",
        ),
        ("mydisease /v1/query?q=asthma", None),
    ],
)
def test_the_species_is_put_where_a_question_on_genes_names_none(line, expected):
    record = {"request": line, "status": "answered", "question": "what is it?"}
    assert with_species(record, "mouse") == expected
    assert with_species(record, None) is None and with_species({**record, "status": "failed"}, "mouse") is None
    if expected is not None:
        assert without_species(expected, "mouse") == line and without_species(expected, "rat") == expected


@pytest.mark.parametrize(
    ("question", "added"),
    [
        ("what is CDK2?", True),
        ("what is CDK2 in mice?", True),
        ("which genes respond to reactive oxygen species?", True),
        ("HomoloGene id of CDK2", True),
        ("what is CDK2 in humans?", False),
        ("CDK2 in mouse and rat", False),
        ("in which species is there a CDK2?", False),
        ("CDK2 in all species", False),
        ("orthologs of CDK2", False),
        ("homologues of CDK2", False),
    ],
)
def test_the_species_is_not_put_where_a_question_asks_for_others(question, added):
    record = {"request": CDK2, "status": "answered", "question": question}
    assert (with_species(record, "mouse") is not None) is added


@pytest.mark.timeout(600)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_real_model_answers_every_starter_offline(question, real_home):
    record = build_graph(settings(home=real_home, backend="offline")).invoke({"question": question})
    assert record["status"] == "answered" and record["hits"], (record["request"], record["answer"])


def test_the_examples_of_a_refusal_are_starters():
    assert set(EXAMPLES) <= set(QUESTIONS)
