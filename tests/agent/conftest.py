from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.model.base import Completion
from agent.settings import Settings, load_settings


class ScriptedModel:
    """Drafts what it was told to, in order, and keeps the prompts; the last draft is repeated."""

    name = "scripted"

    def __init__(self, drafts: Sequence[str | Exception]) -> None:
        self.drafts = list(drafts)
        self.prompts: list[str] = []

    def complete(self, prompt: str, **_: Any) -> Completion:
        self.prompts.append(prompt)
        draft = self.drafts.pop(0) if len(self.drafts) > 1 else self.drafts[0]
        if isinstance(draft, Exception):
            raise draft
        return Completion(draft, 1, 1, 0.0, "stop")

    def warm_up(self, prefix: str = "") -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A `.env` in the working directory would be read."""
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


@pytest.fixture
def settings(real_home: Path) -> Settings:
    return load_settings(home=real_home, backend="offline")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedModel]:
    """Put a scripted model in the place of the real one, for runtimes that are opened from now on."""

    def put(*drafts: str | Exception) -> ScriptedModel:
        model = ScriptedModel(drafts)
        monkeypatch.setattr("agent.model.open_model", lambda *_: model)
        monkeypatch.setattr("agent.runtime._runtimes", {})
        return model

    return put
