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
def sync(
    api: Annotated[str, typer.Argument(help="mygene, myvariant, mychem, mydisease, or another that the backend has.")],
    query: Annotated[str, typer.Argument(help="The query string whose hits are taken.")],
    fields: Annotated[
        str | None, typer.Option(help="Only these fields, with commas between.", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="No more documents than this.", show_default=False)] = None,
    species: Annotated[str | None, typer.Option(help="Of mygene: only these species.", show_default=False)] = None,
    assembly: Annotated[str | None, typer.Option(help="Of myvariant: hg19 or hg38.", show_default=False)] = None,
    rate: Annotated[float, typer.Option(min=0.01, help="Pages of a thousand documents a second, at most.")] = 2.0,
    backend: Annotated[str, typer.Option("--backend", "-b", help="live, or a BioThings server's address.")] = "live",
) -> None:
    """Take a slice of a service into the offline index; the same command goes on after a stop.

    Examples:

        biothings-assistant offline sync mygene "type_of_gene:protein-coding" --species mouse

        biothings-assistant offline sync myvariant "clinvar.gene.symbol:BRCA1" --fields clinvar,dbsnp --assembly hg38
    """
    from agent.settings import load_settings
    from tools.backend import resolve_backend
    from tools.offline.sync import sync as take

    params = {name: value for name, value in (("species", species), ("assembly", assembly)) if value}
    names = [name.strip() for name in (fields or "").split(",") if name.strip()]
    with Building() as building:
        store = _store(building)
        place = resolve_backend(backend, load_settings().home)
        try:
            record = take(
                store, api, query, place, fields=names, params=params, limit=limit, pages_per_second=rate,
                progress=building.report, tell=say,
            )  # fmt: skip
        finally:
            place.close()
    build = f" of build {record.build_version}" if record.build_version else ""
    size = f"{record.bytes / 1e6:,.1f} MB"
    write_line(f"{record.documents:,} documents{build} taken into {api} ({size}); slice {record.name}.")


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
    slices = [piece for row in rows for piece in row["slices"]]
    if not slices:
        return
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("slice", "request", "documents", "MB", "taken", "build", "from"):
        grid.add_column(name, justify="right" if name in ("documents", "MB") else "left", overflow="fold")
    for piece in slices:
        grid.add_row(
            piece["name"], piece["request"], f"{piece['documents']:,}", f"{piece['bytes'] / 1e6:.1f}",
            piece["finished"] or "not finished", piece["build_version"] or "-", piece["source"],
        )  # fmt: skip
    out().print(grid)


@app.command()
@reported
def drop(
    api: Annotated[str, typer.Argument(help="The API whose index goes.")],
    part: Annotated[
        str | None,
        typer.Option("--slice", help="Only what one sync took, as `offline info` names it.", show_default=False),
    ] = None,
) -> None:
    """Remove what an offline API holds; one of the four is made from the snapshot again when it is next used.

    Examples:

        biothings-assistant offline drop widgets

        biothings-assistant offline drop mygene --slice 3f2a90c1d4
    """
    from tools.errors import QueryError

    with Building() as building:
        store = _store(building)
        if api not in store.apis():
            raise QueryError(f"There is no offline API {api!r}.", f"There are {', '.join(store.apis())}.")
        if part is not None:
            known = [piece["name"] for row in store.info() if row["api"] == api for piece in row["slices"]]
            if part not in known:
                raise QueryError(f"{api} has no slice {part!r}.", f"It has {', '.join(known) or 'none'}.")
            store.drop_slice(api, part)
            write_line(f"Slice {part} of {api} is dropped.")
            return
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
