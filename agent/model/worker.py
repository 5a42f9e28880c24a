"""The process that runs llama.cpp: requests as JSON lines on standard input, events as JSON lines on standard output.

Started as `python -P -m agent.model.worker '{"path": ..., "context": ..., "threads": ...}'`. It is a process of its own
because the library is not thread-safe and a grammar can abort the process it runs in.

Requests: `{"id", "prompt", "grammar", "max_tokens", "stop", "stream"}` and `{"cancel": id}`.
Events: `{"event": "ready", ...}` once; then for each request `token` events if it streams, and one `done` or `error`.
The process ends when its standard input does, or when its parent dies.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

_PARENT_CHECK_SECONDS = 2.0


class _Requests:
    """Reads standard input in a thread, so that a cancellation is seen while a completion is being written."""

    def __init__(self, source: TextIO) -> None:
        self.waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()
        if os.name == "posix":
            threading.Thread(target=self._watch_parent, args=(os.getppid(),), daemon=True).start()

    def cancelled(self, number: int) -> bool:
        return number in self._cancelled

    def _read(self, source: TextIO) -> None:
        for line in source:
            message = json.loads(line)
            if "cancel" in message:
                self._cancelled.add(message["cancel"])
            else:
                self.waiting.put(message)
        # The parent closed the pipe, or is no more. llama.cpp may be at work in the main thread: leave at once.
        os._exit(0)

    def _watch_parent(self, parent: int) -> None:
        # The pipe stays open when another child of the parent inherited it; the parent's death shows here even then.
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(0)


def main() -> None:
    """Load the model and answer requests until standard input ends."""
    # An interrupt in the terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # llama.cpp prints where it likes: what it writes to standard output goes to standard error instead.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(event: str, **fields: Any) -> None:
        events.write(json.dumps({"event": event, **fields}) + "\n")
        events.flush()

    requests = _Requests(sys.stdin)
    settings = json.loads(sys.argv[1])
    begin = time.perf_counter()
    try:
        from agent.model.runtime import Runtime, RuntimeFault
    except (ImportError, OSError, RuntimeError) as error:
        send("failed", message=f"llama-cpp-python cannot be imported: {error}")
        return
    from agent.model.completion import complete

    try:
        runtime = Runtime(Path(settings["path"]), settings["context"], settings["threads"])
    except RuntimeFault as fault:
        send("failed", message=str(fault))
        return
    send("ready", context=runtime.context, seconds=time.perf_counter() - begin)
    _ = runtime.starts  # before the first request, which it would hold up
    while True:
        request = requests.waiting.get()
        number = request["id"]

        def emit(text: str, number: int = number, stream: bool = request["stream"]) -> None:
            if stream:
                send("token", id=number, text=text)

        try:
            done = complete(
                runtime,
                request["prompt"],
                grammar=request["grammar"],
                max_tokens=request["max_tokens"],
                stop=request["stop"],
                emit=emit,
                cancelled=lambda number=number: requests.cancelled(number),  # type: ignore[misc]
            )
        except RuntimeFault as fault:
            send("error", id=number, kind=fault.kind, message=str(fault))
        else:
            send("done", id=number, **done)


if __name__ == "__main__":
    main()
