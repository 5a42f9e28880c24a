import json
import tomllib

import pytest

pytest.importorskip("chainlit")

from ui.root import write_root


def test_the_root_holds_our_own_page_and_words(tmp_path):
    root = write_root(tmp_path, 8123)
    page = (root / "page" / "index.html").read_text()
    assert "googleapis" not in page and "jsdelivr" not in page and "/assets/index-" in page
    assert any((root / "page" / "assets").glob("index-*.js"))
    config = tomllib.loads((root / ".chainlit" / "config.toml").read_text())
    assert config["UI"]["name"] == "BioThings Assistant"
    assert not config["features"]["mcp"]["enabled"] and not config["features"]["unsafe_allow_html"]
    assert not config["features"]["auto_tag_thread"]
    assert config["features"]["spontaneous_file_upload"]["max_size_mb"] == 1
    words = json.loads((root / ".chainlit" / "translations" / "en-US.json").read_text())
    assert "LLMs" not in json.dumps(words["chat"]["watermark"])
    assert json.loads((root / "public" / "theme.json").read_text())["custom_fonts"] == []


def test_it_is_written_again_without_harm(tmp_path):
    assert write_root(tmp_path, 1) == write_root(tmp_path, 1)


def test_two_servers_of_one_home_leave_each_other_alone(tmp_path):
    one, other = write_root(tmp_path, 1), write_root(tmp_path, 2)
    assert one != other and "localhost:1" in (one / ".chainlit" / "config.toml").read_text()
