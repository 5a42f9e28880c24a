"""A larger model as a teacher: structured output in batches, from OpenAI or any server that speaks its protocol.

Servers differ in how they are told a schema: OpenAI takes `json_schema`, llama.cpp's server a `json_object` with a
schema, others nothing. The first way that a server does not refuse is kept; every answer is validated here in any case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tools.errors import ModelError

if TYPE_CHECKING:
    from agent.settings import Settings

Answer = TypeVar("Answer", bound=BaseModel)
Item = TypeVar("Item")

_TRIES = 2
_MODES = ("json_schema", "json_object", "none")


@dataclass
class Usage:
    """Tokens so far, and what they cost at the given prices (per million tokens)."""

    price_in: float = 0.0
    price_out: float = 0.0
    asked: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def cost(self) -> float:
        """The cost, in the currency of the prices."""
        return (self.tokens_in * self.price_in + self.tokens_out * self.price_out) / 1e6

    def __str__(self) -> str:
        """Write tokens, cost, and failures."""
        parts = [f"{self.tokens_in:,} tokens read, {self.tokens_out:,} written"]
        known = self.price_in or self.price_out
        parts.append(f"cost {self.cost:.4f}" if known else "cost not known (--price-in, --price-out)")
        if self.failed:
            parts.append(f"{self.failed} of {self.asked} not usable")
        return ", ".join(parts)


#: Told how many are done, of how many, and what they took.
Watch = Callable[[int, int, Usage], None]


@dataclass
class Teacher(Generic[Answer]):
    """Asks for answers of one shape.

    `instructions` is the system message; `shape` the answer's pydantic model; `concurrency` how many requests run at
    once. `usage` adds up over all calls.
    """

    settings: Settings
    instructions: str
    shape: type[Answer]
    concurrency: int = 8
    max_tokens: int = 400
    usage: Usage = field(default_factory=Usage)
    _mode: str = "json_schema"
    _client: Any = None

    def ask(self, prompts: Sequence[str]) -> list[Answer | None]:
        """Ask all prompts, several at a time; an answer that is not of the shape, twice in a row, is None.

        Raises:
            ModelError: no server is set, or it cannot be reached, or refuses key or model.
        """
        answers, failure = self.ask_each(prompts)
        if failure is not None:
            raise failure
        return answers

    def ask_each(self, prompts: Sequence[str]) -> tuple[list[Answer | None], ModelError | None]:
        """Ask as `ask` does, and return what was answered, which is paid for, beside the first failure if there is one.

        Raises:
            ModelError: no server is set.
        """
        answers: list[Answer | None] = [None] * len(prompts)
        failure: ModelError | None = None
        self.usage.asked += len(prompts)
        left = list(range(len(prompts)))
        for _ in range(_TRIES):
            for place, answer in zip(left, self._round([prompts[place] for place in left]), strict=True):
                if isinstance(answer, ModelError):
                    failure = failure or answer
                else:
                    answers[place] = answer
            left = [place for place in left if answers[place] is None]
            if not left or failure is not None:
                break
        self.usage.failed += len(left)
        return answers, failure

    def write(
        self, items: Sequence[Item], describe: Callable[[Item], str],
        make_rows: Callable[[Item, Answer | None], Iterable[dict[str, Any]]], out: Path, batch: int, watch: Watch,
    ) -> Usage:  # fmt: skip
        """Ask about each item and append what comes of it to `out`, batch by batch, so that a stopped run goes on.

        Args:
            items: what to ask about.
            describe: puts an item before the model.
            make_rows: makes rows of an item and its answer (None: none that could be used).
            out: JSON lines.
            batch: how many are asked for before the next are written.
            watch: told after each batch.

        Raises:
            ModelError: as `ask`.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        _end_line(out)
        with out.open("a", encoding="utf-8") as file:
            for start in range(0, len(items), batch):
                part = items[start : start + batch]
                answers, failure = self.ask_each([describe(item) for item in part])
                for item, answer in zip(part, answers, strict=True):
                    if answer is None and failure is not None:
                        continue  # perhaps not answered at all: the next run asks again
                    for row in make_rows(item, answer):
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                if failure is not None:
                    raise failure
                watch(start + len(part), len(items), self.usage)
        return self.usage

    def _round(self, prompts: Sequence[str]) -> list[Answer | ModelError | None]:
        """Ask each prompt once, in the first mode that the server does not refuse; what failed says why."""
        messages = [[("system", self._system()), ("user", prompt)] for prompt in prompts]
        for mode in _MODES[_MODES.index(self._mode) :]:
            options = self._options(mode)
            config = {"max_concurrency": self.concurrency}
            # One alone finds out about the mode before many are paid for.
            first = self._chat().batch(messages[:1], config, return_exceptions=True, **options)
            if mode != _MODES[-1] and _refuses_mode(first[0]):
                continue
            self._mode = mode
            rest = self._chat().batch(messages[1:], config, return_exceptions=True, **options)
            return [self._read(answer) for answer in (*first, *rest)]
        raise AssertionError("the last mode returns")

    def _read(self, answer: Any) -> Answer | ModelError | None:
        if isinstance(answer, Exception):
            failure = explain(answer, self.settings)
            failure.__cause__ = answer
            return failure
        used = answer.usage_metadata or {}
        self.usage.tokens_in += used.get("input_tokens", 0)
        self.usage.tokens_out += used.get("output_tokens", 0)
        text = str(answer.text)
        # Without a mode of its own, a server may talk around the object.
        start, end = text.find("{"), text.rfind("}")
        try:
            return self.shape.model_validate_json(text[start : end + 1])
        except ValidationError:
            return None

    def _options(self, mode: str) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        options: dict[str, Any] = {"extra_body": extra}
        schema = _closed(self.shape.model_json_schema())
        if self.settings.openai_base_url is None:
            options["max_completion_tokens"] = self.max_tokens
        else:
            # The newer name, which the client would send, is not known to many servers.
            extra["max_tokens"] = self.max_tokens
        if mode == "json_schema":
            named = {"name": self.shape.__name__, "strict": True, "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif mode == "json_object":
            options["response_format"] = {"type": "json_object", "schema": schema}
        return options

    def _system(self) -> str:
        schema = json.dumps(self.shape.model_json_schema()["properties"])
        return f"{self.instructions}\n\nAnswer with one JSON object and nothing else. Its keys: {schema}"

    def _chat(self) -> Any:
        if self._client is None:
            from langchain_openai import ChatOpenAI
            from pydantic import SecretStr

            key = self.settings.openai_api_key
            if key is None and self.settings.openai_base_url is None:
                raise ModelError(
                    "A larger model is needed, but no server is set.",
                    "Set BIOTHINGS_ASSISTANT_OPENAI_API_KEY, or BIOTHINGS_ASSISTANT_OPENAI_BASE_URL for a server.",
                )
            self._client = ChatOpenAI(
                model=self.settings.openai_model,
                base_url=self.settings.openai_base_url or "https://api.openai.com/v1",
                api_key=key or SecretStr("none"),
                timeout=self.settings.model_timeout,
                max_retries=3,
                temperature=0.7,
                use_responses_api=False,
            )
        return self._client


def _end_line(path: Path) -> None:
    """End the last line of a file; one that a killed run left half written is cut off, so that no row follows in it."""
    content = path.read_bytes() if path.is_file() else b""
    start = content.rfind(b"\n") + 1
    if start == len(content):
        return
    with path.open("r+b") as file:
        try:
            json.loads(content[start:])
        except ValueError:
            file.truncate(start)
        else:
            file.seek(len(content))
            file.write(b"\n")


def _refuses_mode(answer: Any) -> bool:
    """Tell whether a server does not take the way in which it was told the schema."""
    import openai

    if isinstance(answer, openai.BadRequestError | openai.UnprocessableEntityError):
        return True
    # llama.cpp's Python server answers 500 to a request of a form that it does not know.
    return isinstance(answer, openai.InternalServerError) and "response_format" in str(answer)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Close a flat schema as OpenAI's strict mode wants it: all keys required, no others."""
    properties = {
        name: {key: value for key, value in row.items() if key in ("type", "description", "items")}
        for name, row in schema["properties"].items()
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def explain(error: Exception, settings: Settings) -> ModelError:
    """Turn a failure of the client into one that says how to mend it."""
    import openai

    place = settings.openai_base_url or "OpenAI"
    text = " ".join(str(error).split())[:300]
    if isinstance(error, openai.APITimeoutError):
        return ModelError(
            f"{place} did not answer within {settings.model_timeout:g} seconds.",
            "Ask for fewer at once (--concurrency), or raise BIOTHINGS_ASSISTANT_MODEL_TIMEOUT.", retryable=True,
        )  # fmt: skip
    if isinstance(error, openai.APIConnectionError):
        return ModelError(f"There is no model server at {place}.", "Start it, or correct the address.", retryable=True)
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ModelError(f"{place} refuses the key.", "Set BIOTHINGS_ASSISTANT_OPENAI_API_KEY to a valid one.")
    if isinstance(error, openai.NotFoundError):
        return ModelError(f"{place} does not know the model {settings.openai_model!r}.", "Correct OPENAI_MODEL.")
    if isinstance(error, openai.RateLimitError):
        return ModelError(f"{place} wants fewer requests: {text}", "Wait, then go on where it stopped.", retryable=True)
    return ModelError(f"{place} failed: {text}", retryable=True)
