"""How fast a model reads and writes here, and what a grammar costs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from agent.model.base import Completion, Model


@dataclass(frozen=True)
class Speed:
    """Tokens a second."""

    prompt: float
    free: float
    constrained: float

    @property
    def kept(self) -> float:
        """The part of the free-running rate that is left under the grammar."""
        return self.constrained / self.free


def measure_speed(model: Model, prompt: str, grammar: str, max_tokens: int = 64, rounds: int = 5) -> Speed:
    """Measure a model that runs here; free and constrained runs alternate, and medians are taken.

    Args:
        model: The model; it is loaded first, outside the measurement.
        prompt: A prompt as the agent writes it.
        grammar: A grammar as the agent builds it.
        max_tokens: Tokens to write in a run; a run that ends sooner counts with what it wrote.
        rounds: Runs of each kind.
    """
    model.complete(prompt, max_tokens=1)
    read: list[float] = []
    free: list[float] = []
    constrained: list[float] = []
    for number in range(rounds):
        # Another beginning each time, so that nothing of the prompt is kept from the run before.
        fresh = model.complete(f"{number} {prompt}", max_tokens=1)
        read.append((fresh.prompt_tokens - fresh.reused_tokens) / max(fresh.prompt_seconds, 1e-9))
        free.append(_writing_rate(model.complete(prompt, max_tokens=max_tokens)))
        constrained.append(_writing_rate(model.complete(prompt, grammar=grammar, max_tokens=max_tokens)))
    return Speed(median(read), median(free), median(constrained))


def _writing_rate(completion: Completion) -> float:
    return completion.tokens / max(completion.seconds - completion.prompt_seconds, 1e-9)
