"""The OpenAI path: against a real `llama_cpp.server` with the packaged model, and a server that misbehaves."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from agent.model import ModelTimeout, open_model
from agent.model.base import Model
from agent.model.openai import OpenAIModel, chat_messages
from agent.settings import load_settings
from tools.errors import ModelError

PROMPT = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhich gene?<|im_end|>\n<|im_start|>assistant\n"


def test_a_real_server_obeys_the_grammar(model_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_OPENAI_BASE_URL", model_server)
    model = open_model(load_settings(model="openai", openai_model="smol", model_timeout=240))
    assert isinstance(model, Model)
    pieces: list[str] = []
    done = model.complete(PROMPT, grammar='root ::= "symbol:" ("CDK2" | "Sjögren–β")', on_token=pieces.append)
    assert done.text in ("symbol:CDK2", "symbol:Sjögren–β")
    assert "".join(pieces) == done.text
    assert done.finish_reason == "stop"


def test_a_real_server_stops_where_it_should(model_server: str) -> None:
    model = OpenAIModel("smol", base_url=model_server, timeout=240)
    short = model.complete(PROMPT, max_tokens=3, grammar="root ::= [a-z ]+")
    assert short.finish_reason == "length" and 0 < short.tokens <= 4
    stopped = model.complete(PROMPT, grammar='root ::= "one STOP two"', stop=["STOP"])
    assert stopped.text.strip() == "one"


def test_a_real_server_is_left_on_cancel(model_server: str) -> None:
    cancel = threading.Event()
    model = OpenAIModel("smol", base_url=model_server, timeout=240)
    done = model.complete(
        PROMPT, max_tokens=400, grammar="root ::= [a-z ]+", on_token=lambda _: cancel.set(), cancel=cancel
    )
    assert done.finish_reason == "cancelled" and done.tokens < 400
    assert model.complete(PROMPT, max_tokens=2).finish_reason == "length"


class Misbehaving(BaseHTTPRequestHandler):
    """Refuses, fails or dawdles as its class says; keeps the bodies that it got.

    Of grammars it obeys those that allow a single word, or, unless `obeys`, none.
    """

    refuses: ClassVar[tuple[str, ...]] = ()
    status: ClassVar[int] = 200
    delay: ClassVar[float] = 0.0
    streams: ClassVar[bool] = True
    content: ClassVar[str] = "hello"
    obeys: ClassVar[bool] = True
    bodies: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.bodies.append(body)
        time.sleep(self.delay)
        refused = next((name for name in self.refuses if name in body), None)
        if refused or self.status != 200:
            self._reply(400 if refused else self.status, json.dumps({"error": {"message": f"no {refused}"}}))
            return
        word = re.fullmatch(r'root ::= "(\w+)"', body.get("grammar", ""))
        content = word[1] if word and self.obeys else self.content
        if not self.streams:
            self._reply(200, json.dumps({
                "id": "1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
                ],
                "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
            }))  # fmt: skip
            return
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        parts = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}},
        ]
        lines = [f"data: {json.dumps({**chunk, **part})}\n\n" for part in parts]
        self._reply(200, "".join(lines) + "data: [DONE]\n\n", "text/event-stream")

    def _reply(self, status: int, text: str, kind: str = "application/json") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        # A client that gave up is part of some tests.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def double() -> Iterator[tuple[str, type[Misbehaving]]]:
    handler = type("Handler", (Misbehaving,), {"bodies": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", handler
    server.shutdown()
    server.server_close()


def test_prompt_and_limits_are_sent_as_chat(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    done = OpenAIModel("m", base_url=url, api_key="k").complete(PROMPT, grammar="root ::= [a-z]+", max_tokens=9)
    body = handler.bodies[-1]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which gene?"},
    ]
    assert (body["max_tokens"], body["grammar"], body["temperature"]) == (9, "root ::= [a-z]+", 0.0)
    assert (done.text, done.tokens, done.prompt_tokens) == ("hello", 2, 7)


def test_a_server_without_grammar_gets_a_schema_and_is_remembered(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.refuses, handler.content = ("grammar",), '{"request": "mygene /v3/gene/1017"}'
    model = OpenAIModel("m", base_url=url)
    pieces: list[str] = []
    for _ in range(2):
        done = model.complete(PROMPT, grammar="root ::= [a-z]+", on_token=pieces.append)
        assert done.text == "mygene /v3/gene/1017"
    assert pieces == [done.text] * 2
    assert ["response_format" in body for body in handler.bodies] == [False, True, True]


def test_a_server_without_either_gets_the_prompt_alone(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.refuses = ("grammar", "response_format")
    assert OpenAIModel("m", base_url=url).complete(PROMPT, grammar="root ::= [a-z]+").text == "hello"
    assert len(handler.bodies) == 3


def test_a_server_that_passes_over_the_grammar_gets_a_schema(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    # Laid out in lines, as many servers do.
    handler.obeys, handler.content = False, '{\n  "request": "mygene /v3/gene/1017"\n}'
    model = OpenAIModel("m", base_url=url)
    for _ in range(2):
        done = model.complete(PROMPT, grammar="root ::= [a-z]+", stop=("<|im_end|>", "\n"))
        assert done.text == "mygene /v3/gene/1017"
    sent = [("grammar" in body, "response_format" in body, body.get("stop")) for body in handler.bodies]
    assert sent == [(True, False, None)] + [(False, True, ["<|im_end|>"])] * 2


def test_a_server_that_obeys_is_put_to_the_proof_once(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    model = OpenAIModel("m", base_url=url)
    for _ in range(2):
        assert model.complete(PROMPT, grammar="root ::= [a-z]+").text == "hello"
    assert [body["grammar"] for body in handler.bodies[1:]] == ["root ::= [a-z]+"] * 2


def test_stop_strings_are_left_out_where_the_server_refuses_them(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.refuses, handler.content = ("stop",), "mygene /v3/gene/1\nThis looks it up."
    model = OpenAIModel("m", base_url=url)
    for _ in range(2):
        assert model.complete(PROMPT, stop=("<|im_end|>", "\n")).text == "mygene /v3/gene/1"
    assert ["stop" in body for body in handler.bodies] == [True, False, False]


@pytest.mark.parametrize(
    ("status", "message", "tries"),
    [
        (400, "refuses the request", 1),
        (401, "refuses the key", 1),
        (404, "does not know the model", 1),
        (500, "failed", 3),
    ],
)
def test_failures_are_explained(double: tuple[str, type[Misbehaving]], status: int, message: str, tries: int) -> None:
    url, handler = double
    handler.status = status
    with pytest.raises(ModelError, match=message):
        OpenAIModel("m", base_url=url).complete(PROMPT)
    assert len(handler.bodies) == tries


def test_a_slow_server_is_not_awaited_for_ever(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.delay = 3.0
    begin = time.monotonic()
    with pytest.raises(ModelTimeout):
        OpenAIModel("m", base_url=url, timeout=0.5).complete(PROMPT)
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    assert OpenAIModel("m", base_url=url).complete(PROMPT, cancel=cancel).finish_reason == "cancelled"
    assert time.monotonic() - begin < 30


def test_a_server_that_does_not_stream_is_heard(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.streams = False
    heard: list[str] = []
    done = OpenAIModel("m", base_url=url).complete(PROMPT, on_token=heard.append)
    assert (done.text, done.tokens, done.prompt_tokens, done.finish_reason, heard) == ("hello", 2, 7, "stop", ["hello"])


def test_stop_strings_hold_where_the_server_passes_over_them(double: tuple[str, type[Misbehaving]]) -> None:
    url, handler = double
    handler.content = "\nmygene /v3/gene/1\nThis looks it up.<|im_end|>"
    done = OpenAIModel("m", base_url=url).complete(PROMPT, stop=("<|im_end|>", "\n"))
    assert (done.text, done.finish_reason) == ("mygene /v3/gene/1", "stop")


def test_no_server_is_explained() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ModelError, match="no model server") as caught:
        OpenAIModel("m", base_url=f"http://127.0.0.1:{port}/v1").complete(PROMPT)
    assert "OPENAI_BASE_URL" in caught.value.hint
    with pytest.raises(ModelError, match="none is set"):
        OpenAIModel("m")


def test_prompts_become_messages() -> None:
    assert chat_messages(PROMPT) == [("system", "Be brief."), ("user", "Which gene?")]
    assert chat_messages("plain") == [("user", "plain")]
    assert chat_messages("<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\nmy")[-1] == ("assistant", "my")
