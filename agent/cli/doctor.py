"""`doctor`: what is installed, what will be used, and how to mend what is not there."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from agent.cli.console import FAILED, out, reported, write_json
from agent.cli.questions import JsonOption
from tools.errors import AssistantError

if TYPE_CHECKING:
    from agent.settings import Settings
    from tools.backend import Backend

State = Literal["ok", "note", "missing"]
_DISTRIBUTION = "biothings-assistant"
#: What model, indexes and caches take, roughly.
_NEEDED_BYTES = 1_000_000_000
#: How long a service may take to answer at all.
_REACHED_SECONDS = 5.0
_MARKS = {"ok": "ok", "note": "--", "missing": "MISSING"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `mend` says what to do where it is not as it should be."""

    what: str
    state: State
    found: str
    mend: str = ""


@reported
def doctor(as_json: JsonOption = False) -> None:
    """Show what is installed and what will be used, and how to mend what is missing.

    Example:

        biothings-assistant doctor
    """
    from agent.settings import load_settings

    settings = load_settings()
    findings = list(_look(settings))
    if as_json:
        write_json([asdict(finding) for finding in findings])
    else:
        from rich import box
        from rich.table import Table

        grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("", "", "found"):
            grid.add_column(name, overflow="fold")
        for finding in findings:
            grid.add_row(
                _MARKS[finding.state], finding.what, finding.found + (f"\n→ {finding.mend}" if finding.mend else "")
            )
        out().print(grid)
    raise typer.Exit(FAILED if any(finding.state == "missing" for finding in findings) else 0)


def _look(settings: Settings) -> Iterator[Finding]:
    cores = f"{os.cpu_count()} processors, {platform.machine()}"
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()}, {cores}, {sys.executable}")
    yield from _packages()
    yield from _home(settings.home)
    yield from _model(settings)
    yield from _own_fields(settings.home)
    yield _retrieval(settings)
    yield from _training(settings)
    yield from _offline(settings)
    yield _backend(settings)
    changed = sorted(name for name in settings.model_fields_set if name in type(settings).model_fields)
    yield Finding("settings", "ok", f"set: {', '.join(changed)}" if changed else "all at their defaults")


