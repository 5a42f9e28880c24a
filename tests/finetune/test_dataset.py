"""What a training prompt shows, with the real retrieval."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.prompts import CARDS
from finetune.dataset import build_sequences
from finetune.pairs import Pair, PastTurn
from finetune.split import held_out_field
from rag.index import open_index
from rag.retrieve import Retriever
from tools.catalogue import load_catalogue


@pytest.fixture(scope="module")
def retriever(pytestconfig: pytest.Config) -> Retriever:
    return Retriever(open_index(Path(pytestconfig.cache.mkdir("rag-home"))))


def shown(pairs: list[Pair], retriever: Retriever, kept: float = 1.0) -> list[str]:
    texts: list[str] = []

    def encode(text: str) -> list[int]:
        texts.append(text)
        return [0]

    build_sequences(pairs, retriever, encode, kept=kept)
    return texts[::2]


def test_a_held_out_field_is_never_shown_and_others_take_its_place(retriever: Retriever) -> None:
    name = "dbnsfp.primateai.rankscore"
    assert held_out_field("myvariant", load_catalogue("myvariant").fields[name])
    question = "primateAI rank score of rs80357906"
    assert name in [card.path for card in retriever.retrieve(question, (), None, CARDS).fields]
    prompt = shown([Pair(question=question, request="none", family="x")], retriever)[0]
    lines = prompt.split(question)[1].split("<|im_end|>")[0].split()
    assert name not in lines
    assert sum("." in line or line.islower() for line in lines) >= CARDS


def test_fields_of_earlier_requests_count_as_shown(retriever: Retriever) -> None:
    request = "mygene /v3/query?q=symbol:CDK2&fields=reporter.RaGene-2_1"
    turn = PastTurn(question="the Affymetrix Rat Gene 2.1 probes of CDK2", request=request)
    later = Pair(question="page down", history=[turn], request=request + "&from=10", family="x")
    first = Pair(question="page down", request=request + "&from=10", family="x")
    assert len(shown([later], retriever, kept=0.0)) == 1
    assert len(shown([first], retriever, kept=0.0)) == 0
