from __future__ import annotations

from pathlib import Path

import pytest

from agent.model import open_model
from agent.settings import PREFIX, Settings, load_settings
from tools.errors import DataError, SettingsError

ROOT = Path(__file__).resolve().parents[2]


def test_an_argument_beats_the_environment_which_beats_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("BIOTHINGS_ASSISTANT_HITS=5\nBIOTHINGS_ASSISTANT_CARDS=6\nOTHER=1\n", "utf-8")
    assert (load_settings().hits, load_settings().cards) == (5, 6)
    monkeypatch.setenv("BIOTHINGS_ASSISTANT_HITS", "7")
    assert load_settings().hits == 7
    assert load_settings(hits=8, cards=None).hits == 8


@pytest.mark.parametrize("place", ["environment", "file"])
def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    if place == "environment":
        monkeypatch.setenv("BIOTHINGS_ASSISTANT_BAKEND", "live")
    else:
        (tmp_path / ".env").write_text("export BIOTHINGS_ASSISTANT_BAKEND=live\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "BIOTHINGS_ASSISTANT_BAKEND" in caught.value.message
    assert "BIOTHINGS_ASSISTANT_BACKEND" in caught.value.hint


def test_an_unknown_argument_is_refused() -> None:
    for make in (Settings, load_settings):
        with pytest.raises(SettingsError, match="bakend") as caught:
            make(bakend="offline")
        assert "backend" in caught.value.hint
    assert Settings(_env_file=None, backend="offline").backend == "offline"  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "value"),
    [("BACKEND", "nowhere"), ("BACKEND", "http://"), ("BACKEND", "http://host:port"),
     ("HITS", "0"), ("HITS", "many"), ("MODEL", "x"), ("TIMEOUT", "-1")],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=name.lower()):
        load_settings()


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{PREFIX}HITS=\n", "utf-8")
    for name in ("HOME", "BACKEND", "THREADS", "OPENAI_API_KEY", "CACHE"):
        monkeypatch.setenv(PREFIX + name, "")
    settings = load_settings()
    assert not settings.model_fields_set
    assert settings.home.is_absolute() and settings.openai_api_key is None
    assert load_settings(openai_api_key="").openai_api_key is None


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"BIOTHINGS_ASSISTANT_HITS=5 # \xe9\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        load_settings()


def test_the_example_names_every_setting_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    shown = dict(line.removeprefix("#").partition("=")[::2] for line in lines if line.startswith(f"#{PREFIX}"))
    assert set(shown) == {PREFIX + name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=False)
        if name != "home":
            written = "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
            assert shown[PREFIX + name.upper()] == written, name
        assert field.description, name


def test_an_adapter_that_was_named_is_never_passed_over(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, adapter_path=tmp_path / "typo")
    assert settings.adapter == tmp_path / "typo"
    with pytest.raises(DataError, match="is no adapter"):
        open_model(settings)
    # Our own belongs to the packaged base.
    assert load_settings(model_path=tmp_path / "other.gguf").adapter is None


def test_a_tilde_is_the_user_s_folder() -> None:
    assert load_settings(home="~/x").home == Path.home() / "x"


def test_a_key_is_not_printed() -> None:
    assert "secret" not in repr(load_settings(openai_api_key="secret"))
