"""How an answer is written: JSON, YAML, MessagePack or a page to look at, and JSON for a callback."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

FORMATS = ("json", "yaml", "msgpack", "html")
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*")
_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>BioThings, offline</title></head>
<body><h1>BioThings, offline</h1><p>The same as <a href="{link}">JSON</a>:</p><pre>{text}</pre></body></html>
"""


def encode(body: Any, kind: str, callback: str | None = None, link: str = "") -> tuple[str, bytes]:
    """Return content type and bytes of `body`.

    Args:
        body: what JSON can hold.
        kind: one of FORMATS.
        callback: for JSON, the name of a JavaScript function to call with it; ignored when it is no name.
        link: for a page, the address of the same answer as JSON.
    """
    if kind == "yaml":
        import yaml

        return "text/x-yaml; charset=UTF-8", yaml.safe_dump(body, allow_unicode=True, sort_keys=False).encode()
    if kind == "msgpack":
        import msgpack

        return "application/x-msgpack", bytes(msgpack.packb(body, use_bin_type=True, default=_nearest_double))
    if kind == "html":
        text = html.escape(json.dumps(body, indent=2, ensure_ascii=False))
        return "text/html; charset=utf-8", _PAGE.format(link=html.escape(link, quote=True), text=text).encode()
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if callback and _CALLBACK.fullmatch(callback):
        return "application/javascript; charset=UTF-8", f"{callback}({text})".encode()
    return "application/json; charset=UTF-8", text.encode()


def _nearest_double(number: int) -> float:
    """Return what stands for an integer of more than 64 bits, which MessagePack does not know."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
