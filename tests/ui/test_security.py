import pytest

from agent.settings import Settings
from tools.errors import SettingsError
from ui.security import Guard, check_address, may_sign_in, read_users


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


async def _ask(headers, local=True):
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    await Guard(app, local)(scope, None, send)
    return sent[0]


async def test_only_its_own_name_and_page_are_answered():
    assert (await _ask({"host": "localhost:8000"}))["status"] == 200
    assert (await _ask({"host": "localhost:8000", "origin": "http://localhost:8000"}))["status"] == 200
    assert (await _ask({"host": "evil.example:8000"}))["status"] == 403
    assert (await _ask({"host": "localhost:8000", "origin": "http://evil.example"}))["status"] == 403
    assert (await _ask({"host": "lab.example"}, local=False))["status"] == 200


async def test_the_page_loads_nothing_from_elsewhere():
    headers = dict((await _ask({"host": "localhost"}))["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy and "https:" not in policy
