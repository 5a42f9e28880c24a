"""Evaluation: the hand-written questions put to the product, or to one rung of the ladder that leads to it.

    biothings-assistant evaluate
    biothings-assistant evaluate --mode base --sample 150

Predictions are kept as JSON lines under what they depend on, so that a run which was stopped goes on, and one after a
change begins anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agent.runtime import Progress, get_runtime
from agent.settings import Settings
from finetune import metrics
from finetune.drafting import Draft, Drafter, Mode, fingerprint, open_drafter
from finetune.execution import Executor
from finetune.report import Prediction, Report
from tools.errors import DataError
from tools.paths import data_dir

#: How many questions the rungs of the ladder are compared on.
SAMPLE = 150
_PATIENCE_SECONDS = 600.0
_WARM_UP = (
    "mygene /v3/query?q=symbol:CDK2&size=1",
    "myvariant /v1/query?q=dbsnp.rsid:rs334&size=1",
    "mychem /v1/query?q=chembl.pref_name:imatinib&size=1",
    "mydisease /v1/query?q=mondo.label:asthma&size=1",
)
#: Told what was predicted, how many are done and of how many.
Watch = Callable[[Prediction, int, int], None]


class Question(BaseModel):
    """One question of the evaluation set with all requests that are right for it, or `none`."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    requests: list[str]
    kind: str
    history: list[str] = []


