"""The folder that Chainlit runs in: its configuration, theme, words and page, written anew at every start.

Chainlit reads all of this from one folder, and writes into it. It is below the home folder, so that an installed
package need not be writable and a working directory is left alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

NAME = "BioThings Assistant"
_HERE = Path(__file__).resolve().parent
_CONFIG = """\
[project]
session_timeout = 3600
user_session_timeout = 1296000
cache = false
allow_origins = {origins}

[features]
unsafe_allow_html = false
latex = false
user_message_markdown = false
auto_tag_thread = false
edit_message = true
allow_thread_sharing = false
favorites = false

[features.spontaneous_file_upload]
enabled = true
max_files = 1
max_size_mb = 1

[features.spontaneous_file_upload.accept]
"text/*" = [".txt", ".csv", ".tsv"]
"application/vnd.ms-excel" = [".csv"]
"application/octet-stream" = [".txt", ".csv", ".tsv"]

[features.audio]
enabled = false

[features.mcp]
enabled = false

[UI]
name = "{name}"
description = "Ask about genes, variants, drugs and diseases; get the answer and the BioThings request behind it."
language = "en-US"
cot = "full"
default_theme = "light"
default_sidebar_state = "open"
chat_settings_location = "message_composer"
confirm_new_chat = false
alert_style = "modern"
login_page_image = "/public/sign_in.svg"
login_page_image_dark_filter = "ba-dimmed"
custom_css = "/public/style.css"
custom_js = "/public/page.js"
custom_build = "page"
custom_meta_url = "/"
custom_meta_image_url = "/public/favicon.svg"

[meta]
generated_by = "{version}"
"""
#: Words of the page that are ours; everything else is Chainlit's own English.
_WORDS: dict[str, str] = {
    "chat.input.placeholder": "Ask about genes, variants, drugs or diseases, or paste a list of identifiers",
    "chat.input.actions.stop": "Stop",
    "chat.input.actions.attachFiles": "Attach a list (CSV, TSV or text, up to 1 MB)",
    "chat.messages.status.using": "",
    "chat.messages.status.used": "",
    "chat.settings.title": "Settings of this chat",
    "chat.settings.customize": "Who answers, and how",
    "chat.watermark": "Answers come from BioThings. Open the request to see what was asked.",
    "threadHistory.sidebar.title": "Chats",
    "chat.fileUpload.dragDrop": "Drop a list here",
    "chat.messages.feedback.dialog.title": "What was right, what was wrong?",
    "threadHistory.sidebar.empty": "No chats yet",
    "threadHistory.sidebar.filters.placeholder": "Search the chats",
    "threadHistory.thread.untitled": "Chat without a name",
    "threadHistory.thread.actions.delete.title": "Delete this chat?",
    "threadHistory.thread.actions.delete.description": "Its questions and answers are deleted. This cannot be undone.",
    "threadHistory.thread.actions.rename.title": "Rename this chat",
    "threadHistory.thread.actions.rename.description": "Enter a new name for this chat",
    "threadHistory.thread.actions.rename.success": "Chat renamed",
    "threadHistory.thread.actions.rename.inProgress": "Renaming the chat",
    "navigation.newChat.dialog.title": "New chat",
    "navigation.newChat.dialog.tooltip": "New chat",
    "navigation.header.readme": "Help",
    "navigation.newChat.button": "New chat",
    "navigation.user.menu.logout": "Sign out",
    "auth.login.title": "Sign in to BioThings Assistant",
    "auth.login.form.email.label": "Name",
    "auth.login.form.email.placeholder": "name",
    "auth.login.form.email.required": "Your name is needed",
    "auth.login.form.password.required": "Your password is needed",
    "auth.login.form.actions.signin": "Sign in",
    "auth.login.errors.default": "The name or the password is not right.",
}
#: What Chainlit's page loads from elsewhere. (Fonts, and a style sheet for formulas, which are off.)
_ELSEWHERE = re.compile(r"\s*<link\b[^>]*\bhref=\"https?://[^>]*>", re.IGNORECASE)


def write_root(home: Path, port: int) -> Path:
    """Write the folder and return it; to be called before Chainlit is imported."""
    # Two chats of one home, on two ports, each have their own: Chainlit reads it again while it runs.
    root = home / "chat" / f"app-{port}"
    configuration = root / ".chainlit"
    (configuration / "translations").mkdir(parents=True, exist_ok=True)
    chainlit = _chainlit()
    origins = [f"http://localhost:{port}", f"http://127.0.0.1:{port}"]
    config = _CONFIG.format(name=NAME, version=_version(), origins=json.dumps(origins))
    _write(configuration / "config.toml", config)
    for source in (chainlit / "translations").glob("*.json"):
        target = configuration / "translations" / source.name
        if source.name == "en-US.json":
            _write(target, json.dumps(_reworded(json.loads(source.read_text("utf-8"))), indent=1, ensure_ascii=False))
        elif not target.exists():
            shutil.copyfile(source, target)
    shutil.copytree(_HERE / "public", root / "public", dirs_exist_ok=True)
    _write(root / "chainlit.md", (_HERE / "chainlit.md").read_text("utf-8"))
    _write_page(root / "page", chainlit / "frontend" / "dist")
    return root


def _write_page(page: Path, packaged: Path) -> None:
    """Write Chainlit's page without what it loads from elsewhere; its scripts are linked to, or copied."""
    page.mkdir(exist_ok=True)
    text = (packaged / "index.html").read_text("utf-8")
    _write(page / "index.html", _ELSEWHERE.sub("", text))
    assets = page / "assets"
    if assets.is_symlink():
        assets.unlink()
    elif assets.is_dir():
        shutil.rmtree(assets)
    try:
        assets.symlink_to(packaged / "assets", target_is_directory=True)
    except OSError:  # Windows lets only some users make links.
        shutil.copytree(packaged / "assets", assets, ignore=shutil.ignore_patterns("*.map"))


def _reworded(words: dict[str, Any]) -> dict[str, Any]:
    for path, text in _WORDS.items():
        *parents, last = path.split(".")
        place = words
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = text
    return words


def _write(path: Path, text: str) -> None:
    """Write a file at once, so that a second program that starts meanwhile reads the old one or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def _chainlit() -> Path:
    """Find Chainlit's folder without importing it: its import reads the configuration."""
    found = importlib.util.find_spec("chainlit")
    assert found is not None and found.submodule_search_locations
    return Path(next(iter(found.submodule_search_locations)))


def _version() -> str:
    from importlib.metadata import version

    return version("chainlit")
