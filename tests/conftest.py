"""What all tests share: an environment of their own, and one home folder with the real data in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agent.model.weights import packaged_model
from tools import apis, catalogue


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in os.environ:
        if name.upper().startswith("BIOTHINGS_ASSISTANT_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_apis() -> Iterator[None]:
    """APIs that a test registers, and the home that it names, are forgotten when it ends."""
    known, home = dict(apis._registry), catalogue._home
    yield
    if apis._registry != known or catalogue._home != home:
        apis._registry.clear()
        apis._registry.update(known)
        catalogue._home = home
        catalogue._cache.clear()


@pytest.fixture(scope="session")
def real_home(pytestconfig: pytest.Config) -> Path:
    """A home folder that outlives the run, so that indexes of the snapshot and of the fields are built once."""
    return pytestconfig.cache.mkdir("home")


@pytest.fixture(scope="session")
def model_server() -> Iterator[str]:
    """The address of a real `llama_cpp.server` with the packaged model."""
    pytest.importorskip("llama_cpp.server.app", reason="the server extra of llama-cpp-python is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = [sys.executable, str(Path(__file__).with_name("plain_llama.py"))]
    command = [*server, "--model", str(packaged_model()), "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--n_ctx", "2048", "--model_alias", "smol"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(1200):
            try:
                httpx.get(f"{url}/models", timeout=5)
                break
            except httpx.HTTPError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()
