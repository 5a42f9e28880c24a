"""Benchmarks: retrieval, answers warm and cold, memory, the offline engine, and what a grammar costs.

    biothings-assistant bench

Everything runs offline, on the real snapshot and the evaluation set, so that two runs can be compared.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from agent.runtime import Runtime, get_runtime
from agent.settings import Settings
from finetune.evaluate import Question, read_questions, take_sample
from tools.lucene import LuceneSyntaxError, fields_of, parse
from tools.query import Query

if TYPE_CHECKING:
    from tools.offline.service import Service

CARDS = 16
COLD_RUNS = 3
QUERY_ROUNDS = 40
#: What a person may ask; of those to the offline engine, several of each kind, so that no one answer is measured.
QUERIES: dict[str, list[tuple[str, dict[str, str]]]] = {
    "term": [
        ("mygene/v3", {"q": "symbol:CDK2"}),
        ("mydisease/v1", {"q": "mondo.xrefs.omim:219700"}),
        ("myvariant/v1", {"q": "dbsnp.rsid:rs113488022"}),
        ("mychem/v1", {"q": "chembl.pref_name:imatinib"}),
    ],
    "boolean": [
        ("mygene/v3", {"q": "type_of_gene:protein-coding AND go.BP.term:apoptosis"}),
        (
            "myvariant/v1",
            {"q": "clinvar.gene.symbol:(BRCA1 OR BRCA2) AND clinvar.rcv.clinical_significance:pathogenic"},
        ),
        ("mydisease/v1", {"q": "mondo.label:diabetes AND NOT mondo.label:insipidus"}),
    ],
    "phrase": [
        ("mygene/v3", {"q": 'go.BP.term:"DNA repair"'}),
        ("mydisease/v1", {"q": 'mondo.label:"cystic fibrosis"'}),
        ("mygene/v3", {"q": 'name:"zinc finger protein"'}),
    ],
    "wildcard": [
        ("mygene/v3", {"q": "symbol:CDK*"}),
        ("mydisease/v1", {"q": "mondo.label:neuro*"}),
        ("mychem/v1", {"q": "chembl.pref_name:*tinib"}),
    ],
    "range": [
        ("mychem/v1", {"q": "chembl.first_approval:>2015"}),
        ("mychem/v1", {"q": "chembl.molecule_properties.full_mwt:[200 TO 300]"}),
        ("mygene/v3", {"q": "chr7:55000000-55300000"}),
    ],
}


@dataclass(frozen=True)
class Row:
    """One figure; `target` is what it should be, empty where there is none."""

    name: str
    value: str
    target: str = ""


def bench(
    settings: Settings, questions: int = 20, report: Callable[[str, int, int | None], None] | None = None
) -> list[Row]:
    """Measure everything and return the figures.

    Args:
        settings: the model and the home folder; the backend is always offline.
        questions: how many of the evaluation set are asked.
        report: told what is being measured.
    """
    runtime = get_runtime(settings.model_copy(update={"backend": "offline"}))

    def begin(what: str) -> None:
        if report is not None:
            report(f"measuring {what}", 0, None)

    evaluation = read_questions()
    rows = [
        Row("date", date.today().isoformat()),
        Row("machine", describe_machine()),
        Row("model", describe_model(runtime)),
    ]
    begin("retrieval")
    rows += _retrieval(runtime, evaluation)
    begin("warm answers")
    rows += _warm(runtime, take_sample([row for row in evaluation if not row.history], questions))
    rows.append(Row("peak memory", f"{_peak_memory(runtime) / 2**20:,.0f} MB", "<= 1,024 MB"))
    begin("the grammar's cost")
    rows += _speed(runtime, evaluation[0].question)
    begin("offline queries")
    rows += _offline(runtime)
    runtime.close()
    begin("cold answers")
    rows.append(_cold(runtime.settings))
    return rows


def describe_machine() -> str:
    """Name processor, number of cores and memory, as far as the system tells."""
    import os

    cpu = platform.processor() or platform.machine()
    memory = ""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
        kilobytes = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
        memory = f", {kilobytes / 2**20:.0f} GB"
    except (OSError, ValueError, IndexError):
        pass
    return f"{cpu}, {os.cpu_count()} processors{memory}, {platform.system()}, Python {platform.python_version()}"


def describe_model(runtime: Runtime) -> str:
    """Name the model and how it is prompted."""
    adapter = runtime.settings.adapter
    return f"{runtime.model.name}, {'adapter' if adapter else 'no adapter'}, prompt {runtime.style}"


def needed_fields(line: str) -> set[str]:
    """Return all fields that a request names: asked for, searched, filtered, sorted or counted by."""
    query = Query.parse(line)
    names = {*query.fields, *query.scopes}
    for name in ("sort", "facets"):
        names |= {path.strip().lstrip("-") for path in query.params.get(name, "").split(",") if path.strip()}
    for text in (query.q if query.kind == "query" else None, query.params.get("filter")):
        try:
            names |= set(fields_of(parse(text or "*")))
        except LuceneSyntaxError:
            continue
    return {name for name in names if name not in ("_id", "all", "*", "_all")}


def count_found(needed: Iterable[str], shown: Iterable[str]) -> int:
    """Count the needed fields that are shown: themselves, as a parent that holds them, or as a part of them."""
    paths = list(shown)
    return sum(
        any(path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.") for path in paths)
        for name in needed
    )


def _retrieval(runtime: Runtime, questions: Sequence[Question]) -> list[Row]:
    asked = [row for row in questions if row.requests != ["none"]]
    runtime.retriever.retrieve("warm up", (), None, CARDS)
    found = wanted = 0
    seconds = []
    for row in asked:
        start = time.perf_counter()
        cards = runtime.retriever.retrieve(row.question, row.history, None, CARDS).fields
        seconds.append(time.perf_counter() - start)
        # Any of the right requests will do: the one that the cards serve best counts.
        scores = []
        for line in row.requests:
            query = Query.parse(line)
            names = needed_fields(line)
            scores.append((count_found(names, [card.path for card in cards if card.api == query.api]), len(names)))
        got, of = max(scores, key=lambda score: (score[0] / score[1] if score[1] else 1.0, score[1]))
        found, wanted = found + got, wanted + of
    return [
        Row(f"retrieval recall@{CARDS}", f"{found / max(wanted, 1):.3f} of {wanted:,} fields", ">= 0.95"),
        Row("retrieval, warm", f"{1000 * median(seconds):.1f} ms a question (median of {len(asked)})", "<= 30 ms"),
    ]


def _warm(runtime: Runtime, questions: Sequence[Question]) -> list[Row]:
    from agent.graph import build_graph

    graph = build_graph(runtime.settings)
    graph.invoke({"question": "where is CDK2 located?"})
    seconds = []
    for row in questions:
        start = time.perf_counter()
        graph.invoke({"question": row.question})
        seconds.append(time.perf_counter() - start)
    p95 = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return [Row("ask, warm", f"median {median(seconds):.2f} s, 95th percentile {p95:.2f} s ({len(seconds)} questions)")]


def _cold(settings: Settings) -> Row:
    import os

    environment = {**os.environ, "BIOTHINGS_ASSISTANT_HOME": str(settings.home)}
    command = [
        sys.executable, "-c", "from agent.cli import main; main()", "ask", "where is CDK2 located?",
        "--backend", "offline", "--json",
    ]  # fmt: skip
    name, target = "ask, cold", "<= 4 s"
    seconds = []
    for _ in range(COLD_RUNS):
        start = time.perf_counter()
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        seconds.append(time.perf_counter() - start)
        # How soon a crash comes is no figure.
        if done.returncode != 0:
            said = " ".join(done.stderr.strip().splitlines()[-2:])
            return Row(name, f"failed ({done.returncode}): {said}", target)
        if (status := json.loads(done.stdout)["status"]) != "answered":
            return Row(name, f"failed: the answer's status is {status}", target)
    return Row(name, f"{median(seconds):.2f} s from process start to end (median of {COLD_RUNS})", target)


def _peak_memory(runtime: Runtime) -> int:
    """Return the most bytes that this process and the model's have held; the latter where the system tells."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    pid = getattr(runtime.model, "pid", None)
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return peak
    return peak + sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _speed(runtime: Runtime, question: str) -> list[Row]:
    from agent.grammar import build_grammar
    from agent.model.speed import measure_speed
    from agent.nodes import GRAMMAR_FIELDS
    from agent.prompts import render_general, render_tuned

    found = runtime.retriever.retrieve(question, (), None, GRAMMAR_FIELDS)
    paths: dict[str, list[str]] = {}
    for field in found.fields:
        paths.setdefault(field.api, []).append(field.path)
    grammar = build_grammar(question, [], paths, None)
    cards = found.fields[: runtime.settings.cards]
    tuned = runtime.style == "tuned"
    prompt = render_tuned(question, cards) if tuned else render_general(question, cards, found.examples)
    speed = measure_speed(runtime.model, prompt, grammar.gbnf)
    return [
        Row("model reads", f"{speed.prompt:,.0f} tokens/s"),
        Row("model writes", f"{speed.free:,.0f} tokens/s freely, {speed.constrained:,.0f} under the grammar"),
        Row("kept under the grammar", f"{100 * speed.kept:.0f}%", ">= 90%"),
    ]


