"""What is kept out of training, by hash, so that every run and every machine agrees.

Some fields and some entities are held out altogether; questions are split into training and validation by phrasing
and by canonical request, so that neither a wording nor a request of the validation part was trained on. A family (all
ways to ask for one form of request) is not held out as a whole: that would leave the form itself untaught.
"""

from __future__ import annotations

import hashlib

from tools.catalogue import Field

#: Fields that people ask for this often are never held out: every model must know them.
COMMON_PRIOR = 0.35
VALIDATION_SHARE = 0.04
VALIDATION_PHRASINGS = 0.04
HELD_OUT_FIELDS = 0.06
HELD_OUT_ENTITIES = 0.05


def share(text: str) -> float:
    """Map a text to 0..1, evenly and for ever the same."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def held_out_field(api: str, field: Field) -> bool:
    """Tell whether a field never appears in training, neither asked for nor searched by."""
    return field.leaf and field.prior < COMMON_PRIOR and share(f"field {api} {field.path}") < HELD_OUT_FIELDS


def held_out_entity(kind: str, value: str) -> bool:
    """Tell whether an entity (a gene, a disease …) never appears in training."""
    return share(f"entity {kind} {value.lower()}") < HELD_OUT_ENTITIES


def in_validation(canonical: str) -> bool:
    """Tell whether a request belongs to the validation part."""
    return share(f"request {canonical}") < VALIDATION_SHARE


def phrasing_id(template: str) -> str:
    """Name a phrasing for ever, by its text."""
    return hashlib.sha256(template.encode()).hexdigest()[:6]


def held_out_phrasing(phrasing: str) -> bool:
    """Tell whether a phrasing (`mygene/search#1f9c02`) belongs to the validation part."""
    return share(f"phrasing {phrasing}") < VALIDATION_PHRASINGS
