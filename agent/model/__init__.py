"""The language model: llama.cpp in a process of its own, or any OpenAI-compatible server.

`open_model(settings)` returns the one that the settings ask for; `Model` says what it can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model.base import Completion, GrammarError, Model, ModelTimeout, Progress, PromptTooLong

if TYPE_CHECKING:
    from agent.settings import Settings

__all__ = ["Completion", "GrammarError", "Model", "ModelTimeout", "PromptTooLong", "open_model"]


def open_model(settings: Settings, progress: Progress | None = None) -> Model:
    """Return the model that the settings ask for; it loads at its first use.

    Args:
        settings: `model` says which kind. For "packaged": `model_path` (a GGUF file instead of the packaged base),
            `adapter_path` (a LoRA adapter to merge), `threads`; for "openai": `openai_base_url`, `openai_api_key`,
            `openai_model`. `model_timeout` holds for both.
        progress: Called while an adapter is merged, on first use.

    Raises:
        ModelError: No server is set.
        DataError: The packaged model or the adapter is missing or damaged.
    """
    if settings.model == "openai":
        from agent.model.openai import OpenAIModel

        key = settings.openai_api_key
        return OpenAIModel(
            settings.openai_model,
            base_url=settings.openai_base_url,
            api_key=None if key is None else key.get_secret_value(),
            timeout=settings.model_timeout,
        )
    from agent.model.llama import LlamaModel
    from agent.model.weights import merged_model

    path = merged_model(settings.home, settings.adapter, progress, base=settings.model_path)
    return LlamaModel(path, threads=settings.threads, timeout=settings.model_timeout)