def read_questions(files: Iterable[Path] | None = None) -> list[Question]:
    """Read the evaluation set, by default that of `data/eval`, in the order of files and lines.

    Raises:
        DataError: a file cannot be read or a line is no question.
    """
    paths = sorted((data_dir() / "eval").glob("*.jsonl")) if files is None else list(files)
    questions = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            questions += [Question.model_validate_json(line) for line in lines if line.strip()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as questions: {str(error).splitlines()[0]}") from error
    return questions


def take_sample(questions: Sequence[Question], size: int) -> list[Question]:
    """Choose `size` questions by the hash of their ids: the same ones on every machine, of every kind by its share."""
    chosen = sorted(questions, key=lambda row: hashlib.sha256(row.id.encode()).digest())[:size]
    kept = {row.id for row in chosen}
    return [row for row in questions if row.id in kept]


def evaluate(
    settings: Settings,
    mode: Mode = "product",
    files: Iterable[Path] | None = None,
    limit: int | None = None,
    out: Path | None = None,
    progress: bool = True,
    *,
    sample: int | None = None,
    only_draft: bool = False,
    execution: bool | None = None,
    watch: Watch | None = None,
    building: Progress | None = None,
) -> Report:
    """Draft a request for every question and score it.

    Args:
        settings: which model, which home. The offline snapshot answers whatever backend is set, so that scores do not
            change with the services' data.
        mode: the rung of the ladder, see `finetune.drafting`.
        files: JSON lines of questions; by default all of `data/eval`.
        limit: only so many questions, the first ones.
        out: where predictions are kept; by default `<home>/evaluation/predictions.jsonl`.
        progress: show a progress bar on standard error.
        sample: only so many questions, the same ones each time.
        only_draft: score the first draft; the product then executes and repairs nothing.
        execution: score what the requests find; by default unless `only_draft`.
        watch: told each prediction as it is made.
        building: told what is being built before the first question (model, indexes).

    Raises:
        DataError: the questions cannot be read, or the model or sacrebleu is missing.
        ServiceError: the offline backend failed.
    """
    # A machine that is busy makes drafts slow, not wrong.
    patient = max(settings.model_timeout, _PATIENCE_SECONDS)
    settings = settings.model_copy(update={"backend": "offline", "model_timeout": patient})
    questions = read_questions(files)
    questions = take_sample(questions, sample) if sample else questions
    questions = questions[:limit]
    out = out or settings.home / "evaluation" / "predictions.jsonl"
    configuration = fingerprint(settings, mode, only_draft)
    kept = {row.id: row for row in read_predictions(out) if row.configuration == configuration}
    executed = execution if execution is not None else not only_draft
    executor = Executor(get_runtime(settings, building).backend) if executed else None
    drafter = None
    predictions: list[Prediction] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file, _bar(len(questions), progress, mode) as show:
        for question in questions:
            row = kept.get(question.id)
            if row is None or (row.question, row.history) != (question.question, question.history):
                if drafter is None:
                    drafter = open_drafter(settings, mode, only_draft=only_draft, progress=building)
                    _warm_up(drafter, executor)
                draft = drafter.draft(question.question, question.history)
                row = judge(question, draft, configuration, executor)
            else:
                row = _judge_again(question, row, executor)
            if row is not kept.get(question.id):
                file.write(row.model_dump_json() + "\n")
                file.flush()
            predictions.append(row)
            show(predictions)
            if watch:
                watch(row, len(predictions), len(questions))
    if drafter is not None:
        drafter.close()
    return Report(mode, configuration, tuple(predictions))


def _warm_up(drafter: Drafter, executor: Executor | None) -> None:
    """Load the model and build what is built on first use, so that no question's time holds it."""
    if executor is not None:
        for line in _WARM_UP:
            executor.outcome(line)
    drafter.draft("which pathways is CDK2 in?", [])


def judge(question: Question, draft: Draft, configuration: str, executor: Executor | None) -> Prediction:
    """Score a draft."""
    conversation = [text for turn in draft.turns for text in (turn.question, turn.request)] + [question.question]
    scores = metrics.score(draft.request, question.requests, conversation)
    answerable = not scores.refusal_expected
    if executor is not None and answerable:
        scores = scores.model_copy(update={"execution": executor.match(draft.request, question.requests)})
    return Prediction(
        id=question.id, configuration=configuration, kind=question.kind, question=question.question,
        requests=question.requests, history=question.history, held_out=names_held_out(question.requests),
        request=draft.request, first=draft.first, seconds=round(draft.seconds, 4),
        draft_seconds=round(draft.draft_seconds, 4), error=draft.error, scores=scores,
        first_canonical=metrics.canonical_match(draft.first, question.requests) if answerable else None,
        earlier=[turn.request for turn in draft.turns], scored_against=_basis(question, executor),
    )  # fmt: skip


def _judge_again(question: Question, row: Prediction, executor: Executor | None) -> Prediction:
    """Score a kept prediction anew where the acceptable requests or the measures have changed since."""
    if row.scored_against == _basis(question, executor):
        return row
    from agent.prompts import Turn

    turns = tuple(Turn(asked, request) for asked, request in zip(question.history, row.earlier, strict=False))
    draft = Draft(row.request, row.first, turns, row.seconds, row.draft_seconds, row.error)
    return judge(question, draft, row.configuration, executor)


def _basis(question: Question, executor: Executor | None) -> str:
    basis = json.dumps([metrics.VERSION, question.requests, question.kind, executor is not None])
    return hashlib.sha256(basis.encode()).hexdigest()[:12]


def names_held_out(requests: Sequence[str]) -> bool:
    """Tell whether every acceptable request names a field that is held out of training."""
    from finetune.split import held_out_field
    from rag.documents import fields_of
    from tools.catalogue import load_catalogue

    def held(line: str) -> bool:
        catalogue = load_catalogue(line.partition(" ")[0])
        return any(held_out_field(catalogue.api, catalogue.fields[path]) for path in fields_of(line))

    return all(line != metrics.REFUSAL and held(line) for line in requests)


def read_predictions(path: Path) -> Iterator[Prediction]:
    """Yield kept predictions, the later after the earlier; a line that a stopped run left cut off is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                yield Prediction.model_validate_json(line)
            except ValueError:
                continue


@contextmanager
def _bar(total: int, shown: bool, mode: str) -> Iterator[Callable[[Sequence[Prediction]], None]]:
    """A progress bar on standard error with the share that is right so far."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(mode, total=total)

        def show(predictions: Sequence[Prediction]) -> None:
            right = sum(row.scores.right for row in predictions)
            bar.update(task, completed=len(predictions), description=f"{mode}  {right / len(predictions):.1%} right")

        yield show
