"""`offline load`: documents of the user's own, as NDJSON, into the offline index of an API."""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import zstandard

from tools import apis, catalogue
from tools.errors import DataError, QueryError
from tools.offline.mapping import FieldMapping
from tools.offline.store import Store

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_RESERVED = frozenset({"status", "query", "metadata"})
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MAX_KEPT = 1000
# What answers add to a document: of hits that were saved, it would take the place of an answer's own.
_OF_A_HIT = ("_score", "_version")
_MAX_DEPTH = 100
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass
class LoadReport:
    """What a load did. `bad` names lines that were left out, with the reason; `bad_count` counts all of them."""

    loaded: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    bad_count: int = 0

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that is left out."""
        self.bad_count += 1
        if len(self.bad) < _MAX_KEPT:
            self.bad.append((line, reason))


def load(
    store: Store,
    api: str,
    file: Path,
    *,
    mapping: Path | None = None,
    replace: bool = False,
    assembly: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Add the documents of `file` to the index of `api`; a document replaces one of the same `_id`.

    Args:
        store: the indexes.
        api: one of the four, one made earlier, or with `mapping` a new name.
        file: NDJSON, one object with an `_id` a line; plain, gzip or zstd, whatever its name.
        mapping: a field listing like that of `/metadata/fields`, which makes the API anew.
        replace: the documents take the place of all that the API holds, the snapshot included.
        assembly: for variants, the genome assembly (hg19 or hg38) of their `_id`; by default they are found in either.
        progress: told how many lines have been read, now and then.

    Returns:
        How many documents were loaded, and which lines were left out and why.

    Raises:
        QueryError: the API's name, or the assembly, is not possible.
        DataError: the file or the mapping cannot be read; then the index is as it was.
    """
    if assembly is not None and (api != "myvariant" or assembly not in ("hg19", "hg38")):
        raise QueryError("An assembly is hg19 or hg38, and only variants have one.", "Leave out --assembly.")
    if mapping is None and api not in store.apis():
        apis.get_api(api)  # names the nearest
        raise QueryError(f"There is no API {api!r} yet.", "Make it with --mapping FIELDS.json.")
    if not file.is_file() and not file.is_fifo():
        raise DataError(f"There is no file {file}.", "Check its name.")
    report = LoadReport()
    documents = _documents(read_lines(file), file, report, progress)
    if mapping is None:
        report.loaded = store.add(api, documents, replace, assembly)
        return report
    rows = read_mapping(mapping)
    check_name(api)
    with store.restoring(api):
        store.create(api, rows)
        report.loaded = store.add(api, documents, replace, assembly)
    _announce(store, api, rows)
    return report


