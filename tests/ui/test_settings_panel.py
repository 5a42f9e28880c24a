import pytest

pytest.importorskip("chainlit")

from agent.settings import Settings
from ui.settings_panel import chosen_settings, chosen_species


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
