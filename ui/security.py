"""Who may come in: sign-in, the hosts and origins that are answered, and what the page may load."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from typing import Any
from urllib.parse import urlsplit

from agent.settings import Settings
from tools.errors import SettingsError

LOCAL_USER = "local"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: How long each guess at a password takes; those at one name are taken one after the other.
_GUESS_SECONDS = 0.3
_DOORS = 64
#: Only what comes from here is loaded. The page draws its own elements with a compiler in the browser, which needs
#: `unsafe-eval`; inline scripts are Chainlit's own.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Under `no-referrer`, browsers hide the origin of some of the page's own requests, and the guard would refuse them.
    (b"referrer-policy", b"same-origin"),
]
#: What draws the answers is fetched once per page, before the first of them.
_ELEMENTS, _KEPT = "/public/elements/", (b"cache-control", b"max-age=600")


def read_users(settings: Settings) -> dict[str, str]:
    """Return who may sign in, with their passwords; none: nobody needs to.

    Raises:
        SettingsError: the setting is not `name:password,name:password`.
    """
    if settings.chat_users is None:
        return {}
    users: dict[str, str] = {}
    for item in settings.chat_users.get_secret_value().split(","):
        name, colon, password = item.strip().partition(":")
        if not colon or not name or len(password) < 8:
            raise SettingsError(
                "chat_users is not a list of names and passwords.",
                "Write it as name:password,name:password; a password has 8 characters or more, and no comma.",
            )
        users[name] = password
    return users


def check_address(settings: Settings) -> None:
    """Pass if the chat may listen where the settings say.

    Raises:
        SettingsError: others could reach it, and nobody would have to sign in.
    """
    if settings.chat_host not in LOOPBACK and not read_users(settings):
        raise SettingsError(
            f"The chat does not listen at {settings.chat_host} without sign-in.",
            "Set BIOTHINGS_ASSISTANT_CHAT_USERS=name:password,… or leave chat_host at 127.0.0.1.",
        )


def may_sign_in(users: dict[str, str], name: str, password: str) -> bool:
    """Tell whether name and password are right; it takes as long for a name that is not known."""
    known = users.get(name)
    right = hmac.compare_digest((known or secrets.token_hex(8)).encode(), password.encode())
    return right and known is not None


class Doorkeeper:
    """Lets in who is known, slowly enough that guessing is of no use, however many guess at once."""

    def __init__(self, users: dict[str, str], seconds: float = _GUESS_SECONDS) -> None:
        self._users, self._seconds = users, seconds
        # Not one for each name: names are free to invent, and how a name queues must not tell whether it is known.
        self._doors = [asyncio.Lock() for _ in range(_DOORS)]

    async def admits(self, name: str, password: str) -> bool:
        """Tell whether name and password are right."""
        async with self._doors[hash(name) % _DOORS]:
            await asyncio.sleep(self._seconds)
            return may_sign_in(self._users, name, password)


def is_local(settings: Settings) -> bool:
    """Tell whether the chat answers to names of this machine only.

    With sign-in, a proxy on this machine may pass on the name under which others know the chat.
    """
    return settings.chat_host in LOOPBACK and not settings.chat_users


def prepare_sign_in(settings: Settings) -> None:
    """Give Chainlit the secret that it signs its cookies with.

    It stays the same, so that nobody is signed out by a restart, until users or passwords change: a cookie made
    before is then worth nothing, which is how a user is shut out.
    """
    folder = settings.home / "chat"
    path = folder / "secret"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        temporary = folder / f"secret.{os.getpid()}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            temporary.replace(path)
        temporary.unlink(missing_ok=True)
    users = settings.chat_users.get_secret_value() if settings.chat_users else ""
    secret = bytes.fromhex(path.read_text("ascii"))
    os.environ["CHAINLIT_AUTH_SECRET"] = hmac.digest(secret, users.encode(), "sha256").hex()
    os.environ.setdefault("CHAINLIT_AUTH_COOKIE_NAME", "biothings_assistant")


class Guard:
    """Answers only to its own name and its own page, and tells browsers to load nothing from elsewhere.

    A page of another site could otherwise reach a chat on this machine: through a name that it lets point here, or by
    plain requests from the browser of whoever looks at it.
    """

    def __init__(self, app: Any, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        origin = headers.get(b"origin")
        name = urlsplit(f"//{host}").hostname or ""
        if (self._local and name not in LOOPBACK) or (origin is not None and urlsplit(origin).netloc != host):
            await _refuse(scope, receive, send)
            return

        further = [*_HEADERS, _KEPT] if scope["type"] == "http" and scope["path"].startswith(_ELEMENTS) else _HEADERS

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *further]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"This address does not answer here."})
