"""Paraphrases and annotations: for real against a server on loopback, and what becomes of their answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent.settings import load_settings
from finetune import annotate, paraphrase
from finetune.paraphrase import Instructions, keeps_what_is_named
from finetune.teacher import Teacher, Usage
from tools.catalogue import load_catalogue, set_home
from tools.errors import DataError, ModelError

CDK2 = "mygene /v3/query?q=symbol:CDK2&fields=pathway.reactome&species=human"
IMATINIB = "mychem /v1/query?q=chembl.pref_name:imatinib&fields=gtopdb.interaction_targets"
RARE = "myvariant /v1/query?q=clinvar.gene.symbol:CDK2 AND gnomad_genome.af.af:<0.01&size=5"
DISEASE = 'mydisease /v1/query?q=mondo.label:"cystic fibrosis"&fields=hpo.inheritance'


def settings_for(url: str) -> Any:
    return load_settings(openai_base_url=url, openai_model="smol", model_timeout=280)


@pytest.mark.timeout(900)
def test_a_real_server_writes_pairs(model_server: str, tmp_path: Path) -> None:
    out, seen = tmp_path / "pairs.jsonl", []
    usage = paraphrase.paraphrase(
        [CDK2, DISEASE, CDK2], out, settings_for(model_server), batch=1, concurrency=1,
        usage=Usage(price_in=1.0, price_out=2.0), watch=lambda done, total, usage: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(1, 2), (2, 2)]
    assert usage.asked == 2 and usage.tokens_in > 100 and usage.tokens_out > 10
    assert usage.cost == pytest.approx((usage.tokens_in + 2 * usage.tokens_out) / 1e6)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["request"] for row in rows} == {CDK2, DISEASE}
    assert {row["source"] for row in rows} == {"paraphrased:smol"}
    # Small as it is, what it writes is kept only where it says what the request says.
    for pair in paraphrase.read_paraphrases(out):
        assert keeps_what_is_named(pair.request, pair.question)
    # Nothing is asked twice.
    again = paraphrase.paraphrase([CDK2, DISEASE], out, settings_for(model_server))
    assert again.asked == 0 and len(out.read_text().splitlines()) == len(rows)


@pytest.mark.timeout(900)
def test_a_real_server_describes_fields(model_server: str, tmp_path: Path) -> None:
    out, catalogue = tmp_path / "fields.jsonl", load_catalogue("mygene")
    usage = annotate.annotate(catalogue, out, settings_for(model_server), paths=["pathway.kegg.name"], concurrency=1)
    assert usage.asked == 1 and usage.tokens_out > 0
    rows = list(annotate.read_rows(out))
    assert len(rows) == 1 - usage.failed
    for row in rows:
        assert row["path"] == "pathway.kegg.name" and row["label"] and len(row["description"]) >= 10
    again = annotate.annotate(catalogue, out, settings_for(model_server), paths=["pathway.kegg.name"])
    assert again.asked == usage.failed


@pytest.mark.timeout(900)
def test_a_real_server_keeps_to_the_shape(model_server: str) -> None:
    class Colour(BaseModel):
        colour: str
        number: int

    teacher = Teacher(settings_for(model_server), "Name a colour and a number.", Colour, concurrency=1)
    (answer,) = teacher.ask(["go"])
    assert isinstance(answer, Colour)
    # llama.cpp's server takes a schema in its own way, which was found out by the first request.
    assert teacher._mode == "json_object"


def test_no_server_and_no_key_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no server") as caught:
        paraphrase.paraphrase([CDK2], tmp_path / "out.jsonl", load_settings())
    assert "OPENAI_API_KEY" in caught.value.hint
    nowhere = load_settings(openai_base_url="http://127.0.0.1:9/v1", model_timeout=5)
    with pytest.raises(ModelError, match=r"no model server at http://127.0.0.1:9"):
        Teacher(nowhere, "x", Instructions).ask(["y"])


class Fixed(Teacher[Any]):
    """Gives answers and failures from a list."""

    answers: list[Any] = []

    def _round(self, prompts: Sequence[str]) -> list[Any]:
        return [self.answers.pop(0) for _ in prompts]


def test_what_loses_a_name_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paraphrase, "Teacher", Fixed)
    Fixed.answers = [
        Instructions(imperative="List the Reactome pathways of human CDK2.", question="Which pathways is it in?"),
        Instructions(imperative="Show the inheritance of fibrosis.", question="How is it passed on, please?"),
    ]
    out = tmp_path / "pairs.jsonl"
    paraphrase.paraphrase([CDK2, DISEASE], out, load_settings(openai_model="big"))
    assert [pair.question for pair in paraphrase.read_paraphrases(out)] == ["List the Reactome pathways of human CDK2."]
    # What was not usable is remembered, so that it is not paid for again.
    assert paraphrase.paraphrase([CDK2, DISEASE], out, load_settings()).asked == 0


def test_a_cut_off_line_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paraphrase, "Teacher", Fixed)
    Fixed.answers = [Instructions(imperative="List pathways of human CDK2.", question="Which pathways has CDK2?")]
    out = tmp_path / "pairs.jsonl"
    row = f'{{"question": "x", "request": "{DISEASE[:20]}", "family": "f"}}\n'.encode()
    # Killed within the two bytes of a character.
    out.write_bytes(row + b'{"question": "Sj\xc3')
    assert paraphrase.paraphrase([CDK2], out, load_settings()).asked == 1
    assert out.read_bytes().startswith(row + b'{"question": "List')
    assert [pair.question for pair in paraphrase.read_paraphrases(out)] == ["x", "List pathways of human CDK2."]
    # A whole last line without its end was written by hand, and stays.
    out.write_bytes(row.rstrip())
    assert paraphrase.paraphrase([], out, load_settings()).asked == 0
    assert out.read_bytes() == row


def test_lines_that_earlier_runs_left_cut_off_are_passed_over(tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    row = json.dumps({"question": "Which pathways?", "request": CDK2, "family": "f"})
    out.write_text(f'{row[:30]}{row}\n\n{row}\n["no", "row"]\n')
    assert [pair.request for pair in paraphrase.read_paraphrases(out)] == [CDK2]
    out.write_text("question,request\na,b\n")
    with pytest.raises(DataError, match="cannot be read as pairs"):
        paraphrase.read_paraphrases(out)


def test_what_was_answered_is_kept_where_another_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paraphrase, "Teacher", Fixed)
    good = Instructions(imperative="List pathways of human CDK2.", question="Which pathways has human CDK2?")
    third = CDK2.replace("CDK2", "CDK4")
    Fixed.answers = [good, ModelError("too many requests"), None]
    out = tmp_path / "pairs.jsonl"
    with pytest.raises(ModelError, match="too many"):
        paraphrase.paraphrase([CDK2, DISEASE, third], out, load_settings())
    assert {json.loads(line)["request"] for line in out.read_text().splitlines()} == {CDK2}
    # The one that failed, and the one that had a single try, are asked again.
    Fixed.answers = [None] * 4
    assert paraphrase.paraphrase([CDK2, DISEASE, third], out, load_settings()).asked == 2


def test_what_it_costs_is_said_or_that_it_is_not_known() -> None:
    assert "cost 3.0000" in str(Usage(price_in=1.0, price_out=2.0, tokens_in=1_000_000, tokens_out=1_000_000))
    assert "cost not known" in str(Usage(tokens_in=5))


@pytest.mark.parametrize(
    ("line", "text", "kept"),
    [
        (CDK2, "pathways of CDK2 in humans", True),
        (CDK2, "pathways of CDK4 in humans", False),
        (DISEASE, "How is cystic fibrosis inherited?", True),
        (DISEASE, "How is CF inherited?", False),
        ('mygene /v3/query?q=go.BP.term:"DNA repair" AND type_of_gene:protein-coding', "Genes in DNA repair", True),
        (CDK2, "pathways of CDK2", False),
        (CDK2.replace("human", "mouse"), "pathways of CDK2 in mice", True),
        (IMATINIB, "Which proteins does this drug target?", False),
        (IMATINIB, "Which proteins does Imatinib target?", True),
        ("mydisease /v1/query?q=mondo.label:asthma&fields=hpo", "Which features does this disease have?", False),
        (RARE, "Five variants of CDK2 rarer than 1 % in gnomAD", True),
        (RARE, "5 variants of CDK2 below 0.01 in gnomAD", True),
        (RARE, "Five rare variants of CDK2 in gnomAD", False),
        (RARE, "variants of CDK2 below 0.01 in gnomAD", False),
        ("mygene /v3/query?q=chr7:55000000-55300000", "genes on chr7 from 55,000,000 to 55.3 Mb", True),
        ("mygene /v3/query?q=chr7:55000000-55300000", "genes on chr8 from 55,000,000 to 55.3 Mb", False),
        ("mygene /v3/query?q=chrX:1-300000000", "all genes on the X chromosome", True),
    ],
)
def test_names_must_be_kept(line: str, text: str, kept: bool) -> None:
    assert keeps_what_is_named(line, text) is kept


def test_a_description_says_what_fields_mean() -> None:
    text = paraphrase.describe(CDK2)
    assert "pathway.reactome:" in text and "symbol:" in text and "mygene" in text


def test_requests_are_read_from_lines_and_from_rows(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_text(f'{CDK2}\n{{"request": "{CDK2}", "count": 3}}\n\nnone\n')
    assert paraphrase.read_requests(path) == [CDK2, CDK2, "none"]
    path.write_text("mygene /v3/query?q=no.such:1\n")
    with pytest.raises(DataError, match="no request"):
        paraphrase.read_requests(path)


def test_annotations_are_applied_after_review(tmp_path: Path) -> None:
    catalogue = load_catalogue("mygene")
    plain = next(field for field in catalogue if not field.hand and field.leaf)
    by_hand = next(field for field in catalogue if field.hand)
    notes = tmp_path / "notes.jsonl"
    rows = [{"path": field.path, "label": "New", "description": "A new one.", "synonyms": ["fresh"], "model": "big"}
            for field in (plain, by_hand)]  # fmt: skip
    notes.write_text("".join(json.dumps(row) + "\n" for row in rows))
    try:
        path, changed = annotate.apply("mygene", notes, tmp_path)
        assert changed == 1 and path == tmp_path / "apis" / "mygene" / "fields.json"
        fresh = load_catalogue("mygene")
        assert fresh.fields[plain.path].label == "New" and fresh.fields[plain.path].synonyms == ("fresh",)
        assert fresh.fields[by_hand.path].label == by_hand.label
        # Applied again, they may be changed.
        notes.write_text(json.dumps({**rows[0], "label": "Newer"}) + "\n")
        annotate.apply("mygene", notes, tmp_path)
        assert load_catalogue("mygene").fields[plain.path].label == "Newer"
    finally:
        set_home(None)


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no field 'pathway.kegg.nam'") as caught:
        annotate.annotate(load_catalogue("mygene"), tmp_path / "x", load_settings(), paths=["pathway.kegg.nam"])
    assert "pathway.kegg.name" in caught.value.hint
