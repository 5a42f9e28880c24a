"""`offline …`: the embedded BioThings: what it holds, files of one's own, and its HTTP service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli.console import Building, out, reported, say, write_json, write_line
from agent.cli.questions import JsonOption

app = typer.Typer(no_args_is_help=True, help="The embedded BioThings: the bundled snapshot, and files of your own.")


@app.command()
@reported
def load(
    api: Annotated[str, typer.Argument(help="mygene, myvariant, mychem, mydisease, or with --mapping a new name.")],
    file: Annotated[Path, typer.Argument(help="NDJSON, an object with an _id a line; plain, gzip or zstd.")],
    mapping: Annotated[
        Path | None, typer.Option(metavar="FIELDS.json", help="The fields, as /metadata/fields lists them.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Instead of everything that API holds, the snapshot included.")
    ] = False,
    assembly: Annotated[
        str | None, typer.Option(help="hg19 or hg38: whose positions the variants' _id give; default: found in either.")
    ] = None,
) -> None:
    """Add documents to an offline API; newest wins where an _id is there already.

    Examples:

        biothings-assistant offline load mygene my_genes.ndjson

        biothings-assistant offline load myvariant calls.ndjson.gz --assembly hg38

        biothings-assistant offline load widgets widgets.ndjson --mapping widgets.fields.json
    """
    from tools.offline.load import load as load_file

    with Building() as building:
        report = load_file(
            _store(building), api, file, mapping=mapping, replace=replace, assembly=assembly,
            progress=lambda lines: building.report(f"reading {file.name}", lines, None),
        )  # fmt: skip
    for line, reason in report.bad[:10]:
        say(f"Line {line} is left out: {reason}.")
    if report.bad_count > 10:
        say(f"… and {report.bad_count - 10:,} more lines.")
    write_line(
        f"{report.loaded:,} documents loaded into {api}"
        + (f", {report.bad_count:,} lines left out." if report.bad_count else ".")
    )


@app.command()
@reported
def info(as_json: JsonOption = False) -> None:
    """Show what the offline APIs hold.

    Example:

        biothings-assistant offline info
    """
    with Building() as building:
        rows = _store(building).info()
    if as_json:
        write_json(rows)
        return
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("API", "documents", "of your own", "MB", "built", "fields"):
        grid.add_column(name, justify="left" if name in ("API", "built", "fields") else "right")
    for row in rows:
        grid.add_row(*_cells(row))
    out().print(grid)


@app.command()
@reported
def drop(api: Annotated[str, typer.Argument(help="The API whose index goes.")]) -> None:
    """Remove what an offline API holds; one of the four is made from the snapshot again when it is next used.

    Example:

        biothings-assistant offline drop widgets
    """
    from tools.errors import QueryError

    with Building() as building:
        store = _store(building)
        if api not in store.apis():
            raise QueryError(f"There is no offline API {api!r}.", f"There are {', '.join(store.apis())}.")
        store.drop(api)
    _forget_fields(api)
    write_line(f"{api} is dropped.")


@app.command()
@reported
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
) -> None:
    """Serve the offline APIs over HTTP, as the BioThings services are, until Ctrl-C.

    Example:

        biothings-assistant offline serve --port 8765

    Then, from any program: http://127.0.0.1:8765/mygene/v3/query?q=symbol:CDK2
    """
    from tools.offline.server import serve as serve_store

    with Building() as building:
        serve_store(_store(building), host, port, lambda address: say(f"Listening at {address}; Ctrl-C stops."))


def _store(building: Building) -> Any:
    from agent.settings import load_settings
    from tools.catalogue import set_home
    from tools.offline.store import Store

    settings = load_settings()
    set_home(settings.home)
    return Store(settings.home, progress=building.report)


def _forget_fields(api: str) -> None:
    """Take away the field listing of an API that the user made; without documents it would still be asked."""
    import shutil

    from agent.settings import load_settings
    from tools.apis import API_NAMES
    from tools.catalogue import override_path

    if api not in API_NAMES:
        shutil.rmtree(override_path(load_settings().home, api).parent, ignore_errors=True)


def _cells(row: dict[str, Any]) -> list[str]:
    fields = "your own" if row["custom"] else "packaged"
    if not row["built"]:
        return [row["api"], "-", "-", "-", "at first use", fields]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["changed"]))
    return [row["api"], f"{row['documents']:,}", f"{row['loaded']:,}", f"{row['bytes'] / 1e6:.1f}", when, fields]
