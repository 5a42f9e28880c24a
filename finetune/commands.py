"""`finetune …` and `evaluate`: data, training, export and scoring on the command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.console import Building, out, reported, write_json, write_line

if TYPE_CHECKING:
    from agent.settings import Settings
    from finetune.report import Report

app = typer.Typer(no_args_is_help=True, help="Make training data, train an adapter, export it and score it.")

AdapterOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="A LoRA adapter to use instead of the packaged one.")
]


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
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    failures: Annotated[bool, typer.Option("--failures", help="Print what is not right, too.")] = False,
) -> None:
    """Score the drafts for the hand-written questions.

    Examples:

        biothings-assistant evaluate

        biothings-assistant evaluate --only-draft --adapter runs/first/adapter --failures

        biothings-assistant evaluate --mode ladder --markdown

    A run that was stopped goes on where it was; after a change of model, code or data it begins anew.
    """
    from typing import cast

    from agent.settings import load_settings
    from finetune.drafting import MODES, Mode
    from finetune.evaluate import SAMPLE
    from finetune.evaluate import evaluate as run
    from finetune.report import compare, to_markdown, to_text

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
