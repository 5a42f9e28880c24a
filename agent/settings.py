"""All settings, in one class: read from the environment and from `.env`, prefix `BIOTHINGS_ASSISTANT_`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.prompts import CARDS
from tools.errors import SettingsError
from tools.paths import data_dir

PREFIX = "BIOTHINGS_ASSISTANT_"


class Settings(BaseSettings):
    """What can be set. An argument beats the environment, which beats `.env`, which beats the default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True,
        # An empty HOME would be the working folder.
        env_ignore_empty=True,
    )  # fmt: skip

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("biothings-assistant", appauthor=False)),
        description="Folder for everything that is written: models, indexes, caches, conversations.",
    )
    backend: str = Field(
        default="auto",
        description="Who answers: live, offline, auto (live if it answers, else offline), or the address of a server.",
    )
    api: str | None = Field(default=None, description="Ask only this API; empty: all.")
    model: Literal["packaged", "openai"] = Field(
        default="packaged", description="packaged: a GGUF model run here; openai: an OpenAI-compatible server."
    )
    model_path: Path | None = Field(default=None, description="A GGUF file to use instead of the packaged model.")
    adapter_path: Path | None = Field(
        default=None, description="A LoRA adapter folder (PEFT) to merge into the packaged base instead of our own."
    )
    openai_base_url: str | None = Field(default=None, description="Address of the OpenAI-compatible server.")
    openai_api_key: SecretStr | None = Field(default=None, description="Its key, if it wants one.")
    openai_model: str = Field(default="gpt-4o-mini", description="The model's name there.")
    threads: int | None = Field(default=None, ge=1, le=256, description="Threads of the local model; empty: all cores.")
    model_timeout: float = Field(default=60.0, gt=0, description="Seconds that one draft may take.")
    prompt_style: Literal["auto", "tuned", "general"] = Field(
        default="auto",
        description="tuned: the short prompt of the fine-tuned model; general: with instructions and worked examples.",
    )
    cards: int = Field(default=CARDS, ge=1, le=64, description="Field cards shown to the model.")
    max_repairs: int = Field(default=2, ge=0, le=10, description="Drafts after the first, when one fails.")
    hits: int = Field(default=10, ge=1, le=1000, description="Hits fetched where the question names no number.")
    timeout: float = Field(default=30.0, gt=0, description="Seconds that a service may take for one answer.")
    max_answer_mb: int = Field(default=64, ge=1, description="Largest answer accepted, in megabytes.")
    chat_host: str = Field(default="127.0.0.1", description="Address of the chat; any but this needs chat_users.")
    chat_users: SecretStr | None = Field(
        default=None, description="Who may sign in to the chat, as name:password,name:password; empty: no sign-in."
    )
    chat_database: str | None = Field(
        default=None,
        description="Where chats are kept: an address such as postgresql+asyncpg://…; empty: SQLite in home.",
    )
    cache: bool = Field(default=True, description="Keep the answers of live services for a day.")

    def __init__(self, **values: Any) -> None:
        """Read the settings; see the class.

        Raises:
            SettingsError: a name that is no setting. (Names in the environment are looked at by `load_settings`, since
                those of others stand there, too.)
        """
        # What begins with `_` says where pydantic-settings reads.
        _refuse_unknown((name for name in values if not name.startswith("_")), "", "the arguments")
        super().__init__(**values)

    @field_validator(
        "api",
        "model_path",
        "adapter_path",
        "openai_base_url",
        "openai_api_key",
        "threads",
        "chat_users",
        "chat_database",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("home", "model_path", "adapter_path")
    @classmethod
    def _from_home(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value else value

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, value: str) -> str:
        if value in ("auto", "live", "offline"):
            return value
        # Reading the port raises for one that is no number.
        if value.startswith(("http://", "https://")) and (parts := urlsplit(value)).hostname and parts.port != 0:
            return value.rstrip("/")
        raise ValueError("use live, offline, auto, or an address that begins with http:// or https://")

    @property
    def adapter(self) -> Path | None:
        """The LoRA adapter to merge into the base; None when there is none.

        One that was named is never passed over: where it cannot be read, merging says so.
        """
        if self.adapter_path is not None:
            return self.adapter_path
        packaged = data_dir() / "adapter"
        # Our own belongs to the packaged base.
        return packaged if self.model_path is None and (packaged / "adapter_config.json").exists() else None


def load_settings(**changes: Any) -> Settings:
    """Read the settings; `changes` that are not None win over the environment.

    Raises:
        SettingsError: a prefixed name that is no setting, or a value that is not allowed.
    """
    _refuse_unknown(os.environ, PREFIX, "the environment")
    env_file = Path(".env")
    if env_file.is_file():
        try:
            lines = env_file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f".env cannot be read: {error}.", "Mend or remove that file; it is UTF-8.") from None
        names = (line.partition("=")[0].removeprefix("export ").strip() for line in lines)
        _refuse_unknown(names, PREFIX, ".env")
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"The setting {name} is not valid: {first['msg']}.") from None


def _refuse_unknown(names: Iterable[str], prefix: str, place: str) -> None:
    """Refuse names with a prefix, in capitals, or without one, as they are, that are no settings."""
    known = {prefix + name.upper() if prefix else name for name in Settings.model_fields}
    for name in names:
        said = name.upper() if prefix else name
        if said.startswith(prefix) and said not in known:
            from rapidfuzz import process

            nearest = process.extractOne(said, sorted(known))
            raise SettingsError(f"{name} in {place} is no setting.", f"Did you mean {nearest[0]}?")
