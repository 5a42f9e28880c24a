"""Synthesised pairs: every phrasing makes legal requests, and no register touches what a request quotes."""

import random
import re

import pytest

from finetune.entities import load_entities
from finetune.fields import FieldSampler
from finetune.followups import follow_up, leave_out
from finetune.numerals import number_words
from finetune.pairs import Pair
from finetune.phrasing import Family, Filling, load_phrasings
from finetune.register import rephrase, vary
from finetune.repairs import break_request
from finetune.slots import Slots
from finetune.split import held_out_entity, held_out_field
from finetune.synthesize import Synthesizer
from tools.apis import API_NAMES
from tools.catalogue import load_catalogue
from tools.errors import QueryError
from tools.query import Query

DRAWS = 4


@pytest.fixture(scope="module")
def slots():
    phrasings = load_phrasings()
    rng = random.Random(5)
    entities = load_entities()
    return {api: Slots(api, rng, entities, FieldSampler(api, phrasings.fields.get(api, {}))) for api in API_NAMES}


def test_every_phrasing_makes_legal_requests(slots):
    rng = random.Random(7)
    for family in load_phrasings().families:
        for turn_number, turn in enumerate(family.all_turns):
            for ask in turn.ask[:DRAWS]:
                filling = Filling(family, slots[family.api or "mygene"], rng)
                question = filling.ask(ask)
                assert "{" not in question, f"{family.family} turn {turn_number}: {question}"
                request = filling.request(turn.request)
                if request != "none":
                    assert Query.parse(request).check(), family.family


def test_every_word_for_a_field_belongs_to_a_field(slots):
    for api, phrases in load_phrasings().fields.items():
        catalogue = load_catalogue(api)
        assert [path for path in phrases if not catalogue.exists(path)] == []


def test_there_are_hundreds_of_phrasings_for_each_api():
    for api in API_NAMES:
        asks = [
            ask
            for family in load_phrasings().families
            if family.api == api
            for turn in family.all_turns
            for ask in turn.ask
        ]
        assert len(asks) >= 300, api


def test_entities_and_fields_that_are_held_out_never_come(slots):
    for api in API_NAMES:
        rng = random.Random(1)
        sampler = FieldSampler(api, {})
        catalogue = load_catalogue(api)
        drawn = {path for _ in range(300) for _, path in sampler.draw(rng, 3)}
        assert not [path for path in drawn if held_out_field(api, catalogue.get(path))]
    genes = {load_entities().draw("gene", random.Random(seed)) for seed in range(300)}
    assert not [gene for gene in genes if held_out_entity("gene", gene)]


@pytest.mark.parametrize("seed", range(40))
def test_registers_keep_identifiers(seed):
    question = "which Reactome pathways is rs113488022 of BRAF in, CHEBI:45783 or chr7:g.140753336A>T?"
    protected = {"BRAF", "rs113488022", "CHEBI:45783", "chr7:g.140753336A>T"}
    varied = vary(question, protected, random.Random(seed))
    for word in protected:
        assert word in varied


def test_a_turned_sentence_keeps_its_blanks():
    rng = random.Random(4)
    asks = [ask for family in load_phrasings().families for turn in family.all_turns for ask in turn.ask]
    turned = [(ask, rephrase(ask, rng)) for ask in asks]
    assert sum(ask != other for ask, other in turned) > len(asks) / 3
    for ask, other in turned:
        assert sorted(re.findall(r"\{\w+\}", ask)) == sorted(re.findall(r"\{\w+\}", other)), (ask, other)


@pytest.mark.parametrize(
    ("question", "entity", "kind", "said"),
    [
        ("what are the targets of imatinib?", "imatinib", "drug", {"what are the targets of it?"}),
        ("show imatinib's targets", "imatinib", "drug", {"show its targets", "show this drug's targets"}),
        ("targets of the drug imatinib", "imatinib", "drug", {"targets", "targets?", "targets please"}),
        ("rs334: clinical significance", "rs334", "rsid", {"clinical significance", "clinical significance?"}),
    ],
)
def test_what_was_named_before_need_not_be_named_again(question, entity, kind, said):
    made = {leave_out(question, entity, kind, random.Random(seed)) for seed in range(40)}
    assert said <= made
    assert not any(entity in text for text in made if text)


def test_nothing_can_be_left_out_twice_or_alone():
    rng = random.Random(1)
    assert leave_out("CFTR and CFTR", "CFTR", "gene", rng) is None
    assert leave_out("CFTR?", "CFTR", "gene", rng) is None
    assert leave_out("GO:1 genes", "GO:1", "go", rng) is None


def test_follow_ups_of_every_kind_come():
    pairs = [pair for pair in Synthesizer(5).pairs(1200) if pair.history]
    kinds = {pair.family.partition(" ")[0].partition("/")[2] for pair in pairs if pair.family.startswith("follow-up/")}
    assert {"swap", "fields", "also", "condition", "facet", "next", "correction", "threshold", "same"} <= {
        kind.partition("/")[0] for kind in kinds
    }
    assert any(pair.request == "none" for pair in pairs)


def test_follow_ups_are_legal_and_say_something(slots):
    base = Pair(question="ids of CDK2", request="mygene /v3/query?q=symbol:CDK2&fields=entrezgene", family="test")
    rng = random.Random(2)
    made = [follow_up(base, slots["mygene"], rng) for _ in range(60)]
    followed = [pair for pair in made if pair is not None]
    assert len(followed) > 30
    for pair in followed:
        assert pair.history and pair.question
        assert Query.parse(pair.request).check().canonical != Query.parse(pair.history[-1].request).canonical


def test_a_broken_request_is_mended_by_the_pair():
    rng = random.Random(3)
    query = Query.parse("mygene /v3/query?q=symbol:P53&fields=pathway.reactome&species=human")
    broken = [story for _ in range(300) if (story := break_request(query, "p53 pathways", rng)) is not None]
    assert {error == "nothing found" for _, error, _ in broken} == {True, False}
    for failed, error, mended in broken:
        assert error
        assert Query.parse(mended).check()
        if error != "nothing found":
            with pytest.raises(QueryError):
                Query.parse(failed).check()


def test_what_a_broken_request_leaves_out_is_named_and_mended():
    rng = random.Random(3)
    question = "rs334 or rs12979860 with a frequency above 5%"
    query = Query.parse("myvariant /v1/query?q=dbsnp.rsid:(rs334 OR rs12979860) AND gnomad_genome.af.af:>0.05")
    stories = [story for _ in range(99) if (story := break_request(query, question, rng)) and "leaves out" in story[1]]
    assert {error for _, error, _ in stories} == {
        "The request leaves out rs334.", "The request leaves out rs12979860.", "The request leaves out 5%.",
        "The request leaves out rs334, rs12979860.",
    }  # fmt: skip
    for failed, _, mended in stories:
        assert Query.parse(failed).check()
        assert mended == query.line


def test_a_family_that_is_malformed_says_so():
    with pytest.raises(ValueError, match="request"):
        Family(family="x", api="mygene", ask=["a question"])


def test_numbers_in_words():
    assert [number_words(number) for number in (0, 7, 13, 20, 42, 100)] == [
        "zero", "seven", "thirteen", "twenty", "forty-two", "a hundred",
    ]  # fmt: skip
    assert not re.search(r"\d", "".join(number_words(number) for number in range(101)))
