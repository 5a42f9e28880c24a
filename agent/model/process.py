"""The parent's end of the worker process: start it, talk to it, notice its death."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from agent.model.base import ModelTimeout
from tools.errors import ModelError

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_SPIN = {"GOMP_SPINCOUNT": "1000"}
"""How long llama.cpp's threads (GNU OpenMP) wait busily for each other.

With the library's default of some milliseconds, every wait for a thread that another program keeps from running costs a
whole time slice: on two busy cores, 1 token a second. With this, 8, and no less than before on an idle machine;
with `OMP_WAIT_POLICY=passive` 14, but half the speed on an idle one. The user's own setting wins.
"""


class WorkerDied(Exception):
    """The worker process ended by itself; the message says how."""


class WorkerProcess:
    """A running worker. Its methods are called by one thread at a time."""

    def __init__(self, path: Path, context: int, threads: int) -> None:
        """Start the process; it loads the model while the caller goes on.

        Raises:
            ModelError: The process cannot be started.
        """
        self.owner = os.getpid()
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaints: deque[str] = deque(maxlen=200)
        self._ready = False
        settings = json.dumps({"path": str(path.absolute()), "context": context, "threads": threads})
        # The package is found by this path wherever the user's script runs; `-P` keeps its folder, which may hold an
        # `agent` of its own, off the worker's path.
        search = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "agent.model.worker", settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**_SPIN, **os.environ, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8"},
                encoding="utf-8",
                errors="replace",
                # Away from the terminal's interrupts.
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise ModelError(f"The model's process cannot be started: {error}.") from error
        threading.Thread(target=self._read_events, daemon=True).start()
        threading.Thread(target=self._read_complaints, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def await_ready(self, seconds: float) -> None:
        """Wait until the model is loaded.

        Raises:
            ModelError: It cannot be loaded.
            ModelTimeout: It is not loaded in time.
            WorkerDied: The process ended.
        """
        limit = time.monotonic() + seconds
        while not self._ready:
            event = self.next_event(limit - time.monotonic())
            if event is None:
                raise ModelTimeout(f"The model was not loaded within {seconds:g} seconds.")
            if event["event"] == "failed":
                raise ModelError(f"{event['message']} {self.complaint()}".rstrip())
            self._ready = event["event"] == "ready"

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            WorkerDied: The process ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise WorkerDied(self._last_words()) from None

    def next_event(self, seconds: float) -> dict[str, Any] | None:
        """Return the next event, or None when there is none in so many seconds.

        Raises:
            WorkerDied: The process ended.
        """
        try:
            event = self._events.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return None
        if event is None:
            raise WorkerDied(self._last_words())
        return event

    def complaint(self) -> str:
        """Return what llama.cpp last complained of, in one line; empty if of nothing."""
        lines = list(self._complaints)
        chosen = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")
        return chosen.strip()[:300]

    def forget_complaints(self) -> None:
        """Begin a new request with a clean slate."""
        self._complaints.clear()

    def stop(self, seconds: float = 1.0) -> None:
        """End the process: by closing its input, and by force where that does not help in time."""
        if self.owner != os.getpid():
            # A fork of the parent must not end the parent's worker.
            return
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError:
            pass
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process by force."""
        self._process.kill()
        self._process.wait()

    def _last_words(self) -> str:
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.returncode
        how = f"exit code {code}"
        if code < 0:
            try:
                how = signal.Signals(-code).name
            except ValueError:
                how = f"signal {-code}"
        complaint = self.complaint()
        return f"{how}: {complaint}" if complaint else how

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._events.put(json.loads(line))
            except ValueError:
                # Cut off by the process's death.
                break
        self._events.put(None)

    def _read_complaints(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.strip():
                self._complaints.append(line)
