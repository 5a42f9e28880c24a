"""`finetune logs|paraphrase|annotate|corrections`: training data from other sources than synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.console import Building, reported, say, say_error, write_line
from tools.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from finetune.corrections import Correction, Review
    from finetune.pairs import Pair
    from finetune.teacher import Usage

ModelOption = Annotated[str | None, typer.Option(help="The model's name on the server; default: the setting.")]
ServerOption = Annotated[
    str | None, typer.Option(metavar="URL", help="An OpenAI-compatible server; default: the setting, else OpenAI.")
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, help="How many requests run at once.")]
PriceInOption = Annotated[float, typer.Option(min=0, help="Price of a million tokens read, to show the cost.")]
PriceOutOption = Annotated[float, typer.Option(min=0, help="Price of a million tokens written.")]


@reported
def logs(
    file: Annotated[Path, typer.Argument(metavar="LOG.csv", help="An access log: CSV, one path a row.")],
    to: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the requests go.")],
    api: Annotated[str | None, typer.Option(help="Whose log it is, where its paths do not say so.")] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", "-b", help="Who says whether a request finds any.")
    ] = None,
) -> None:
    """Mine a service's access log for requests worth learning.

    Example:

        biothings-assistant finetune logs access.csv --api mygene --out requests.jsonl

    Requests that differ in their values only become one; those that cannot be sent or find nothing are left out.
    """
    from agent.runtime import get_runtime
    from agent.settings import load_settings
    from finetune.logs import keep_answered, mine, write_rows

    with Building() as building:
        mined = mine(file, api)
        found = get_runtime(load_settings(backend=backend), building.report).backend
        rows = keep_answered(mined, found, lambda done, total: building.report("making requests", done, total))
    write_rows(rows, to)
    for reason, count in mined.left_out.most_common():
        say(f"{count:,} rows left out: {reason}")
    write_line(
        f"{mined.rows:,} rows, {len(mined.requests):,} signatures, {len(rows):,} requests that find something: {to}"
    )


@reported
def paraphrase(
    file: Annotated[Path, typer.Argument(metavar="REQUESTS", help='Request lines, or JSON lines with a "request".')],
    to: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the pairs go.")],
    model: ModelOption = None,
    server: ServerOption = None,
    concurrency: ConcurrencyOption = 8,
    price_in: PriceInOption = 0.0,
    price_out: PriceOutOption = 0.0,
) -> None:
    """Have a larger model say requests in words: an instruction and a question each.

    Examples:

        biothings-assistant finetune paraphrase requests.jsonl --out paraphrases.jsonl --model gpt-4o-mini

        biothings-assistant finetune data --add paraphrases.jsonl

    What is written already is not asked for again.
    """
    from agent.settings import load_settings
    from finetune.paraphrase import paraphrase as run
    from finetune.paraphrase import read_paraphrases, read_requests
    from finetune.teacher import Usage

    settings = load_settings(openai_model=model, openai_base_url=server)
    usage = run(
        read_requests(file), to, settings, concurrency=concurrency, usage=Usage(price_in, price_out), watch=_watch
    )
    write_line(f"{len(read_paraphrases(to)):,} pairs in {to}; {usage}.")


@reported
def annotate(
    api: Annotated[str, typer.Argument(help="Whose fields.")],
    to: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the descriptions go.")],
    field: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Only this field. Repeatable.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put the descriptions of the file into your own catalogue; ask nothing.")
    ] = False,
    backend: Annotated[str | None, typer.Option("--backend", "-b", help="Where samples are taken from.")] = None,
    model: ModelOption = None,
    server: ServerOption = None,
    concurrency: ConcurrencyOption = 8,
    price_in: PriceInOption = 0.0,
    price_out: PriceOutOption = 0.0,
) -> None:
    """Have a larger model describe fields: from the path, the type and a sample of each.

    Examples:

        biothings-assistant finetune annotate mygene --out mygene.jsonl --field pathway.reactome.name

        biothings-assistant finetune annotate mygene --out mygene.jsonl --apply

    Look at what was written before it is applied; what was described by hand stays as it is.
    """
    from agent.runtime import get_runtime
    from agent.settings import load_settings
    from finetune.annotate import annotate as run
    from finetune.annotate import apply as apply_rows
    from finetune.teacher import Usage
    from tools.catalogue import load_catalogue

    settings = load_settings(openai_model=model, openai_base_url=server, backend=backend)
    if apply:
        path, changed = apply_rows(api, to, settings.home)
        write_line(f"{changed:,} fields described in {path}.")
        return
    with Building() as building:
        runtime = get_runtime(settings, building.report)
        usage = run(
            load_catalogue(api), to, settings, backend=runtime.backend, paths=field, concurrency=concurrency,
            usage=Usage(price_in, price_out), watch=_watch,
        )  # fmt: skip
    write_line(f"{to}: {usage}.")


@reported
def corrections(
    to: Annotated[
        Path, typer.Option("--out", metavar="FILE.jsonl", help="Where the pairs of accepted corrections go.")
    ] = Path("data/train/corrections.jsonl"),
    review: Annotated[bool, typer.Option("--review", help="Judge what is pending, one by one.")] = False,
    file: Annotated[Path | None, typer.Option(metavar="FILE.sqlite", help="Default: the chat's own.")] = None,
) -> None:
    """Review what users of the chat corrected, and make pairs of what is accepted.

    Examples:

        biothings-assistant finetune corrections

        biothings-assistant finetune corrections --review --out data/train/corrections.jsonl

    One that is almost right is edited and accepted as edited.
    """
    from agent.settings import load_settings
    from finetune.corrections import Review, corrections_path, to_pairs
    from finetune.dataset import write_pairs

    settings = load_settings(backend="offline")
    found = Review(file or corrections_path(settings.home))
    if not review:
        for row in found.pending():
            write_line(_show(row))
        write_line(f"{len(found.pending()):,} to review, {len(found.accepted()):,} accepted.")
        return
    for row in found.pending():
        say(_show(row))
        choice = typer.prompt("accept, edit, reject, later, stop", default="later", err=True).strip().lower()
        if choice.startswith("s"):
            break
        if choice.startswith("e"):
            _edit(row, found)
        if choice.startswith(("a", "r")):
            found.decide(row, "accepted" if choice.startswith("a") else "rejected")
    with Building() as building:
        pairs, left_out = to_pairs(found.accepted(), _drafted(building))
    for number, reason in left_out.items():
        say(f"Correction {number} makes no pair: {reason}.")
    write_line(f"{write_pairs(pairs, to):,} pairs in {to}.")


def _edit(row: Correction, found: Review) -> None:
    """Ask for the right request until one can be sent, and accept the correction with it."""
    while True:
        line = typer.prompt('the right request, or "later"', default=row.request, err=True).strip()
        if line.lower() == "later":
            return
        try:
            found.decide(row, "accepted", line)
        except QueryError as error:
            say_error(error.message, error.hint)
        else:
            return


def _show(row: Correction) -> str:
    said = " → ".join([*row.history, row.question])
    return f"{row.id}  {said}\n   drafted    {row.draft}\n   corrected  {row.request}  ({row.total:,} found)"


def _drafted(building: Building) -> Callable[[str, list[Pair]], str | None]:
    """Give earlier questions the request that the product drafts for them, as the user will have seen it."""
    from agent.settings import load_settings
    from finetune.drafting import Drafter, open_drafter
    from finetune.metrics import is_legal

    drafters: list[Drafter] = []

    def find_request(question: str, turns: list[Pair]) -> str | None:
        if not drafters:
            settings = load_settings(backend="offline")
            drafters.append(open_drafter(settings, "product", only_draft=True, progress=building.report))
        request = drafters[0].draft(question, [turn.question for turn in turns]).request
        return request if request and is_legal(request) else None

    return find_request


def _watch(done: int, total: int, usage: Usage) -> None:
    say(f"{done:,} of {total:,}: {usage}")
