"""`fields`: what a text finds in the field catalogue, and the catalogue brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.console import Building, out, reported, say, write_json, write_line
from agent.cli.questions import BackendOption, JsonOption, known_api


@reported
def fields(
    text: Annotated[
        str | None, typer.Argument(help="What the field should hold, in plain words.", show_default=False)
    ] = None,
    api: Annotated[str | None, typer.Option(help="Only fields of this API.", show_default=False)] = None,
    k: Annotated[int, typer.Option("-k", "--count", min=1, max=200, help="How many.")] = 16,
    as_json: JsonOption = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch the list of fields from the live service.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="With --refresh: back to the packaged list; texts of your own go, too.")
    ] = False,
    backend: BackendOption = None,
) -> None:
    """Find fields by what they hold.

    Examples:

        biothings-assistant fields "where is a gene located"

        biothings-assistant fields "allele frequency in Europeans" --api myvariant -k 5 --json

        biothings-assistant fields --refresh --api mygene

        biothings-assistant fields --refresh --undo
    """
    from agent.settings import load_settings
    from tools.apis import API_NAMES
    from tools.catalogue import set_home

    if (text is None) == (not refresh):
        raise typer.BadParameter("Give a text to search for, or --refresh.")
    if undo and not refresh:
        raise typer.BadParameter("--undo goes with --refresh.")
    settings = load_settings()
    set_home(settings.home)
    apis = [known_api(api)] if api else None
    if refresh:
        for name in apis or API_NAMES:
            if undo:
                _undo(name, settings.home)
            else:
                _refresh(name, backend or "live")
        return
    from rag.retrieve import rank

    with Building() as building:
        found = rank(text or "", apis, k, home=settings.home, progress=building.report)
    if as_json:
        write_json(
            [
                {
                    "api": field.api,
                    "path": field.path,
                    "score": field.score,
                    "label": field.label,
                    "description": field.description,
                }
                for field in found
            ]
        )
        return
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("API", "field", "score", "what it holds"):
        grid.add_column(name, overflow="fold", justify="right" if name == "score" else "left")
    for field in found:
        grid.add_row(field.api, field.path, f"{field.score:.2f}", field.description)
    if found:
        out().print(grid)
    else:
        write_line("No field fits.")


def _refresh(api: str, backend_name: str) -> None:
    """Merge what the service lists into the catalogue, and keep that below the home folder."""
    from agent.settings import load_settings
    from tools.backend import resolve_backend
    from tools.catalogue import load_catalogue, override_path, refresh, save
    from tools.client import execute
    from tools.errors import SettingsError
    from tools.query import Query

    if backend_name in ("offline", "auto"):
        raise SettingsError("A refresh asks a service.", "Leave out --backend, or name a server's address.")
    settings = load_settings()
    before = set(load_catalogue(api).fields)
    # What is on its way out of a cache may be a day old.
    backend = resolve_backend(backend_name, settings.home, cache=False)
    try:
        listing = execute(Query(api=api, kind="fields"), backend, timeout=settings.timeout).raw
    finally:
        backend.close()
    path = override_path(settings.home, api)
    save(refresh(api, listing), path)
    after = set(load_catalogue(api).fields)
    say(f"{api}: {len(after)} fields, {len(after - before)} new, {len(before - after)} gone; kept in {path}.")


def _undo(api: str, home: Path) -> None:
    """Remove the user's own catalogue of an API, so that the packaged one is used again."""
    from tools.apis import API_NAMES
    from tools.catalogue import override_path
    from tools.errors import SettingsError

    if api not in API_NAMES:
        raise SettingsError(f"There is no packaged list of the fields of {api}.", "`offline drop` removes an API.")
    path = override_path(home, api)
    if path.is_file():
        path.unlink()
        say(f"{api}: the packaged fields are used again; {path} is removed.")
    else:
        say(f"{api}: the packaged fields are in use.")
