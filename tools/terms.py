"""What ontology terms are called: the APIs give many only as `HP:0001166`, which no reader knows by heart."""

from __future__ import annotations

import re
from functools import lru_cache

from tools.paths import data_dir

FILE = "terms.tsv.zst"
_CURIE = re.compile(r"(?:HP|MONDO):\d{7}")


def name_term(identifier: str) -> str | None:
    """Return the name of a term of HPO or Mondo by its CURIE, None for any other text.

    Names are those of the releases that `data/LICENSES.md` states.
    """
    return read_terms().get(identifier) if _CURIE.fullmatch(identifier) else None


@lru_cache(maxsize=1)
def read_terms() -> dict[str, str]:
    """Return the names of all terms of HPO and Mondo, by their CURIEs."""
    import zstandard

    rows = zstandard.decompress((data_dir() / FILE).read_bytes()).decode("utf-8").splitlines()
    return dict(row.split("\t", 1) for row in rows)
