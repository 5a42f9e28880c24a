"""Files that several threads and processes share: written whole, and locks around them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from filelock import FileLock


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


class Locks:
    """A lock between threads, and within it one between processes."""

    def __init__(self, threads: threading.RLock, processes: FileLock) -> None:
        self._threads = threads
        self._processes = processes

    def __enter__(self) -> None:
        self._threads.acquire()
        self._processes.acquire()

    def __exit__(self, *_: object) -> None:
        self._processes.release()
        self._threads.release()