def read_mapping(file: Path) -> dict[str, dict[str, Any]]:
    """Read a field listing: `{path: {"type": …, …}}`.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    try:
        rows = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"The mapping {file} cannot be read: {error}.", "It must be a JSON file.") from error
    form = 'It must be an object of field paths: {"name": {"type": "text"}, …}, as /metadata/fields gives it.'
    if not isinstance(rows, dict) or not rows:
        raise DataError(f"The mapping {file} is not a field listing.", form)
    for path, row in rows.items():
        if not isinstance(row, dict) or not isinstance(row.get("type"), str):
            raise DataError(f"The mapping {file} gives no type for {path!r}.", form)
        if not _is_row(row):
            raise DataError(
                f"The mapping {file} gives {path!r} an analyzer, copy_to or fields of the wrong kind.",
                "An analyzer is a name, copy_to a path or a list of paths, fields an object of rows with a type each.",
            )
    FieldMapping(rows)  # refuses analysers that are not known
    return rows


def _is_row(row: dict[str, Any]) -> bool:
    """Tell whether what stands in a row, beside its type, is of the kinds that a mapping is made from."""
    analyzer, copies, inner = (row.get(key) for key in ("analyzer", "copy_to", "fields"))
    paths = copies if isinstance(copies, list) else [copies or ""]
    inner_rows = list(inner.values()) if isinstance(inner, dict) else [inner] if inner else []
    return (
        (analyzer is None or isinstance(analyzer, str))
        and all(isinstance(path, str) for path in paths)
        and all(isinstance(part, dict) and isinstance(part.get("type"), str) and _is_row(part) for part in inner_rows)
        and (isinstance(inner, dict) or not inner)
    )


def read_lines(file: Path) -> Iterator[bytes]:
    """Yield the lines of a plain, gzip or zstd file, as its first bytes say, without their ends.

    Raises:
        DataError: the file cannot be read, or its packing is damaged or cut off.
    """
    number = 0
    try:
        with file.open("rb") as raw:
            for line in _lines(_chunks(raw)):
                number += 1
                yield line
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        where = f" after line {number}" if number else ""
        raise DataError(f"{file} cannot be read{where}: {reason}.", "Check the file; nothing was loaded.") from error


def _chunks(raw: io.BufferedReader) -> Iterator[bytes]:
    start = raw.peek(4)[:4]  # looked at only: a pipe cannot be wound back
    if start.startswith(_GZIP):
        return _unpack(raw, lambda: zlib.decompressobj(wbits=31))
    if start == _ZSTD:
        return _unpack(raw, lambda: zstandard.ZstdDecompressor().decompressobj())
    return iter(lambda: raw.read(1 << 20), b"")


def _unpack(raw: IO[bytes], new: Callable[[], Any]) -> Iterator[bytes]:
    """Unpack one member or frame after the other. Libraries' own readers do not notice a zstd frame that is cut off."""
    member = new()
    while data := raw.read(1 << 16):
        while data:
            if member.eof:
                data = data.lstrip(b"\0")  # gzip files may be padded
                if not data:
                    break
                member = new()
            yield member.decompress(data)
            data = member.unused_data if member.eof else b""
    if not member.eof:
        raise EOFError("it ends half way")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    pending: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pending.append(first)
        if others:
            yield b"".join(pending)
            yield from others[:-1]
            pending = [others[-1]]
    if last := b"".join(pending):
        yield last


def check_name(api: str) -> None:
    """Raise QueryError where an API cannot have that name."""
    if not _NAME.fullmatch(api) or api in _RESERVED:
        raise QueryError(
            f"{api!r} is not possible as the name of an API.", "Small letters, digits, - and _; a letter comes first."
        )


def make_api(store: Store, api: str, rows: dict[str, dict[str, Any]]) -> None:
    """Give an API the fields `rows`: a new one, or one that is known, whose documents are indexed anew.

    Raises:
        QueryError: the name is not possible.
        DataError: a field has an unknown analyser.
    """
    check_name(api)
    store.create(api, rows)
    _announce(store, api, rows)


def _announce(store: Store, api: str, rows: dict[str, dict[str, Any]]) -> None:
    if api not in apis.API_NAMES:
        # The listing is what the rest of the product knows of the API: its fields, their texts where it has any.
        catalogue.save(rows, catalogue.override_path(store.home, api))
        apis.register(apis.made_up(api))


def _documents(
    lines: Iterator[bytes], file: Path, report: LoadReport, progress: Callable[[int], None] | None
) -> Iterator[dict[str, Any]]:
    """Yield the documents; lines that hold none go into the report."""
    found = False
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if progress is not None and number % 1000 == 0:
            progress(number)
        if not line.strip():
            continue
        try:
            document = _document(line)
        except ValueError as error:
            report.refuse(number, str(error))
            continue
        found = True
        yield document
    if report.bad_count and not found:
        line_number, reason = report.bad[0]
        raise DataError(
            f"{file} holds no document; line {line_number}: {reason}.",
            "It must be NDJSON: one JSON object with an _id a line.",
        )


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    # Cheap signs of what is rare, so that other documents need not be looked through.
    if line.count(b"{") + line.count(b"[") > _MAX_DEPTH or _HALF_CHARACTER.search(line):
        _check_values(document, 1)
    identifier = document.get("_id")
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        document["_id"] = str(identifier)
    elif not isinstance(identifier, str) or not identifier:
        raise ValueError("no _id")
    for name in _OF_A_HIT:
        document.pop(name, None)
    return document


def _check_values(value: Any, depth: int) -> None:
    """Refuse what cannot be kept or answered: half characters, objects and lists deep within each other."""
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError("half of a surrogate pair is not a character") from None
    elif isinstance(value, (dict, list)):
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_values(item, depth + 1)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")
