"""Registers: the same question as different people type it. Entities, numbers and values are never touched.

`rephrase` turns a phrasing's sentence before its blanks are filled, so that it cannot tear a name apart; `vary` is for
the filled question.
"""

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

_VERBS = (
    r"(?:are|were|have|target|act|treat|cause|contain|carry|show|lie|encode|code|bind|inhibit|begin|start|belong|"
    r"come|cross|hit|work|exist|lack|affect|involve|feature|present)"
)
#: What opens a sentence that is whole already, as words and as beginnings of words: only before a bare noun phrase can
#: another opening stand.
_WORDS = (
    "I all also among and any are at between but by can do does for from get go had has have he i if in is it its just "
    "more my name next not now of on only or our page pick put same say she should take that their then there these "
    "they this those to was we were will with without"
)
_STEMS = (
    "according annotate break check compare convert could count define describe display explain fetch find give given "
    "group how let limit list look map need ok order please pull rank report retrieve return search show sorry sort "
    "suppose tell translate turn what when where which who would"
)
_OPENINGS = "|".join([*(f"{word} " for word in _WORDS.split()), *_STEMS.split()])
#: What a sentence is turned into, by its form; the groups of the pattern fill the blanks.
_TURNS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"(?:what is|what are|what's) (?!known)(?:the )?([^?]+?) (?:of|for) ([^?]*\{[^?]*?)\??"),
        (
            "{0} of {1}", "{0} for {1}", "{1}: {0}", "{1} - {0}?", "{1}, {0}", "the {0} of {1}?",
            "tell me the {0} of {1}", "I need the {0} of {1}", "looking for the {0} of {1}", "find the {0} of {1}",
            "get {0} for {1}", "could I get the {0} of {1}?", "do you have the {0} for {1}?",
            "what {0} does {1} have?", "{0}? for {1}", "which {0} has {1}?", "{0}, {1}", "for {1} the {0}",
            "I would like to know the {0} of {1}.", "{1} -> {0}", "give {0} of {1}", "what would be the {0} of {1}?",
            "look up the {0} of {1}", "{0} in {1}?",
        ),
    ),
    (
        re.compile(rf"(?:which|what) ([\w-]+(?: [\w-]+)?) ({_VERBS}\b[^?]*)\??"),
        (
            "{0} that {1}", "{0} which {1}", "list the {0} that {1}", "find all {0} that {1}", "show me {0} that {1}",
            "I want {0} that {1}", "are there any {0} that {1}?", "all {0} that {1}", "search for {0} that {1}",
            "get {0} that {1}", "any {0} that {1}?", "I am looking for {0} that {1}", "what {0} {1}",
            "{0} - those that {1}", "can you find {0} which {1}?", "give me all {0} that {1}", "name {0} that {1}",
            "do any {0} exist that {1}?",
        ),
    ),
    (
        re.compile(r"how many ([^?]+?) are there( [^?]+|)\??"),
        (
            "number of {0}{1}", "count the {0}{1}", "count of {0}{1}", "total number of {0}{1}",
            "what is the number of {0}{1}?", "how many {0} exist{1}?", "how many {0} do you know{1}?",
            "tell me how many {0} there are{1}", "count {0}{1}",
        ),
    ),
    (
        re.compile(rf"how many ([\w-]+(?: [\w-]+)?) ({_VERBS}\b[^?]*)\??"),
        (
            "number of {0} that {1}", "count the {0} that {1}", "how many of the {0} {1}?", "count of {0} which {1}",
            "what is the number of {0} that {1}?", "I want to know how many {0} {1}", "total of {0} that {1}",
        ),
    ),
    (
        re.compile(r"(?:show|list|give|find|get)(?: me)?(?: all)?(?: the)? ([^?]+)"),
        (
            "{0}", "{0}?", "I need {0}", "I'd like to see {0}", "display {0}", "fetch {0}", "return {0}",
            "looking for {0}", "can you show me {0}?", "search for {0}", "could you list {0}?", "I want {0}",
            "let me see {0}", "what are {0}?", "is there {0}?", "do you have {0}?", "pull up {0}", "give {0}",
            "retrieve {0}", "please show {0}",
        ),
    ),
    (
        re.compile(
            rf"(?!{_OPENINGS})([^?:]+)"
        ),
        (
            "show me {0}", "list {0}", "find {0}", "I need {0}", "give me {0}", "what are the {0}?", "looking for {0}",
            "{0}?", "any {0}?", "get {0}", "search {0}", "can I see {0}?", "could you find {0}",
            "I am interested in {0}",
        ),
    ),
)  # fmt: skip


def rephrase(template: str, rng: random.Random) -> str:
    """Turn the sentence of a phrasing: another opening, another order, a noun phrase for a question."""
    for pattern, turns in _TURNS:
        match = pattern.fullmatch(template)
        if match:
            return rng.choice(turns).replace("{0}", match[1]).replace("{1}", match[2] if pattern.groups > 1 else "")
    return template


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
