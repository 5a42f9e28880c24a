"""Registers: the same question as different people type it. Entities, numbers and values are never touched."""

from __future__ import annotations

import random
import re

_BEFORE = (
    "please ", "Please ", "hi, ", "hello, ", "can you tell me: ", "could you please tell me ", "I need to know ",
    "quick question: ", "I'd like to know ", "tell me ", "help me find out: ", "hey ", "show me: ", "I am a student, ",
    "for my paper: ", "Dear all, ", "ok, ",
)  # fmt: skip
_AFTER = (
    " please",
    ", please",
    " thanks",
    " Thanks!",
    " thank you",
    " asap",
    " - thanks in advance",
    " (urgent)",
    " for my thesis",
    "...",
    " pls",
)
_SHORT = {
    "what is": "whats",
    "what are": "what r",
    "please": "pls",
    "and": "&",
    "you": "u",
    "information": "info",
    "chromosome": "chrom",
    "with": "w/",
}


def vary(question: str, protected: set[str], rng: random.Random) -> str:
    """Return the question, most often as it is, else in another register."""
    roll = rng.random()
    if roll < 0.5:
        return question
    if roll < 0.62:
        return question.rstrip("?.") if question.endswith(("?", ".")) else question + "?"
    if roll < 0.74:
        return _lower(question, protected)
    if roll < 0.80:
        return rng.choice(_BEFORE) + (
            question[0].lower() + question[1:] if question.split()[0] not in protected else question
        )
    if roll < 0.85:
        return question.rstrip("?.") + rng.choice(_AFTER)
    if roll < 0.95:
        return _mistype(question, protected, rng)
    if roll < 0.97:
        return _shorten(question)
    return question[0].upper() + question[1:] if question.split()[0] not in protected else question


def _lower(question: str, protected: set[str]) -> str:
    words = question.rstrip("?").split(" ")
    return " ".join(word if _is_protected(word, protected) else word.lower() for word in words)


def _is_protected(word: str, protected: set[str]) -> bool:
    bare = word.strip("?.,:;!()'\"")
    return bare in protected or any(character.isdigit() for character in bare) or not bare.isascii()


def _mistype(question: str, protected: set[str], rng: random.Random) -> str:
    """Swap, drop or double one letter of one longer word."""
    words = question.split(" ")
    places = [
        place
        for place, word in enumerate(words)
        if len(word) > 4 and word.isalpha() and not _is_protected(word, protected)
    ]
    if not places:
        return question
    place = rng.choice(places)
    word = words[place]
    at = rng.randint(1, len(word) - 2)
    words[place] = rng.choice(
        (word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :], word[: at + 1] + word[at:])
    )
    return " ".join(words)


def _shorten(question: str) -> str:
    for long, short in _SHORT.items():
        question = re.sub(rf"\b{long}\b", short, question, count=1, flags=re.IGNORECASE)
    return question
