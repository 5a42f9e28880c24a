import asyncio
import os
import time

import pytest

from agent.settings import Settings
from tools.errors import SettingsError
from ui.security import Doorkeeper, Guard, check_address, is_local, may_sign_in, prepare_sign_in, read_users
from ui.serve import _set_environment


def settings(**changes):
    return Settings(_env_file=None, **changes)


def test_other_addresses_need_sign_in():
    check_address(settings())
    with pytest.raises(SettingsError, match="without sign-in"):
        check_address(settings(chat_host="0.0.0.0"))
    check_address(settings(chat_host="0.0.0.0", chat_users="ann:correct-horse"))


def test_users_are_read_and_told_apart():
    users = read_users(settings(chat_users="ann:correct-horse, bob:battery-staple"))
    assert may_sign_in(users, "ann", "correct-horse") and not may_sign_in(users, "ann", "battery-staple")
    assert not may_sign_in(users, "eve", "correct-horse")
    with pytest.raises(SettingsError):
        read_users(settings(chat_users="ann:short"))


async def _ask(headers, local=True, kind="http", path="/"):
    sent = []

    async def app(scope, receive, send):
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await Guard(app, local)(scope, receive, send)
    return sent[0]


async def test_only_its_own_name_and_page_are_answered():
    assert (await _ask({"host": "localhost:8000"}))["status"] == 200
    assert (await _ask({"host": "localhost:8000", "origin": "http://localhost:8000"}))["status"] == 200
    assert (await _ask({"host": "evil.example:8000"}))["status"] == 403
    assert (await _ask({"host": "localhost:8000", "origin": "http://evil.example"}))["status"] == 403
    assert (await _ask({"host": "localhost:8000", "origin": "null"}))["status"] == 403
    assert (await _ask({"host": "lab.example"}, local=False))["status"] == 200


async def test_a_websocket_is_opened_to_its_own_page_only():
    async def opened(**headers):
        return (await _ask(headers, kind="websocket"))["type"]

    assert await opened(host="localhost:8000", origin="http://localhost:8000") == "websocket.accept"
    for origin in ("http://evil.example", "null", "http://localhost:8001"):
        assert await opened(host="localhost:8000", origin=origin) == "websocket.close"
    assert await opened(host="evil.example:8000") == "websocket.close"


def test_behind_a_proxy_the_name_is_that_of_the_proxy():
    assert is_local(settings())
    assert not is_local(settings(chat_users="ann:correct-horse"))
    assert not is_local(settings(chat_host="0.0.0.0", chat_users="ann:correct-horse"))


def test_cookies_are_worth_nothing_when_users_or_passwords_change(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "")
    monkeypatch.setenv("CHAINLIT_AUTH_COOKIE_NAME", "")

    def secret(users):
        prepare_sign_in(settings(home=tmp_path, chat_users=users))
        return os.environ["CHAINLIT_AUTH_SECRET"]

    first = secret("ann:correct-horse,bob:battery-staple")
    assert len(first) == 64 and secret("ann:correct-horse,bob:battery-staple") == first
    others = {secret("ann:correct-horse"), secret("ann:correct-horse,bob:another-staple"), secret(None)}
    assert len(others) == 3 and first not in others
    assert (tmp_path / "chat" / "secret").stat().st_mode & 0o077 == 0


async def test_guesses_at_one_name_wait_for_each_other():
    doorkeeper = Doorkeeper({"ann": "correct-horse", "bob": "battery-staple"}, seconds=0.05)
    began = time.monotonic()
    guesses = [doorkeeper.admits("ann", f"guess-{number}") for number in range(5)]
    assert await asyncio.gather(*guesses, doorkeeper.admits("ann", "correct-horse")) == [False] * 5 + [True]
    assert time.monotonic() - began >= 6 * 0.05


def test_chainlit_is_told_of_nothing_else(tmp_path, monkeypatch):
    for name in ("CHAINLIT_APP_ROOT", "CHAINLIT_HOST", "CHAINLIT_PORT"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CHAINLIT_COOKIE_SAMESITE", "none")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere")
    _set_environment("127.0.0.1", 8000, tmp_path)
    assert "CHAINLIT_COOKIE_SAMESITE" not in os.environ and "DATABASE_URL" not in os.environ


async def test_what_draws_the_answers_is_kept_for_a_while():
    drawing = dict((await _ask({"host": "localhost"}, path="/public/elements/BioThingsAnswer.jsx"))["headers"])
    assert b"max-age" in drawing[b"cache-control"]
    assert b"cache-control" not in dict((await _ask({"host": "localhost"}, path="/project/threads"))["headers"])


async def test_the_page_loads_nothing_from_elsewhere():
    headers = dict((await _ask({"host": "localhost"}))["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert not any(f"{scheme}:" in policy for scheme in ("http", "https", "ws", "wss"))
    # Otherwise browsers would send `Origin: null` with some of the page's own requests.
    assert headers[b"referrer-policy"] == b"same-origin"
