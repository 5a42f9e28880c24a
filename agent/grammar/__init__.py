"""The grammar that a draft is written under, built for each question; see `agent.grammar.builder`."""

from agent.grammar.builder import REFUSAL, Grammar, build_grammar

__all__ = ["REFUSAL", "Grammar", "build_grammar"]
