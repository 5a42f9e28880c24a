"""What kind of answer a question wants: yes or no, a number, or values."""

from __future__ import annotations

import re
from typing import Literal

Intent = Literal["yes-no", "count", "values"]

_POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|ok|so|and|please|also|could you|can you|would you|tell me|i wonder|i'd like to know|"
    r"do you know|check|whether|if|say)\b[ ,:]*)+",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"^(?:is|are|was|were|does|do|did|has|have|can|could)(?:n['’]t)?\b", re.IGNORECASE)
#: A number is asked for, not a value that is called one: "CAS number of aspirin", "genes that affect platelet count".
_COUNT = re.compile(
    r"\bhow many\b|^count\b|[,;:] ?count\b|\bcount (?:the|of|all)\b|\btotal (?:number )?of\b"
    r"|^(?:(?:what(?:'s| is)|give me|show me) )?(?:the )?number of\b",
    re.IGNORECASE,
)
_WORDS = (
    "is are was were does do did has have had can could the a an of in on at to for with by any some there it "
    "its this that these those gene genes variant variants drug drugs disease diseases known called listed "
    "human mouse or and if whether please you me tell say not no yes as from be been located associated "
    "involved linked annotated considered classified exist exists named record records entry entries"
)
_STOP = frozenset(re.findall(r"\w+", _WORDS))


def read_intent(question: str) -> Intent:
    """Tell what kind of answer is wanted."""
    plain = _POLITE.sub("", question.strip())
    if _COUNT.search(plain):
        return "count"
    if _YES_NO.match(plain) and not re.match(
        r"(?:is|are|do|does|have|has|can|could) (?:you|there any (?:way|list))\b", plain, re.IGNORECASE
    ):
        return "yes-no"
    return "values"


def content_words(question: str, without: str = "") -> list[str]:
    """Return the words of a question that carry what it asks, in lower case, less those of `without`."""
    left_out = {word.lower() for word in re.findall(r"\w+", without)}
    words = (word.lower() for word in re.findall(r"[\w\-]+", question))
    return [word for word in words if word not in _STOP and word not in left_out]
