"""`ask` and `run`: an answer to a question, and to a request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agent.cli.console import Building, reported

if TYPE_CHECKING:
    from agent.state import Record

BackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend", "-b", help="live, offline, auto (live if it answers, else offline), or a server's address."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]


def known_api(name: str) -> str:
    """Return the name of an API that there is.

    Raises:
        SettingsError: there is none of that name.
    """
    from tools.apis import get_api
    from tools.errors import QueryError, SettingsError

    try:
        return get_api(name).name
    except QueryError as error:
        raise SettingsError(error.message, error.hint) from None


@reported
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in plain language.", show_default=False)] = None,
    backend: BackendOption = None,
    api: Annotated[
        str | None, typer.Option(help="Ask only this API: mygene, myvariant, mychem, mydisease.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    batch: Annotated[
        Path | None, typer.Option(metavar="IN.jsonl", help='Questions, a line each: {"id": …, "question": …}.')
    ] = None,
    to: Annotated[Path | None, typer.Option("--out", metavar="OUT.jsonl", help="Where the batch's records go.")] = None,
) -> None:
    """Answer a question.

    Examples:

        biothings-assistant ask "which biological processes is CDK2 involved in?"

        biothings-assistant ask "pathogenic variants in BRCA1" --backend offline --json

        biothings-assistant ask --batch questions.jsonl --out answers.jsonl

    A line of a batch may also hold "history": earlier questions, answered first in the same conversation. A batch
    that was stopped goes on where it was when the same command is given again.
    """
    from agent.cli.answer import write_record
    from agent.runtime import get_runtime
    from agent.settings import load_settings

    if (question is None) == (batch is None):
        raise typer.BadParameter("Give a question, or --batch IN.jsonl with --out OUT.jsonl.")
    if (batch is None) != (to is None):
        raise typer.BadParameter("--batch and --out go together.")
    settings = load_settings(backend=backend, api=api)
    with Building() as building:
        runtime = get_runtime(settings, building.report)
        if settings.api:
            known_api(settings.api)
        # The model's process and the backend start before the graph's library is imported, which takes a second.
        runtime.prepare()
        try:
            if batch is not None and to is not None:
                from agent.cli.batch import answer_batch

                answer_batch(batch, to, settings, building)
                return
            from agent.graph import build_graph

            graph = build_graph(settings, progress=building.report)
            record = cast("Record", graph.invoke({"question": question or ""}))
        finally:
            runtime.close()
    raise typer.Exit(write_record(record, as_json))


@reported
def run(
    request: Annotated[str, typer.Argument(help="A request line, `API /path?parameters`, or a request's URL.")],
    backend: BackendOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a request and make it, without any model.

    Examples:

        biothings-assistant run "mygene /v3/query?q=symbol:CDK2&fields=symbol,ensembl.gene&species=human"

        biothings-assistant run "https://myvariant.info/v1/query?q=dbsnp.rsid:rs113488022" --backend offline

        biothings-assistant run "mygene /v3/query?q=CDK2,BRCA1&scopes=symbol&fields=name" --json
    """
    from agent.cli.answer import write_record
    from agent.direct import run_request
    from agent.settings import load_settings

    with Building() as building:
        record = run_request(request, load_settings(backend=backend), building.report)
    raise typer.Exit(write_record(record, as_json))
