"""`chat`: the assistant in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.console import Building, reported


@reported
def chat(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser.")] = False,
) -> None:
    """Open the assistant in the browser.

    Example:

        biothings-assistant chat --port 8000
    """
    from agent.settings import load_settings
    from ui.serve import run

    with Building() as building:
        run(load_settings(), port, headless, building.report)
