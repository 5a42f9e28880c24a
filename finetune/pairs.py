"""Pairs: a question and the request that is right for it, what training learns from.

A pair is one line of JSON:
    {"question", "request", "history": [{"question","request"}], "failures": [{"request","error"}], "family", "source"}
`family` is `mygene/by-symbol#1f9c02`: the family of phrasings and, behind `#`, the phrasing; of a conversation all,
joined by `+`; a follow-up of our own making has its kind in front: `follow-up/swap mygene/by-symbol#1f9c02`.
`request` is a request line, or `none` for a refusal.
"""

from __future__ import annotations

from pydantic import BaseModel

from tools.query import Query


class PastTurn(BaseModel):
    """An earlier question with its request."""

    question: str
    request: str


class PastFailure(BaseModel):
    """An attempt that failed, with what was wrong."""

    request: str
    error: str


class Pair(BaseModel):
    """A question and the request that is right for it."""

    question: str
    request: str
    history: list[PastTurn] = []
    failures: list[PastFailure] = []
    family: str
    source: str = "synthesised"

    @property
    def canonical(self) -> str:
        """The request's canonical form."""
        return self.request if self.request == "none" else Query.parse(self.request).canonical

    @property
    def requests(self) -> list[str]:
        """All request lines that the pair teaches: those of its history, and its own."""
        return [*(turn.request for turn in self.history), self.request]

    @property
    def phrasings(self) -> list[str]:
        """The phrasings that the pair's questions come from, each by family and own name: `mygene/search#1f9c02`."""
        family, _, names = self.family.rpartition(" ")[2].partition("#")
        return [f"{family}#{name}" for name in names.split("+")] if names else []
