"""Where the packaged data stands."""

from __future__ import annotations

from pathlib import Path


def data_dir() -> Path:
    """Return the packaged `data/` folder.

    It is found from this file, never from the working directory, so that a folder of the user's own that
    happens to be called `data` is never read by mistake.
    """
    return Path(__file__).resolve().parent.parent / "data"
