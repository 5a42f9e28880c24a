"""Any OpenAI-compatible server, through `langchain-openai`."""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from agent.model.base import Completion, FinishReason, ModelTimeout
from tools.errors import ModelError

OPENAI_URL = "https://api.openai.com/v1"
_POLL_SECONDS = 0.05
_RETRIES = 2
_STOPS = 4
"""Stop strings that the protocol allows."""
_Mode = Literal["grammar", "schema", "free"]
_MODES: tuple[_Mode, ...] = ("grammar", "schema", "free")
"""Ways to keep the text in form, strictest first: GBNF (llama.cpp's servers), a JSON schema, or nothing."""
_SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "draft",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"request": {"type": "string"}},
            "required": ["request"],
            "additionalProperties": False,
        },
    },
}

_PROOF = "obeyed"
_PROOF_PROMPT = "Say hello."
"""Nothing but a grammar makes a model answer this with `_PROOF`."""
_PROOF_TOKENS = 16

log = logging.getLogger(__name__)


class _Refused(Exception):
    """The server does not take a request in this form (400 or 422)."""


class OpenAIModel:
    """Completes prompts on a server; safe to call from several threads.

    A grammar is sent as llama.cpp's servers take it. A server that refuses it, or passes over it without a word, gets a
    JSON schema of one string instead, and one that refuses that as well gets the prompt alone; what worked is
    remembered. A schema does not say which requests there are, so a caller has to check the text.
    """

    def __init__(
        self, model: str, *, base_url: str | None = None, api_key: str | None = None, timeout: float = 60.0
    ) -> None:
        """Describe the server; nothing is sent yet.

        Args:
            model: The model's name on the server.
            base_url: Its address up to and with `/v1`; OpenAI's own by default.
            api_key: Its key; needed for OpenAI's own.
            timeout: Seconds that one completion may take.

        Raises:
            ModelError: Neither an address nor a key is given.
        """
        if base_url is None and api_key is None:
            raise ModelError(
                "The model is to run on an OpenAI-compatible server, but none is set.",
                "Set BIOTHINGS_ASSISTANT_OPENAI_BASE_URL, or BIOTHINGS_ASSISTANT_OPENAI_API_KEY for OpenAI's own.",
            )
        self.name = model
        self.base_url = base_url or OPENAI_URL
        self.timeout = timeout
        self._api_key = api_key
        self._mode: _Mode = "grammar"
        self._proven = False
        self._takes_stop = True
        self._client: Any = None
        self._lock = threading.Lock()

    def complete(
        self,
        prompt: str,
        *,
        grammar: str | None = None,
        max_tokens: int = 128,
        stop: Sequence[str] = (),
        on_token: Callable[[str], None] | None = None,
        on_position: Callable[[int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        """Complete `prompt`: see `agent.model.base.Model`. The server queues by itself, so the place is always 0."""
        if on_position is not None:
            on_position(0)
        if max_tokens == 0:
            return Completion("", 0, 0, 0.0, "length")
        if grammar and self._mode == "grammar" and not self._proven:
            self._prove_grammar(cancel)
        begin = time.monotonic()
        modes: list[_Mode] = list(_MODES[_MODES.index(self._mode) :] if grammar else ("free",))
        while True:
            mode = modes[0]
            options = self._options(mode, grammar, max_tokens, stop)
            try:
                completion = self._request(chat_messages(prompt), options, mode, on_token, cancel, begin)
            except _Refused as refusal:
                if options["stop"] and re.search(r"\bstop\b", str(refusal)):
                    # OpenAI's reasoning models do not take it; the text is cut here as well.
                    self._takes_stop = False
                    continue
                if mode == "free":
                    raise ModelError(
                        f"The server at {self.base_url} refuses the request: {refusal}",
                        "Check BIOTHINGS_ASSISTANT_OPENAI_MODEL, and that the prompt fits the model's context.",
                    ) from None
                log.info("The server at %s refuses the mode %s: %s", self.base_url, mode, refusal)
                modes.pop(0)
            else:
                if grammar:
                    self._mode = mode
                return _cut(completion, stop)

    def warm_up(self, prefix: str = "") -> None:
        """Import the client in the background; a server needs no more."""
        threading.Thread(target=self._chat, daemon=True, name="model-warm-up").start()

    def close(self) -> None:
        """Forget the client and its connections."""
        with self._lock:
            self._client = None

    def _chat(self) -> Any:
        with self._lock:
            if self._client is None:
                from langchain_openai import ChatOpenAI
                from pydantic import SecretStr

                self._client = ChatOpenAI(
                    model=self.name,
                    # Both are given, so that neither comes from OPENAI_* variables meant for something else.
                    base_url=self.base_url,
                    api_key=SecretStr(self._api_key or "none"),
                    timeout=self.timeout,
                    max_retries=_RETRIES,
                    temperature=0.0,
                    stream_usage=True,
                    use_responses_api=False,
                )
            return self._client

    def _prove_grammar(self, cancel: threading.Event | None) -> None:
        """Go over to the schema where the server does not obey a grammar; many pass over what they do not know."""
        options = self._options("grammar", f'root ::= "{_PROOF}"', _PROOF_TOKENS, ())
        try:
            proof = self._request([("user", _PROOF_PROMPT)], options, "grammar", None, cancel, time.monotonic())
        except _Refused as refusal:
            log.info("The server at %s refuses grammars: %s", self.base_url, refusal)
            self._mode = "schema"
            return
        if proof.finish_reason == "cancelled" or not proof.text.strip():
            return  # It says nothing of grammars: the server was busy, or was stopped.
        if proof.text.strip() == _PROOF:
            self._proven = True
        else:
            log.info("The server at %s passes over grammars.", self.base_url)
            self._mode = "schema"

    def _options(self, mode: _Mode, grammar: str | None, max_tokens: int, stop: Sequence[str]) -> dict[str, Any]:
        # A schema's answer may be laid out in lines.
        stops = [word for word in stop if self._takes_stop and not (mode == "schema" and "\n" in word)]
        options: dict[str, Any] = {"stop": stops[:_STOPS] or None}
        extra: dict[str, Any] = {}
        if self.base_url.rstrip("/") == OPENAI_URL:
            options["max_completion_tokens"] = max_tokens
        else:
            # The newer name, which the client would send, is not known to many servers.
            extra["max_tokens"] = max_tokens
        if mode == "grammar":
            extra["grammar"] = grammar
        elif mode == "schema":
            options["response_format"] = _SCHEMA
        return {**options, "extra_body": extra}

    def _request(
        self,
        messages: list[tuple[str, str]],
        options: dict[str, Any],
        mode: _Mode,
        on_token: Callable[[str], None] | None,
        cancel: threading.Event | None,
        begin: float,
    ) -> Completion:
        chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        left = threading.Event()
        # In a thread of its own, so that a cancellation and the time limit work while the server is silent.
        threading.Thread(target=self._stream, args=(messages, options, chunks, left), daemon=True).start()
        text, count, total, reason = "", 0, None, ""
        try:
            while True:
                if cancel is not None and cancel.is_set():
                    reason = "cancelled"
                    break
                if time.monotonic() - begin > self.timeout:
                    raise ModelTimeout(f"The model at {self.base_url} did not finish within {self.timeout:g} seconds.")
                try:
                    chunk = chunks.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if chunk is None:
                    break
                if isinstance(chunk, Exception):
                    raise self._explain(chunk)
                piece = chunk.text
                if piece:
                    text, count = text + piece, count + 1
                    if on_token is not None and mode != "schema":
                        on_token(piece)
                reason = chunk.response_metadata.get("finish_reason") or reason
                total = chunk.usage_metadata or total
        finally:
            left.set()
        if mode == "schema" and reason != "cancelled":
            text = _read_schema(text)
            if on_token is not None:
                on_token(text)
        known: dict[str, FinishReason] = {"length": "length", "cancelled": "cancelled"}
        return Completion(
            text=text,
            tokens=total["output_tokens"] if total else count,
            prompt_tokens=total["input_tokens"] if total else 0,
            seconds=time.monotonic() - begin,
            finish_reason=known.get(reason, "stop"),
        )

    def _stream(
        self, messages: list[tuple[str, str]], options: dict[str, Any], chunks: Any, left: threading.Event
    ) -> None:
        try:
            for chunk in self._pieces(messages, options):
                if left.is_set():
                    return
                chunks.put(chunk)
            chunks.put(None)
        except Exception as error:  # explained in the caller's thread
            chunks.put(error)

    def _pieces(self, messages: list[tuple[str, str]], options: dict[str, Any]) -> Iterator[Any]:
        """Yield a completion piece by piece; from a server that does not stream, the whole at once."""
        import openai

        chat = self._chat()
        try:
            yield from chat.stream(messages, **options)
        except ValueError as error:
            if "No generation chunks" not in str(error):
                raise
            try:
                yield chat.invoke(messages, **options)
            except openai.OpenAIError:
                raise
            except Exception:
                raise ValueError("its answer is no chat completion.") from error

    def _explain(self, error: Exception) -> Exception:
        """Turn a failure of the client into one of ours."""
        import openai

        if isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
            return _Refused(_message(error))
        if isinstance(error, openai.APITimeoutError):
            return ModelTimeout(f"The model at {self.base_url} did not answer within {self.timeout:g} seconds.")
        if isinstance(error, openai.APIConnectionError):
            return ModelError(
                f"There is no model server at {self.base_url}.",
                "Start it, or correct BIOTHINGS_ASSISTANT_OPENAI_BASE_URL.",
                retryable=True,
            )
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return ModelError(
                f"The model server at {self.base_url} refuses the key.",
                "Set BIOTHINGS_ASSISTANT_OPENAI_API_KEY to a valid one.",
            )
        if isinstance(error, openai.NotFoundError):
            return ModelError(
                f"The server at {self.base_url} does not know the model {self.name!r}: {_message(error)}",
                "Correct BIOTHINGS_ASSISTANT_OPENAI_MODEL, or the address (it usually ends in /v1).",
            )
        if isinstance(error, openai.RateLimitError):
            return ModelError(
                f"The model server at {self.base_url} wants fewer requests.", "Wait and ask again.", retryable=True
            )
        return ModelError(f"The model server at {self.base_url} failed: {_message(error)}", retryable=True)


def chat_messages(prompt: str) -> list[tuple[str, str]]:
    """Split a prompt with ChatML marks into messages (role, content); one without any is the user's message.

    The mark that opens the assistant's turn at the end is left out: a server adds it itself.
    """
    messages = [
        (match[1], match[2])
        for match in re.finditer(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\n?|\Z)", prompt, re.DOTALL)
    ]
    if messages and messages[-1][0] == "assistant" and not messages[-1][1].strip():
        messages.pop()
    return messages or [("user", prompt)]


def _cut(completion: Completion, stop: Sequence[str]) -> Completion:
    """End a text at the first stop string, where the server passed over them."""
    text = completion.text.lstrip()
    ends = [at for word in stop if word and (at := text.find(word)) >= 0]
    if not ends or completion.finish_reason == "cancelled":
        return completion
    return replace(completion, text=text[: min(ends)], finish_reason="stop")


def _message(error: Exception) -> str:
    body = getattr(error, "body", None)
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])[:300]
    return (str(error).strip() or type(error).__name__)[:300]


def _read_schema(text: str) -> str:
    try:
        return str(json.loads(text)["request"])
    except (ValueError, KeyError, TypeError):
        return text
