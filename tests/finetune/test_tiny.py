"""The whole way in small: data, training, export, llama.cpp, a scored request; and parity of the two runtimes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.model.weights import OUTPUT_TYPE, merged_model
from agent.prompts import Turn, render_tuned
from finetune.commands import app
from finetune.dataset import read_pairs
from finetune.evaluate import read_predictions
from finetune.run import packaged_base
from rag.retrieve import ScoredField
from tools.paths import data_dir

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")
pytest.importorskip("sacrebleu")

#: Seconds on a quiet machine with 2 cores, indexes and base model in place; a busy one may take longer.
QUIET_SECONDS = 180
#: How far below the best logit of Transformers the token may lie that llama.cpp chooses. It rounds activations to
#: 8 bits where matrices are quantised, so that near ties fall either way; a wrong row order or scale gives far more.
TOLERANCE = 0.5
#: How far the two runtimes' logits may lie apart, on the mean of the 50 likeliest tokens at each place; the type in
#: which the product keeps the matrices rounds them as well.
APART = {"F32": 0.5, OUTPUT_TYPE: 1.0}
#: Kullback-Leibler divergence in nats, on the mean of all places.
DIVERGENCE = 0.05
PATHWAYS = ("which Reactome pathways is CDK2 in?", "mygene", ("symbol", "pathway.reactome", "pathway.reactome.name"))
WEIGHT = ("how much does imatinib weigh?", "mychem", ("chembl.pref_name", "chembl.molecule_properties.full_mwt"))
MOUSE = ("and in mouse?", "mygene", ("symbol", "genomic_pos"))
EARLIER = [Turn("where is BRCA1 located?", "mygene /v3/query?q=symbol:BRCA1&fields=genomic_pos")]


@pytest.fixture(scope="module")
def run(real_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, by the command that anyone would type."""
    # Not the run's own work: it happens once in a home.
    packaged_base(real_home)
    folder = tmp_path_factory.mktemp("tiny")
    result = CliRunner().invoke(
        app, ["tiny", "--out", str(folder), "--questions", "1"], env={"BIOTHINGS_ASSISTANT_HOME": str(real_home)}
    )
    assert result.exit_code == 0, result.output
    (folder / "output.txt").write_text(result.output)
    return folder


@pytest.mark.timeout(1800)
def test_the_tiny_recipe_goes_the_whole_way(run: Path) -> None:
    pairs = read_pairs(run / "pairs.jsonl")
    assert len(pairs) == 32
    record = json.loads((run / "adapter" / "training.json").read_text())
    assert record["steps"] >= 3 and record["recipe"]["rank"] == 4 and record["validation"]
    assert record["prompt_version"] and record["retrieval"] and record["pairs"]["count"] == 32
    assert (run / "adapter" / "adapter_model.safetensors").stat().st_size < 2e6
    (prediction,) = read_predictions(run / "predictions.jsonl")
    assert prediction.scores.legal and prediction.request
    seconds = record["seconds"]
    assert seconds < 10 * QUIET_SECONDS
    output = (run / "output.txt").read_text()
    assert "step 1/" in output and "tokens/s" in output and "product" in output


@pytest.mark.timeout(900)
def test_a_stopped_run_is_taken_up(run: Path, real_home: Path) -> None:
    started = time.monotonic()
    arguments = ["train", "--out", str(run / "run"), "--recipe", "tiny", "--pairs", str(run / "pairs.jsonl")]
    result = CliRunner().invoke(app, arguments, env={"BIOTHINGS_ASSISTANT_HOME": str(real_home)})
    assert result.exit_code == 0, result.output
    # Everything was done: the sequences are read, not rendered, and no step is made.
    assert "goes on from step" in result.output and "tokens/s" not in result.output
    assert time.monotonic() - started < 600


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", APART)
def test_both_runtimes_write_the_same(run: Path, real_home: Path, kind: str) -> None:
    """The same prompts, greedily: Transformers with the adapter, and llama.cpp with the merged model."""
    from agent.model.runtime import Runtime

    packaged = data_dir() / "adapter"
    trained = (packaged / "adapter_config.json").is_file()
    adapter = packaged if trained else run / "adapter"
    base = packaged_base(real_home)
    model: Any = peft.PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(base), adapter).eval()
    runtime = Runtime(merged_model(run / "home", adapter, output_type=kind), context=512, threads=2)
    for question, api, paths, earlier in ((*PATHWAYS, []), (*WEIGHT, []), (*MOUSE, EARLIER)):
        cards = [ScoredField(api, path, 1.0, "", "") for path in paths]
        prompt = runtime.tokenize(render_tuned(question, cards, earlier))
        written, theirs = write(runtime, prompt)
        ours = read(model, prompt, written)
        behind = ours.max(axis=-1) - ours[np.arange(len(written)), written]
        assert behind.max() < TOLERANCE, (question, behind)
        assert (behind == 0).mean() > 0.9
        if trained and kind == "F32" and question == PATHWAYS[0]:
            # A model that knows its task has no near ties here.
            assert (behind == 0).all()
        # llama.cpp's marks of messages are taken out of what can be chosen.
        kept = np.isfinite(theirs[0])
        ours, theirs = log_softmax(ours[:, kept]), log_softmax(theirs[:, kept])
        likeliest = np.argsort(-ours, axis=-1)[:, :50]
        apart = np.abs(np.take_along_axis(ours - theirs, likeliest, axis=-1)).mean(axis=-1)
        assert apart.max() < APART[kind], (question, apart)
        divergence = (np.exp(ours) * (ours - theirs)).sum(axis=-1).mean()
        assert divergence < DIVERGENCE, (question, divergence)


def write(runtime: Any, prompt: list[int]) -> tuple[list[int], np.ndarray]:
    """Let llama.cpp write up to 24 tokens, the likeliest each; return them and the logits that they were chosen by."""
    runtime.read(prompt, lambda: False)
    written: list[int] = []
    logits: list[np.ndarray] = []
    while len(written) < 24 and not (written and runtime.is_end(written[-1])):
        logits.append(runtime.logits().astype(np.float64))
        written.append(int(logits[-1].argmax()))
        runtime.evaluate(written[-1:])
    return written, np.array(logits)


def read(model: Any, prompt: list[int], written: list[int]) -> np.ndarray:
    """Return the logits of Transformers at the places where the tokens were written."""
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([prompt + written])).logits[0, len(prompt) - 1 : -1]
    return np.asarray(logits.double().numpy())


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
