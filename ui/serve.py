"""Starts the chat: writes the folder that Chainlit runs in, then serves `app.py` there."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from agent.runtime import Progress
from agent.settings import Settings
from tools.errors import SettingsError

DEFAULT_PORT = 8000
_APP = Path(__file__).resolve().parent / "app.py"
#: What Chainlit can be told to use besides: other stores, trackers, bots, cookies for pages of other sites.
_UNUSED = (
    "DATABASE_URL", "LITERAL_API_KEY", "DISCORD_BOT_TOKEN", "SLACK_BOT_TOKEN", "CHAINLIT_ROOT_PATH",
    "CHAINLIT_COOKIE_SAMESITE",
)  # fmt: skip


def run(settings: Settings, port: int = DEFAULT_PORT, headless: bool = False, progress: Progress | None = None) -> None:
    """Serve the chat until it is interrupted.

    Args:
        settings: who listens where (`chat_host`, `chat_users`), and everything that the answers need.
        port: where; 0 takes a free one.
        headless: do not open a browser.
        progress: told what the first start builds.

    Raises:
        SettingsError: the address may not be used, or is in use.
    """
    from ui.root import write_root
    from ui.security import check_address, prepare_sign_in

    check_address(settings)
    port = _free_port(settings.chat_host, port)
    prepare_sign_in(settings)
    root = write_root(settings.home, port)
    _set_environment(settings.chat_host, port, root)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")

    import uvicorn
    from chainlit.auth import ensure_jwt_secret
    from chainlit.config import config, load_module

    from ui import chat

    logging.getLogger("chainlit").setLevel(logging.ERROR)
    config.run.host, config.run.port, config.run.headless = settings.chat_host, port, headless
    chat.configure(settings, progress)
    from chainlit.server import app

    config.run.module_name = str(_APP)
    load_module(str(_APP))
    ensure_jwt_secret()
    sys.stderr.write(f"The chat is at http://{_shown(settings.chat_host)}:{port} ; Ctrl-C ends it.\n")
    server = uvicorn.Server(uvicorn.Config(app, host=settings.chat_host, port=port, log_level="error", ws="auto"))
    asyncio.run(server.serve())


def _set_environment(host: str, port: int, root: Path) -> None:
    """Tell Chainlit, which reads this when it is imported, where it runs, and nothing besides."""
    os.environ["CHAINLIT_APP_ROOT"] = str(root)
    os.environ["CHAINLIT_HOST"], os.environ["CHAINLIT_PORT"] = host, str(port)
    for name in _UNUSED:
        os.environ.pop(name, None)


def _free_port(host: str, port: int) -> int:
    """Return `port` if it can be listened at, or a free one for 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"The chat cannot listen at {host}:{port}: {error.strerror}.", "Choose another port with --port."
            ) from None
        return int(probe.getsockname()[1])


def _shown(host: str) -> str:
    return "localhost" if host == "127.0.0.1" else f"[{host}]" if ":" in host else host
