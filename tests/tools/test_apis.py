import dataclasses

import pytest

from tools import apis
from tools.errors import QueryError


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apis, "_registry", dict(apis._registry))


def test_the_four_apis_have_their_published_addresses():
    roots = {name: apis.get_api(name).root for name in apis.API_NAMES}
    assert roots == {
        "mygene": "https://mygene.info/v3",
        "myvariant": "https://myvariant.info/v1",
        "mychem": "https://mychem.info/v1",
        "mydisease": "https://mydisease.info/v1",
    }


def test_every_api_is_known_to_biothings_client():
    biothings_client = pytest.importorskip("biothings_client")
    for name in apis.API_NAMES:
        api = apis.get_api(name)
        assert biothings_client.get_client(api.client).url.rstrip("/").endswith(api.root.removeprefix("https://"))


def test_drug_and_compound_are_aliases_of_chem():
    assert apis.get_api("mychem").entity_names == ("chem", "drug", "compound")


@pytest.mark.parametrize(("api", "own"), [("mygene", "species"), ("myvariant", "assembly"), ("mychem", "list_filter")])
def test_an_api_takes_its_own_parameters_and_the_common_ones(api: str, own: str):
    assert {own, "q", "size", "from", "facets", "fetch_all"} <= apis.get_api(api).params
    others = [other for other in apis.API_NAMES if own in apis.get_api(other).params]
    assert others == [api]


@pytest.mark.parametrize(("typed", "meant"), [("mygenes", "mygene"), ("MyVariant", "myvariant"), ("chem", "mychem")])
def test_an_unknown_api_names_the_nearest(typed: str, meant: str):
    with pytest.raises(QueryError) as caught:
        apis.get_api(typed)
    assert f"Did you mean {meant}?" in caught.value.hint


def test_a_made_up_api_can_be_registered(registry: None):
    apis.register(apis.made_up("plants"))
    assert apis.get_api("plants").root.endswith("/plants/v1")
    assert apis.api_names() == (*apis.API_NAMES, "plants")


def test_a_built_in_api_cannot_be_replaced(registry: None):
    with pytest.raises(QueryError, match="built-in"):
        apis.register(dataclasses.replace(apis.get_api("mygene"), base_url="https://elsewhere.example"))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("mice", "mouse"), ("murine", "mouse"), ("homo sapiens", "human"), ("fruit flies", "fruitfly"),
        ("drosophila", "fruitfly"), ("worm", "nematode"), ("c. elegans", "nematode"), ("arabidopsis", "thale-cress"),
        ("xenopus", "frog"), ("porcine", "pig"), ("rats", "rat"), ("zebrafish", "zebrafish"), ("bovine", "9913"),
        ("yeast", "559292"), ("xenopus laevis", "8355"),
    ],
)  # fmt: skip
def test_species_words(word: str, value: str):
    assert apis.species_words[word] == value


def test_every_species_value_is_a_name_or_a_taxonomy_id():
    assert all(value in apis.SPECIES or value.isdigit() for value in apis.species_words.values())
    assert all(apis.species_words[name] == name for name in apis.SPECIES)
    assert all(word == word.lower() for word in apis.species_words)


def test_species_taxids_and_names():
    assert apis.species_taxid("Mus musculus") == 10090
    assert apis.species_taxid("9913") == apis.species_taxid("cattle") == 9913
    assert apis.species_taxid("unicorn") is None
    assert apis.species_name(3702) == "thale-cress"
    assert apis.species_name(9913) == "cow"
    assert apis.species_name(1) == "taxon 1"
