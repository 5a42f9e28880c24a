"""The evaluation's report: scores gathered into figures and tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel

from finetune.metrics import REFUSAL, Scores
from tools.errors import DataError


class Prediction(BaseModel):
    """One question of the evaluation set, what was drafted for it and what that scored."""

    id: str
    configuration: str
    kind: str
    question: str
    requests: list[str]
    history: list[str] = []
    held_out: bool = False
    request: str
    first: str
    seconds: float
    draft_seconds: float
    error: str | None = None
    scores: Scores
    first_canonical: bool | None = None
    #: The requests that the earlier questions got.
    earlier: list[str] = []
    #: What the scores depend on beside the draft: the acceptable requests and how they are compared.
    scored_against: str = ""

    @property
    def api(self) -> str:
        """The API of the first acceptable request, or `none`."""
        return self.requests[0].partition(" ")[0]


@dataclass(frozen=True)
class Figures:
    """Shares (0 to 1) over some predictions; None where no prediction counts. Seconds are of each question."""

    count: int
    right: float | None
    canonical: float | None
    first_canonical: float | None
    ast: float | None
    execution: float | None
    execution_count: int
    api: float | None
    legal: float | None
    identifiers: float | None
    chrf: float | None
    refusal_precision: float | None
    refusal_recall: float | None
    seconds_median: float | None
    seconds_p95: float | None
    draft_median: float | None


def gather(predictions: Sequence[Prediction]) -> Figures:
    """Compute the figures of some predictions."""
    scores = [prediction.scores for prediction in predictions]
    refused = [score for score in scores if score.refused]
    expected = [score for score in scores if score.refusal_expected]
    executed = [score.execution for score in scores if score.execution is not None]
    seconds = sorted(prediction.seconds for prediction in predictions)
    chrfs = [score.chrf for score in scores if score.chrf is not None]
    return Figures(
        count=len(predictions),
        right=_share(score.right for score in scores),
        canonical=_share(score.canonical for score in scores),
        first_canonical=_share(prediction.first_canonical for prediction in predictions),
        ast=_share(score.ast for score in scores),
        execution=_share(executed),
        execution_count=len(executed),
        api=_share(score.api for score in scores),
        legal=_share(score.legal for score in scores),
        identifiers=_share(score.identifiers for score in scores),
        chrf=sum(chrfs) / len(chrfs) if chrfs else None,
        refusal_precision=_share(score.refusal_expected for score in refused),
        refusal_recall=_share(score.refused for score in expected),
        seconds_median=median(seconds) if seconds else None,
        seconds_p95=seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))] if seconds else None,
        draft_median=median(prediction.draft_seconds for prediction in predictions) if predictions else None,
    )


def _share(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


COLUMNS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("n", lambda figures: str(figures.count)),
    ("right", lambda figures: _part(figures.right)),
    ("canonical", lambda figures: _part(figures.canonical)),
    ("first draft", lambda figures: _part(figures.first_canonical)),
    ("AST", lambda figures: _part(figures.ast)),
    ("execution (n)", lambda figures: f"{_part(figures.execution)} ({figures.execution_count})"),
    ("API", lambda figures: _part(figures.api)),
    ("legal", lambda figures: _part(figures.legal)),
    ("ids exact", lambda figures: _part(figures.identifiers)),
    ("refusal P", lambda figures: _part(figures.refusal_precision)),
    ("refusal R", lambda figures: _part(figures.refusal_recall)),
    ("chrF", lambda figures: "–" if figures.chrf is None else f"{figures.chrf:.1f}"),
    ("draft s", lambda figures: _seconds(figures.draft_median)),
    ("s median", lambda figures: _seconds(figures.seconds_median)),
    ("s p95", lambda figures: _seconds(figures.seconds_p95)),
)


def _part(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


#: How the ids of those questions begin that were written after everything else had been made.
WRITTEN_LAST = "blind-"


@dataclass(frozen=True)
class Report:
    """All predictions of one run, and what they come to."""

    mode: str
    configuration: str
    predictions: tuple[Prediction, ...]

    @property
    def figures(self) -> Figures:
        """The figures over all predictions."""
        return gather(self.predictions)

    def groups(self) -> list[tuple[str, Figures]]:
        """The figures of all, of single turns and follow-ups, of held-out fields, of the newest, by API and by kind."""
        rows = self.predictions
        single = [row for row in rows if not row.history and row.requests != [REFUSAL]]
        groups: list[tuple[str, Sequence[Prediction]]] = [
            ("all", rows),
            ("single turn", single),
            ("follow-ups", [row for row in rows if row.history]),
            ("refusals", [row for row in rows if row.requests == [REFUSAL]]),
            ("held-out fields", [row for row in rows if row.held_out]),
            ("written last", [row for row in rows if row.id.startswith(WRITTEN_LAST)]),
        ]
        for api in sorted({row.api for row in single}):
            groups.append((f"api {api}", [row for row in rows if row.api == api]))
        for kind in sorted({row.kind for row in rows}):
            groups.append((f"kind {kind}", [row for row in rows if row.kind == kind]))
        return [(name, gather(members)) for name, members in groups if members]

    def table(self) -> list[list[str]]:
        """The groups as rows of text, the header first."""
        header = [self.mode, *(name for name, _ in COLUMNS)]
        return [header, *([name, *(write(figures) for _, write in COLUMNS)] for name, figures in self.groups())]

    def markdown(self) -> str:
        """The groups as a Markdown table."""
        return to_markdown(self.table())

    def text(self, width: int = 180) -> str:
        """The groups as a table for a terminal."""
        return to_text(self.table(), width)

    def failures(self) -> list[Prediction]:
        """The predictions that are not right, in the order of the set."""
        return [row for row in self.predictions if not row.scores.right]


def compare(reports: Sequence[Report]) -> list[list[str]]:
    """One row a report, over all its predictions: the ladder. The header comes first."""
    header = ["", *(name for name, _ in COLUMNS)]
    return [header, *([report.mode, *(write(report.figures) for _, write in COLUMNS)] for report in reports)]


def to_markdown(table: Sequence[Sequence[str]]) -> str:
    """Write a table, whose first row is its header, as Markdown."""
    header, *rows = table
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def insert(document: str, name: str, text: str) -> str:
    """Put a text between a document's marks `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Raises:
        DataError: the document has no such marks.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise DataError(f"The document has no place for {name}.", f"Mark one with {begin} and {end}.")
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"


def to_text(table: Sequence[Sequence[str]], width: int = 180) -> str:
    """Write a table, whose first row is its header, for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    header, *rows = table
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        drawn.add_column(name, justify="right" if place else "left", no_wrap=True)
    for cells in rows:
        drawn.add_row(*cells)
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, highlight=False).print(drawn)
    return stream.getvalue()
