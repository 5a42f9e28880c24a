import pytest

from agent.runtime import Runtime, get_runtime
from agent.settings import Settings
from tools import backend


def settings(home, **changes):
    return Settings(_env_file=None, home=home, **changes)


@pytest.fixture
def probed(monkeypatch):
    """The outcomes of the probes to come: what goes wrong, or None."""
    outcomes = []
    monkeypatch.setattr(backend, "_probes", {})
    monkeypatch.setattr(backend, "_ask", lambda *_: outcomes.pop(0))
    return outcomes


def test_auto_is_decided_anew_when_a_service_fails(tmp_path, probed):
    probed += ["no answer", None, "no answer"]
    runtime = Runtime(settings(tmp_path, backend="auto"))
    offline = runtime.backend
    assert offline.name == "offline" and "cannot be reached" in offline.notice
    assert runtime.backend.name == "offline" and len(probed) == 2
    runtime.doubt_service()
    assert (runtime.backend.name, runtime.backend.notice) == ("live", "")
    runtime.doubt_service()
    assert runtime.backend.transport is offline.transport
    runtime.close()


def test_auto_is_decided_anew_when_a_probe_is_old(tmp_path, probed, monkeypatch):
    probed += [None, "no answer"]
    runtime = Runtime(settings(tmp_path, backend="auto"))
    assert runtime.backend.name == "live"
    monkeypatch.setattr(backend, "_PROBE_LASTS", -1.0)
    assert runtime.backend.name == "offline"
    runtime.close()


def test_a_place_that_was_chosen_is_not_doubted(tmp_path, probed):
    runtime = Runtime(settings(tmp_path, backend="offline"))
    runtime.doubt_service()
    assert runtime.backend.name == "offline" and runtime.backend.notice == ""


def test_what_differs_in_a_question_only_shares_indexes_and_connections(tmp_path, probed):
    probed += ["no answer"]
    first = get_runtime(settings(tmp_path, backend="offline"))
    more = get_runtime(settings(tmp_path, backend="offline", hits=500, api="mygene"))
    auto = get_runtime(settings(tmp_path, backend="auto"))
    live = get_runtime(settings(tmp_path, backend="live"))
    assert more is not first and more.backend is first.backend
    assert auto.backend.transport is first.backend.transport and live.backend is not first.backend
    assert first.backend.transport._service._store is first.store is live.store