def _offline(runtime: Runtime) -> list[Row]:
    from tools.offline.service import Service

    service = Service(runtime.store)
    rows = []
    for kind, queries in QUERIES.items():
        for api, parameters in queries:
            _query(service, api, parameters)
        seconds = []
        for _ in range(QUERY_ROUNDS):
            for api, parameters in queries:
                start = time.perf_counter()
                _query(service, api, parameters)
                seconds.append(time.perf_counter() - start)
        rows.append(
            Row(f"offline {kind} query", f"{1000 * median(seconds):.2f} ms (median of {len(seconds)})", "<= 2 ms")
        )
    return rows


def measure_scale(home: Path, report: Callable[[str, int, int | None], None] | None = None) -> list[Row]:
    """Return the figures of the offline engine over ever more documents, and of the service over the snapshot."""
    from tools.offline import bench as scale

    small, large = scale.compare(progress=report)
    rows = [Row("offline service's memory", f"{scale.service_memory(home) / 2**20:,.0f} MB", "<= 400 MB")]
    for size in (small, large):
        name = f"{size.documents:,} documents"
        rate = f"{size.per_second:,.0f} a second ({size.per_cpu_second:,.0f} a second of one processor)"
        rows.append(Row(f"{name} indexed", rate, ">= 10,000 a second on 2 cores"))
        rows.append(Row(f"{name} opened", f"{1000 * size.opening_seconds:.0f} ms", "< 300 ms"))
    for kind, (seconds, _) in large.queries.items():
        ratio = seconds / small.queries[kind][0]
        rows.append(Row(f"{large.documents:,}: {kind}", f"{1000 * seconds:.2f} ms, {ratio:.1f} times", "<= 2 times"))
    return rows


def _query(service: Service, api: str, parameters: dict[str, Any]) -> None:
    reply = service.handle("GET", f"/{api}/query", {name: [value] for name, value in parameters.items()})
    if reply.status != 200:
        raise RuntimeError(f"{api} {parameters}: {reply.body[:200]!r}")
