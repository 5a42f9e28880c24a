"""`bench`: how fast and how well, on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from agent.cli.console import Building, out, reported, write_json
from agent.cli.questions import JsonOption


@reported
def bench(
    questions: Annotated[int, typer.Option(min=2, max=1000, help="How many questions are asked.")] = 20,
    scale: Annotated[
        bool, typer.Option("--scale", help="Also the offline engine over 1.5 million documents: some minutes, 2 GB.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure retrieval, answers, memory, the offline engine and the model on this machine.

    Example:

        biothings-assistant bench --questions 50
    """
    from agent.settings import load_settings
    from finetune.bench import bench as measure
    from finetune.bench import measure_scale

    with Building() as building:
        settings = load_settings(backend="offline")
        rows = measure(settings, questions, building.report)
        if scale:
            rows += measure_scale(settings.home, building.report)
    if as_json:
        write_json([asdict(row) for row in rows])
        return
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "measured", "target"):
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(row.name, row.value, row.target)
    out().print(grid)
