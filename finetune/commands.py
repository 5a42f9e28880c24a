"""`finetune …` and `evaluate`: data, training, export and scoring on the command line."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.console import Building, out, reported, say, write_json, write_line
from finetune import source_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.settings import Settings
    from finetune.pairs import Pair
    from finetune.plan import Plan
    from finetune.report import Report

app = typer.Typer(no_args_is_help=True, help="Make training data, train an adapter, export it and score it.")

for command in (
    source_commands.logs,
    source_commands.paraphrase,
    source_commands.annotate,
    source_commands.corrections,
):
    app.command()(command)

AdapterOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="A LoRA adapter to use instead of the packaged one.")
]
RecipeOption = Annotated[str, typer.Option(metavar="NAME|FILE.yaml", help="default, tiny, or a file of your own.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe's setting. Repeatable.")
]
PAIRS = Path("data/train/pairs.jsonl.zst")


@app.command()
@reported
def data(
    recipe: RecipeOption = "default",
    count: Annotated[int | None, typer.Option(min=1, help="How many pairs; default: as the recipe says.")] = None,
    seed: Annotated[int | None, typer.Option(help="Default: as the recipe says.")] = None,
    to: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the pairs go.")] = PAIRS,
    add: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE.jsonl", help="Further pairs: paraphrases, corrections. Repeatable."),
    ] = None,
    show: Annotated[int, typer.Option(min=0, metavar="N", help="Print N pairs as the model will read them.")] = 0,
) -> None:
    """Synthesise training pairs from the catalogue and the snapshot.

    Examples:

        biothings-assistant finetune data

        biothings-assistant finetune data --count 200 --out /tmp/pairs.jsonl --show 2

    What the evaluation asks is left out, and so are the fields and entities that are held out of training. The same
    seed makes the same pairs.
    """
    from finetune.corpus import keep_clean, split_pairs, synthesise
    from finetune.dataset import write_pairs
    from finetune.paraphrase import read_paraphrases
    from finetune.plan import load_plan

    plan = load_plan(recipe).data
    with Building() as building:
        building.report("collecting entities of the snapshot", 0, None)
        pairs, dropped, faults = synthesise(
            count or plan.pairs,
            plan.seed if seed is None else seed,
            lambda done, total: building.report("synthesising pairs", done, total),
        )
        pairs += keep_clean([pair for path in add or [] for pair in read_paraphrases(path)], dropped)
        split = split_pairs(pairs)
    write_pairs(pairs, to)
    for family, fault in sorted(faults.items()):
        say(f"{family} makes requests that are not legal: {fault}")
    left_out = "".join(f", {number:,} dropped ({reason})" for reason, number in dropped.most_common())
    write_line(
        f"{len(pairs):,} pairs in {to}: {len(split.training):,} to train on, {len(split.wordings):,} with wordings and "
        f"{len(split.requests):,} with requests that are not trained on{left_out}."
    )
    if show:
        _show_prompts(split.training[:show])


def _show_prompts(pairs: Sequence[Pair]) -> None:
    from agent.prompts import END, Failure, Turn, render_tuned
    from agent.runtime import get_runtime
    from agent.settings import load_settings

    settings = load_settings()
    with Building() as building:
        retriever = get_runtime(settings, building.report).retriever
    for pair in pairs:
        turns = [Turn(turn.question, turn.request) for turn in pair.history]
        failures = [Failure(failure.request, failure.error) for failure in pair.failures]
        found = retriever.retrieve(pair.question, [turn.question for turn in turns][-3:], None, settings.cards)
        write_line("\n" + render_tuned(pair.question, found.fields, turns, failures) + pair.request + END)


@app.command()
@reported
def train(
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The run's folder.")],
    recipe: RecipeOption = "default",
    pairs: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="The pairs to train on.")] = PAIRS,
    base: Annotated[
        str | None, typer.Option(metavar="FOLDER|NAME", help="Any causal model of Hugging Face; default: the packaged.")
    ] = None,
    changes: SetOption = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so long, with what there is.")] = None,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="ADAPTER", help="Begin from this adapter, of the same shape.")
    ] = None,
) -> None:
    """Train a LoRA adapter; the same command again goes on where a stopped run was.

    Examples:

        biothings-assistant finetune train --out runs/first

        biothings-assistant finetune train --out runs/rank16 --set training.rank=16 --set training.alpha=32 --minutes 60
    """
    with Building() as building:
        adapter = _train(to, _plan(recipe, changes), pairs, base, minutes, start, building)
    write_line(f"The adapter is in {adapter}. Score it: biothings-assistant evaluate --adapter {adapter}")


def _plan(recipe: str, changes: list[str] | None) -> Plan:
    from finetune.plan import load_plan

    pairs = (change.partition("=") for change in changes or [])
    return load_plan(recipe, {key: value for key, _, value in pairs})


def _train(
    to: Path, plan: Plan, pairs: Path, base: str | None, minutes: float | None, start: Path | None, building: Building
) -> Path:  # fmt: skip
    from agent.runtime import get_runtime
    from agent.settings import load_settings
    from finetune.run import run_training

    settings = load_settings()

    def log(line: str) -> None:
        building.stop()
        say(line)

    return run_training(
        pairs, plan, to, settings.home, lambda: get_runtime(settings, building.report).retriever, base=base, log=log,
        progress=building.report, stop_after=None if minutes is None else 60 * minutes, start=start,
    )  # fmt: skip


@app.command()
@reported
def export(
    adapter: Annotated[
        Path, typer.Argument(metavar="ADAPTER", help="The adapter's folder, such as runs/first/adapter.")
    ],
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep it here as float16, such as in data/adapter.")
    ] = None,
    gguf_adapter: Annotated[
        Path | None, typer.Option(metavar="FILE.gguf", help="Write it as a GGUF adapter, too.")
    ] = None,
    gguf: Annotated[Path | None, typer.Option(metavar="FILE.gguf", help="Write the merged model as GGUF, too.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="GGUF type of the merged model's matrices.")] = None,
    max_mb: Annotated[float, typer.Option(help="Largest adapter that is kept.")] = 20.0,
) -> None:
    """Write an adapter in the forms in which it is kept and run.

    Examples:

        biothings-assistant finetune export runs/first/adapter --to data/adapter

        biothings-assistant finetune export runs/first/adapter --gguf model.gguf --type F16
    """
    from agent.settings import load_settings
    from finetune.export import export_adapter, export_gguf_adapter, export_merged

    if not (to or gguf_adapter or gguf):
        raise typer.BadParameter("Say where it goes: --to, --gguf-adapter or --gguf.")
    written = []
    if to:
        written.append(export_adapter(adapter, to, int(max_mb * 1e6)))
    if gguf_adapter:
        written.append(export_gguf_adapter(adapter, gguf_adapter))
    if gguf:
        with Building() as building:
            home = load_settings().home
            written.append(export_merged(adapter, gguf, home, kind=kind, progress=building.report))
    for path in written:
        write_line(str(path))


@app.command()
@reported
def tiny(
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where everything goes.")] = Path("runs/tiny"),
    questions: Annotated[int, typer.Option(min=1, help="How many questions are scored.")] = 2,
) -> None:
    """Go the whole way in a few minutes: data, training, export, llama.cpp, score. Its model is no good.

    Example:

        biothings-assistant finetune tiny
    """
    from agent.settings import load_settings
    from finetune.corpus import synthesise
    from finetune.dataset import write_pairs
    from finetune.evaluate import evaluate as run
    from finetune.export import export_adapter

    start, plan = time.monotonic(), _plan("tiny", None)
    with Building() as building:
        building.report("collecting entities of the snapshot", 0, None)
        made, _, _ = synthesise(plan.data.pairs, plan.data.seed)
        write_pairs(made, to / "pairs.jsonl")
        trained = _train(to / "run", plan, to / "pairs.jsonl", None, None, None, building)
        adapter = export_adapter(trained, to / "adapter")
        settings = load_settings(adapter_path=adapter, backend="offline")
        result = run(
            settings, out=to / "predictions.jsonl", progress=False, sample=questions, only_draft=True,
            building=building.report,
        )  # fmt: skip
    for row in result.predictions:
        write_line(f"{row.question}\n  {row.request}")
    write_line(result.text())
    say(f"{time.monotonic() - start:.0f} seconds")


@app.command()
@reported
def evaluate(
    mode: Annotated[
        str,
        typer.Option(help="base, shots, grammar, retrieval, tuned, or product: what drafts; ladder: all six in turn."),
    ] = "product",
    file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE.jsonl", help="Questions; default: the whole set. Repeatable.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many questions, the same each time; a ladder takes 150.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many questions, the first ones.")] = None,
    only_draft: Annotated[
        bool, typer.Option("--only-draft", help="Score the product's first draft; execute and repair nothing.")
    ] = False,
    execution: Annotated[
        bool | None, typer.Option("--execution/--no-execution", help="Score what the requests find in the snapshot.")
    ] = None,
    adapter: AdapterOption = None,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.jsonl", help="Where predictions are kept, to go on from.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    into: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the table between this document's marks, with date.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="Print what is not right, too.")] = False,
) -> None:
    """Score the drafts for the hand-written questions.

    Examples:

        biothings-assistant evaluate

        biothings-assistant evaluate --only-draft --adapter runs/first/adapter --failures

        biothings-assistant evaluate --mode ladder --markdown

    A run that was stopped goes on where it was; after a change of model, code or data it begins anew. Seconds mean
    little while something else keeps the machine busy.
    """
    from typing import cast

    from agent.settings import load_settings
    from finetune.drafting import MODES, Mode
    from finetune.evaluate import SAMPLE
    from finetune.evaluate import evaluate as run
    from finetune.report import compare, insert, to_markdown, to_text

    if mode not in (*MODES, "ladder"):
        raise typer.BadParameter(f"{mode!r} is none of {', '.join(MODES)}, ladder.")
    settings = load_settings(adapter_path=adapter, backend="offline")
    chosen = MODES if mode == "ladder" else (cast("Mode", mode),)
    sample = SAMPLE if mode == "ladder" and sample is None else sample
    reports = []
    with Building() as building:
        for name in chosen:
            reports.append(
                run(
                    settings, name, file, limit, to, sample=sample, only_draft=only_draft, execution=execution,
                    building=building.report,
                )
            )  # fmt: skip
    if as_json:
        write_json([_as_json(report, settings) for report in reports])
        return
    table = compare(reports) if len(reports) > 1 else reports[0].table()
    write_line(to_markdown(table) if markdown else to_text(table, max(180, out().width)))
    if into:
        import sys

        arguments = [argument for argument in sys.argv[1:] if argument not in ("--into", str(into))]
        dated = f"`biothings-assistant {' '.join(arguments)}`, {date.today().isoformat()}\n\n{to_markdown(table)}"
        into.write_text(insert(into.read_text(encoding="utf-8"), mode, dated), encoding="utf-8")
    if failures:
        for report in reports:
            _write_failures(report)


def _as_json(report: Report, settings: Settings) -> dict[str, object]:
    groups = {name: asdict(figures) for name, figures in report.groups()}
    adapter = str(settings.adapter) if settings.adapter else None
    return {"mode": report.mode, "configuration": report.configuration, "adapter": adapter, "groups": groups}


def _write_failures(report: Report) -> None:
    for row in report.failures():
        said = " → ".join([*row.history, row.question])
        write_line(f"{row.id}  {said}\n  got   {row.request or row.error}\n  right {row.requests[0]}")