def _packages() -> Iterator[Finding]:
    """Every package that the product needs, in one line; each that is missing in a line of its own."""
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
        version = importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        yield Finding(_DISTRIBUTION, "note", "run from its source folder", "pip install -e . gives it its command.")
        return
    names = [re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    found, missing = [], []
    for name in sorted(names):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding(_DISTRIBUTION, "ok", version)
    yield Finding("packages", "ok", ", ".join(found))
    for name in missing:
        yield Finding(f"package {name}", "missing", "not installed", f"pip install {name}")


def _home(home: Path) -> Iterator[Finding]:
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    mend = "Set BIOTHINGS_ASSISTANT_HOME to a folder that can be written."
    yield Finding("home", "ok" if writable else "missing", str(home), "" if writable else mend)
    if writable:
        free = shutil.disk_usage(home).free
        enough = free >= _NEEDED_BYTES
        yield Finding(
            "disk", "ok" if enough else "note", f"{free / 1e9:.1f} GB free",
            "" if enough else "Model and indexes take about 1 GB.",
        )  # fmt: skip


def _model(settings: Settings) -> Iterator[Finding]:
    if settings.model == "openai":
        from agent.model.openai import OPENAI_URL

        address, key = settings.openai_base_url, settings.openai_api_key
        found = f"{settings.openai_model} at {address or (OPENAI_URL if key else 'no address')}"
        mend = (
            "Set BIOTHINGS_ASSISTANT_OPENAI_BASE_URL, or BIOTHINGS_ASSISTANT_OPENAI_API_KEY for OpenAI's own."
            if not (address or key)
            else ""
        )
        yield Finding("model", "missing" if mend else "ok", found, mend)
        return
    from agent.model.weights import packaged_model

    if settings.model_path is not None:
        there = settings.model_path.is_file()
        mend = "" if there else "Set BIOTHINGS_ASSISTANT_MODEL_PATH to a GGUF file, or leave it empty."
        yield Finding("model", "ok" if there else "missing", str(settings.model_path), mend)
        if not there:
            return
    else:
        try:
            yield Finding("model", "ok", f"packaged: {packaged_model().name}")
        except AssistantError as error:
            yield Finding("model", "missing", error.message, error.hint)
    yield from _adapter(settings)


def _adapter(settings: Settings) -> Iterator[Finding]:
    """The adapter that will be merged into the model, and whether that is done already."""
    from agent.model.weights import merged_path

    adapter = settings.adapter
    if adapter is None:
        yield Finding("adapter", "note", "none: the model is used as it is, with the general prompt")
        return
    try:
        merged = merged_path(settings.home, adapter, base=settings.model_path)
    except AssistantError as error:
        mend = (
            "Set BIOTHINGS_ASSISTANT_ADAPTER_PATH to the folder of a LoRA adapter, or leave it empty."
            if settings.adapter_path
            else f"Install {_DISTRIBUTION} again."
        )
        yield Finding("adapter", "missing", error.message, error.hint or mend)
        return
    yield Finding("adapter", "ok", str(adapter))
    yield Finding("merged model", "ok", merged.name if merged.is_file() else "will be written at first use")


def _own_fields(home: Path) -> Iterator[Finding]:
    """Field catalogues of the user's own that stand in the place of packaged ones."""
    from tools.apis import API_NAMES
    from tools.catalogue import override_path

    for api in API_NAMES:
        path = override_path(home, api)
        if path.is_file():
            kept = time.strftime("%Y-%m-%d", time.localtime(path.stat().st_mtime))
            mend = f"`biothings-assistant fields --refresh --undo --api {api}` goes back to the packaged ones."
            yield Finding(f"fields of {api}", "note", f"your own of {kept}: {path}", mend)


def _retrieval(settings: Settings) -> Finding:
    from rag.embeddings import default_embedder
    from rag.index import load_contents
    from tools.catalogue import set_home

    try:
        default_embedder()
        set_home(settings.home)
        name = f"index-{load_contents().fingerprint}"
    except AssistantError as error:
        return Finding("retrieval", "missing", error.message, error.hint)
    built = (settings.home / name).is_dir()
    return Finding("retrieval", "ok", f"index {name}" if built else "index will be built at first use")


def _training(settings: Settings) -> Iterator[Finding]:
    """Whether the adapter was trained with the prompt and the retrieval that it meets now."""
    from agent.prompts import PROMPT_VERSION
    from rag.index import load_contents
    from tools.apis import API_NAMES
    from tools.catalogue import set_home

    adapter = settings.adapter
    if settings.model == "openai" or adapter is None or not adapter.is_dir():
        return
    try:
        record = json.loads((adapter / "training.json").read_text(encoding="utf-8"))
        trained = {"prompt": str(record["prompt_version"]), "retrieval": str(record["retrieval"])}
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding("training", "note", "the adapter does not say with which prompt and retrieval it was trained")
        return
    try:
        set_home(settings.home)
        # APIs of the user's own were never part of the training.
        used = {"prompt": str(PROMPT_VERSION), "retrieval": load_contents(API_NAMES).fingerprint}
    except AssistantError:
        return  # What retrieval lacks is said in its own line.
    found = "the adapter was trained with " + ", ".join(f"{name} {version}" for name, version in trained.items())
    other = [f"{name} {version}" for name, version in used.items() if version != trained[name]]
    if other:
        found += f"; used now: {', '.join(other)}"
    mend = "What it learnt may not fit; train one anew: biothings-assistant finetune train --help" if other else ""
    yield Finding("training", "note" if other else "ok", found, mend)


def _offline(settings: Settings) -> Iterator[Finding]:
    from tools.offline import snapshot
    from tools.offline.store import Store

    try:
        for api in ("mygene", "myvariant", "mychem", "mydisease"):
            snapshot.fingerprint(api)
        yield Finding("snapshot", "ok", "complete")
    except AssistantError as error:
        yield Finding("snapshot", "missing", error.message, error.hint)
        return
    store = Store(settings.home)
    states = [
        f"{name} {'built' if (settings.home / 'offline' / name / 'state.json').exists() else 'at first use'}"
        for name in store.apis()
    ]
    yield Finding("offline indexes", "ok", ", ".join(states))


def _backend(settings: Settings) -> Finding:
    from tools.backend import resolve_backend

    try:
        # What a cache holds says nothing of a service.
        backend = resolve_backend(settings.backend, settings.home, cache=False)
    except AssistantError as error:
        return Finding("backend", "missing", error.message, error.hint)
    try:
        chosen = f"{settings.backend}, which is {backend.name} now" if settings.backend == "auto" else backend.name
        if settings.backend not in ("auto", "offline"):
            _reach(backend.base_urls.get("mygene", settings.backend), backend)
        return Finding("backend", "note" if backend.notice else "ok", chosen, backend.notice)
    except AssistantError as error:
        return Finding("backend", "missing", f"{chosen}: {error.message}", error.hint)
    finally:
        backend.close()


def _reach(address: str, backend: Backend) -> None:
    """Pass if anything answers at an address.

    Raises:
        ServiceError: nothing does.
    """
    import httpx

    from tools.errors import NetworkError, ServiceError, ServiceTimeout
    from tools.http import CallTransport

    request = httpx.Request("GET", address.replace("{api}", "mygene"))
    try:
        CallTransport(backend.transport, _REACHED_SECONDS).handle_request(request)
    except (NetworkError, ServiceTimeout):
        raise
    except ServiceError:
        pass  # It answers; whether as a BioThings service, the first request will tell.
