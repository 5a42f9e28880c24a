"""What is kept out of training: the evaluation's questions and requests, held-out fields and entities, validation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune import corpus
from finetune.corpus import Filter, normalise, split_pairs, synthesise
from finetune.dataset import read_pairs
from finetune.evaluate import read_questions
from finetune.pairs import Pair, PastTurn
from finetune.split import held_out_entity, held_out_field, held_out_phrasing, in_validation
from rag.documents import fields_of
from tools.apis import API_NAMES
from tools.catalogue import load_catalogue
from tools.paths import data_dir
from tools.query import Query

COUNT = 1500


@pytest.fixture(scope="module")
def made() -> list[Pair]:
    pairs, dropped, _ = synthesise(COUNT, 5)
    # Fewer than one in six is dropped, or the phrasings are too near to the evaluation.
    assert len(pairs) == COUNT and sum(dropped.values()) < COUNT / 5, dropped
    return pairs


@pytest.fixture(scope="module")
def committed() -> list[Pair]:
    path = data_dir() / "train" / "pairs.jsonl.zst"
    return read_pairs(path) if path.is_file() else []


@pytest.fixture(scope="module", params=["made", "committed"])
def pairs(request: pytest.FixtureRequest) -> list[Pair]:
    found: list[Pair] = request.getfixturevalue(request.param)
    return found


def requests_of(pairs: list[Pair]) -> Iterator[str]:
    return (line for pair in pairs for line in pair.requests if line != "none")


def test_no_question_of_the_evaluation_is_trained_on(pairs: list[Pair]) -> None:
    asked = {tuple(normalise(turn) for turn in (*row.history, row.question)) for row in read_questions()}
    turns = [tuple(normalise(turn.question) for turn in pair.history) + (normalise(pair.question),) for pair in pairs]
    assert [turn for turn in turns if turn in asked] == []


def test_no_request_of_the_evaluation_is_trained_on(pairs: list[Pair]) -> None:
    right = {Query.parse(line).canonical for row in read_questions() for line in row.requests if line != "none"}
    assert [line for line in requests_of(pairs) if Query.parse(line).canonical in right] == []


def test_held_out_fields_never_occur(pairs: list[Pair]) -> None:
    held = {
        (api, field.path) for api in API_NAMES for field in load_catalogue(api) if held_out_field(api, field)
    }  # fmt: skip
    assert len(held) > 50
    used = {(line.partition(" ")[0], path) for line in requests_of(pairs) for path in fields_of(line)}
    assert used & held == set()


def test_held_out_entities_never_occur(pairs: list[Pair]) -> None:
    symbols = set()
    for line in requests_of(pairs):
        query = Query.parse(line)
        if query.kind == "query" and query.q and query.q.startswith("symbol:") and query.q[7:].isalnum():
            symbols.add(query.q[7:])
        if query.kind == "get" and query.api == "mydisease":
            assert not held_out_entity("mondo", query.ids[0])
    assert [symbol for symbol in symbols if held_out_entity("gene", symbol)] == []
    assert not any(corpus.names_held_out_entity(line) for line in requests_of(pairs))


def test_validation_shares_neither_requests_nor_wordings_with_training(pairs: list[Pair]) -> None:
    split = split_pairs(pairs)
    trained = {Query.parse(line).canonical for line in requests_of(split.training)}
    for part in (split.wordings, split.requests):
        assert [pair for pair in part if pair.canonical in trained] == []
        assert part or not pairs
    wordings = {phrasing for pair in split.training for phrasing in pair.phrasings}
    assert [pair for pair in split.wordings if set(pair.phrasings) <= wordings] == []
    assert not any(held_out_phrasing(phrasing) for phrasing in wordings)
    assert not any(in_validation(canonical) for canonical in trained)
    assert len(split.training) >= 0.85 * len(pairs)


def test_a_split_does_not_depend_on_the_order(made: list[Pair]) -> None:
    one, other = split_pairs(made), split_pairs(list(reversed(made)))
    assert sorted(pair.question for pair in one.training) == sorted(pair.question for pair in other.training)
    assert len(one.validation) == len(other.validation)


def test_the_same_seed_makes_the_same_pairs() -> None:
    assert synthesise(40, 9)[0] == synthesise(40, 9)[0] != synthesise(40, 10)[0]


def test_what_is_dropped_and_why() -> None:
    rows = read_questions()
    single = next(row for row in rows if not row.history and row.requests != ["none"])
    follow_up = next(row for row in rows if row.history)
    leaks = Filter()
    fresh = "mygene /v3/query?q=symbol:ZZZ3&fields=summary"
    asked = Pair(question=single.question.upper() + " ?!", request=fresh, family="x/y#123456")
    assert leaks.reason(asked) == "question of the evaluation"
    right = Pair(question="something new", request=single.requests[0], family="x/y#123456")
    assert leaks.reason(right) == "request of the evaluation"
    earlier = Pair(
        question="and this?", request=fresh, history=[PastTurn(question="new", request=single.requests[0])], family="x"
    )
    assert leaks.reason(earlier) == "request of the evaluation"
    # "and in mouse?" is a common follow-up; only after the same questions is it the evaluation's.
    assert leaks.reason(Pair(question=follow_up.question, request=fresh, family="x")) is None
    turns = [PastTurn(question=turn, request="none") for turn in follow_up.history]
    said = Pair(question=follow_up.question, request=fresh, history=turns, family="x")
    assert leaks.reason(said) == "question of the evaluation"
    assert leaks.reason(Pair(question="a joke, please", request="none", family="x")) is None


def test_phrasings_of_pairs() -> None:
    def phrasings(family: str) -> list[str]:
        return Pair(question="q", request="none", family=family).phrasings

    assert phrasings("mygene/search#1f9c02") == ["mygene/search#1f9c02"]
    assert phrasings("follow-up/swap mygene/turns#aa+bb") == ["mygene/turns#aa", "mygene/turns#bb"]
    assert phrasings("correction") == []
