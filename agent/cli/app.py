"""All commands together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli import console, feedback, offline
from agent.cli.bench import bench
from agent.cli.chat import chat
from agent.cli.doctor import doctor
from agent.cli.fields import fields
from agent.cli.questions import ask, run
from finetune.commands import app as finetune_app
from finetune.commands import evaluate

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ask biology's public databases a question; get the answer, and the exact BioThings request behind it.",
    epilog='Begin with: biothings-assistant ask "which biological processes is CDK2 involved in?"',
)
app.command()(ask)
app.command()(run)
if (Path(__file__).resolve().parents[2] / "ui" / "app.py").exists():
    # A build without the browser's part has no such commands.
    app.command()(chat)
    app.add_typer(feedback.app, name="feedback")
app.command()(fields)
app.add_typer(offline.app, name="offline")
app.command()(doctor)
app.command()(bench)
app.command()(evaluate)
app.add_typer(finetune_app, name="finetune")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("biothings-assistant"))
        raise typer.Exit


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error happened.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""
    console.debug = debug
