"""The local model: a real worker with the real packaged GGUF."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model import GrammarError, ModelTimeout, PromptTooLong
from agent.model.base import Model
from agent.model.line import Line
from agent.model.llama import LlamaModel, physical_cores
from agent.model.speed import measure_speed
from agent.model.weights import packaged_model
from tools.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "<|im_start|>user\nCount from one to ten.<|im_end|>\n<|im_start|>assistant\n"
ENDLESS = "root ::= [a-z ]+"
"""A grammar under which the text never has to end."""


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    model = LlamaModel(packaged_model(), context=1024, timeout=240, start_timeout=120)
    yield model
    model.close()


def test_completes_and_streams(model: LlamaModel) -> None:
    pieces: list[str] = []
    done = model.complete(PROMPT, max_tokens=12, on_token=pieces.append)
    assert isinstance(model, Model)
    assert done.text and "".join(pieces) == done.text and len(pieces) > 1
    assert done.tokens == 12 and done.finish_reason == "length"
    assert done.prompt_tokens == 15
    assert done.logprob is not None and done.logprob < 0
    assert done.margin is not None and done.margin > 0


def test_the_model_ends_by_itself(model: LlamaModel) -> None:
    done = model.complete("<|im_start|>user\nSay yes.<|im_end|>\n<|im_start|>assistant\nYes.", grammar='root ::= ""')
    assert (done.text, done.tokens, done.finish_reason) == ("", 0, "stop")


@pytest.mark.parametrize(
    "text",
    ["mygene /v3/query?q=symbol:CDK2&fields=go.BP", "Sjögren–Larsson", "β-catenin α", "日本語", "HP\\:0002300", '"x"'],
)
def test_grammar_is_obeyed_to_the_letter(model: LlamaModel, text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    pieces: list[str] = []
    done = model.complete(PROMPT, grammar=f'root ::= "{escaped}"', on_token=pieces.append)
    assert done.text == text == "".join(pieces)
    assert done.finish_reason == "stop"
    assert "�" not in "".join(pieces)


def test_grammar_chooses_what_the_model_finds_likeliest(model: LlamaModel) -> None:
    prompt = "The capital of France is"
    done = model.complete(prompt, grammar='root ::= " " ( "Paris" | "Xylophone" | "Rome" )')
    assert done.text == " Paris"
    overruled = model.complete(prompt, grammar='root ::= " Xylophone"')
    assert overruled.margin is not None and overruled.margin < 0


def test_a_grammar_costs_no_choice_where_the_model_agrees(model: LlamaModel) -> None:
    free = model.complete("One, two, three,", max_tokens=8)
    under = model.complete("One, two, three,", max_tokens=8, grammar="root ::= [^<]*")
    assert under.text == free.text


def test_stop_strings_end_the_text_before_them(model: LlamaModel) -> None:
    pieces: list[str] = []
    done = model.complete(PROMPT, grammar='root ::= "abc STOP def"', stop=("STOP", "zzz"), on_token=pieces.append)
    assert (done.text, done.finish_reason) == ("abc ", "stop")
    assert "".join(pieces) == "abc "


def test_a_common_beginning_is_read_once(model: LlamaModel) -> None:
    beginning = "The genes of the cell cycle are many, and each of them has its own part to play. " * 20
    first = model.complete(beginning + "First question?", max_tokens=1)
    second = model.complete(beginning + "Another one?", max_tokens=1)
    assert first.reused_tokens < 20
    assert second.reused_tokens > 0.9 * second.prompt_tokens
    assert second.prompt_seconds < first.prompt_seconds / 2
    assert model.complete(beginning + "First question?", max_tokens=1).text == first.text


def test_zero_tokens_only_read_the_prompt(model: LlamaModel) -> None:
    done = model.complete("Only to be read: " + PROMPT, max_tokens=0)
    assert (done.text, done.tokens, done.finish_reason) == ("", 0, "length")
    assert model.complete("Only to be read: " + PROMPT, max_tokens=1).reused_tokens == done.prompt_tokens - 1


def test_cancel_stops_between_tokens(model: LlamaModel) -> None:
    cancel = threading.Event()
    written: list[str] = []

    def on_token(piece: str) -> None:
        written.append(piece)
        if len(written) == 3:
            cancel.set()

    done = model.complete(PROMPT, grammar=ENDLESS, max_tokens=900, on_token=on_token, cancel=cancel)
    assert done.finish_reason == "cancelled"
    assert 3 <= done.tokens < 900
    assert model.complete(PROMPT, max_tokens=2).tokens == 2


def test_a_callback_that_fails_leaves_the_model_usable(model: LlamaModel) -> None:
    def on_token(piece: str) -> None:
        raise KeyError(piece)

    with pytest.raises(KeyError):
        model.complete(PROMPT, grammar=ENDLESS, max_tokens=900, on_token=on_token)
    assert model.complete(PROMPT, max_tokens=2).tokens == 2


def test_threads_are_served_in_order_and_see_their_place(model: LlamaModel) -> None:
    places: dict[int, list[int]] = {0: [], 1: [], 2: []}
    texts: dict[int, str] = {}

    def ask(number: int) -> None:
        done = model.complete(PROMPT, grammar=f'root ::= "answer {number}"', on_position=places[number].append)
        texts[number] = done.text

    threads = [threading.Thread(target=ask, args=(number,)) for number in places]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert texts == {number: f"answer {number}" for number in places}
    assert all(seen[-1] == 0 and seen == sorted(seen, reverse=True) for seen in places.values())


def test_a_cancelled_caller_leaves_the_line() -> None:
    line, cancel, seen = Line(), threading.Event(), []
    with line.turn() as mine:
        assert mine

        def wait() -> None:
            with line.turn(cancel=cancel) as granted:
                seen.append(granted)

        thread = threading.Thread(target=wait)
        thread.start()
        while len(line) < 2:
            time.sleep(0.001)
        cancel.set()
        thread.join(5)
    assert seen == [False] and len(line) == 0


def test_a_killed_worker_is_started_anew(model: LlamaModel, caplog: pytest.LogCaptureFixture) -> None:
    killed: list[int] = []
    pieces: list[str] = []

    def on_token(piece: str) -> None:
        pieces.append(piece)
        if not killed and model.pid is not None:
            killed.append(model.pid)
            os.kill(model.pid, signal.SIGKILL)

    with caplog.at_level(logging.WARNING):
        done = model.complete(PROMPT, grammar='root ::= "a long text, written once"', on_token=on_token)
    assert done.text == "a long text, written once" == "".join(pieces)
    assert done.restarts == 1 and model.pid != killed[0]
    assert "SIGKILL" in caplog.text


def test_a_worker_killed_twice_is_an_error(model: LlamaModel) -> None:
    def on_position(place: int) -> None:
        stop.clear()
        threading.Thread(target=assassinate).start()

    stop = threading.Event()

    def assassinate() -> None:
        while not stop.is_set():
            if model.pid is not None:
                os.kill(model.pid, signal.SIGKILL)
            time.sleep(0.02)

    with pytest.raises(ModelError, match="stopped twice") as caught:
        model.complete(PROMPT, grammar=ENDLESS, max_tokens=900, on_position=on_position)
    stop.set()
    assert caught.value.hint
    assert model.complete(PROMPT, max_tokens=2).tokens == 2


@pytest.mark.parametrize("gbnf", ["root ::= (", "other ::= [a-z]", "root ::= missing", "root ::= root [a]"])
def test_a_grammar_that_is_not_valid_is_refused(model: LlamaModel, gbnf: str) -> None:
    pid = model.pid
    with pytest.raises(GrammarError):
        model.complete(PROMPT, grammar=gbnf)
    assert model.pid == pid


def test_a_prompt_that_does_not_fit_is_refused(model: LlamaModel) -> None:
    with pytest.raises(PromptTooLong, match="1024"):
        model.complete("word " * 2000)
    with pytest.raises(ModelError):
        model.complete("")


@pytest.mark.parametrize("prompt", ["\x00 nothing \x00", "\ud800 half a pair", "𝕏 🙂", "<|im_end|>" * 5, "\n" * 50])
def test_odd_prompts_do_no_harm(model: LlamaModel, prompt: str) -> None:
    pid = model.pid
    assert model.complete(prompt, max_tokens=2).finish_reason in ("stop", "length")
    assert pid is None or model.pid == pid


def test_time_runs_out(model: LlamaModel) -> None:
    hasty = LlamaModel(packaged_model(), context=2048, timeout=0.5, start_timeout=120)
    try:
        hasty.warm_up()
        with pytest.raises(ModelTimeout):
            hasty.complete(PROMPT, grammar=ENDLESS, max_tokens=1900)
        assert ModelTimeout.retryable and ModelTimeout.default_hint
    finally:
        hasty.close()


def test_a_file_that_is_no_model_says_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="cannot load"):
        LlamaModel(path).complete("x")
    with pytest.raises(ModelError, match="no model at"):
        LlamaModel(tmp_path / "missing.gguf").complete("x")


def test_an_unguarded_script_works_from_a_folder_with_its_own_agent(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "__init__.py").write_text("raise RuntimeError('the wrong agent')")
    (tmp_path / "work").mkdir()
    script = tmp_path / "work" / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.model.llama import LlamaModel\n"
        "from agent.model.weights import packaged_model\n"
        "model = LlamaModel(packaged_model(), context=256, timeout=200, start_timeout=120)\n"
        "sys.stdout.write(model.complete('x', grammar='root ::= \"only this\"').text + '\\n')\n"
        "sys.stdout.write(str(model.pid))\n"
    )
    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=True
    )
    text, pid = run.stdout.split("\n")
    assert text == "only this"
    assert run.stderr == ""
    _await_end(int(pid))


def test_the_worker_dies_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from agent.model.llama import LlamaModel\n"
        "from agent.model.weights import packaged_model\n"
        "model = LlamaModel(packaged_model(), context=256, start_timeout=120)\n"
        "model.complete('x', max_tokens=1)\n"
        "print(model.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _await_end(worker)


def test_speed_is_measured_and_grammar_keeps_most_of_it(model: LlamaModel) -> None:
    speed = measure_speed(model, PROMPT, "  root ::= [^<]*", max_tokens=16, rounds=3)
    assert speed.prompt > 0 and speed.free > 0
    # Far from the 0.97 of a quiet machine, so that a busy one passes too.
    assert speed.kept > 0.2


def test_physical_cores() -> None:
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


def _await_end(pid: int) -> None:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"the worker {pid} still runs")
