"""Where chats are kept: Chainlit's SQLAlchemy data layer, made to work with SQLite and made lean.

What is mended here (Chainlit 2.12.0, `data/sql_alchemy.py`): lists and objects are bound as such, which SQLite
refuses (#2528, #2750), and come back as JSON text; a step may hold keys that the table has no column for (#1068); the
list of chats reads every step and element of every chat; elements whose content is in their `props` need no file.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any

from chainlit.context import context
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.data.storage_clients.base import BaseStorageClient
from chainlit.data.utils import queue_until_user_message
from chainlit.types import PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from sqlalchemy import event, text

log = logging.getLogger(__name__)
#: How long a loss is reported as such.
_FAULT_SECONDS = 3600.0
_JSON_COLUMNS = frozenset({"metadata", "tags", "generation", "props", "playerConfig", "modes"})
_STEP_COLUMNS = (
    "id", "name", "type", "threadId", "parentId", "streaming", "waitForAnswer", "isError", "metadata", "tags", "input",
    "output", "createdAt", "command", "start", "end", "generation", "showInput", "language", "indent", "defaultOpen",
    "autoCollapse", "modes",
)  # fmt: skip
_BOOLEANS = frozenset({"streaming", "waitForAnswer", "isError", "defaultOpen", "autoCollapse"})
_ELEMENT_COLUMNS = (
    "id", "threadId", "type", "url", "chainlitKey", "name", "display", "objectKey", "size", "page", "language", "forId",
    "mime", "props", "autoPlay", "playerConfig",
)  # fmt: skip


def _table(name: str, columns: tuple[str, ...], key: str = "id") -> str:
    kinds = {
        column: "BOOLEAN" if column in _BOOLEANS else "INTEGER" if column in ("page", "value", "indent") else "TEXT"
        for column in columns
    }
    rows = ", ".join(f'"{column}" {kind}' + (" PRIMARY KEY" if column == key else "") for column, kind in kinds.items())
    return f"CREATE TABLE IF NOT EXISTS {name} ({rows})"


#: The same for SQLite and Postgres: lists and objects are JSON in text columns.
SCHEMA = (
    _table("users", ("id", "identifier", "metadata", "createdAt")),
    _table("threads", ("id", "createdAt", "name", "userId", "userIdentifier", "tags", "metadata")),
    _table("steps", _STEP_COLUMNS),
    _table("elements", _ELEMENT_COLUMNS),
    _table("feedbacks", ("id", "forId", "threadId", "value", "comment")),
    'CREATE UNIQUE INDEX IF NOT EXISTS users_identifier ON users ("identifier")',
    'CREATE INDEX IF NOT EXISTS steps_thread ON steps ("threadId")',
    'CREATE INDEX IF NOT EXISTS elements_thread ON elements ("threadId")',
    'CREATE INDEX IF NOT EXISTS threads_user ON threads ("userId")',
)


class Files(BaseStorageClient):  # type: ignore[misc]
    """Keeps the content of charts and uploaded lists as files below one folder; `/kept/KEY` serves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Return the file of a key; keys are made of identifiers, so nothing in them leads out of the folder."""
        return self.folder / "".join(
            character if character.isalnum() or character in "-_" else "_" for character in key
        )

    async def upload_file(
        self,
        object_key: str,
        data: bytes | str,
        mime: str = "",
        overwrite: bool = True,
        content_disposition: str | None = None,
    ) -> dict[str, Any]:
        """Write a file."""
        content = data.encode() if isinstance(data, str) else data
        path = self.path(object_key)
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(path.write_bytes, content)
        return {"object_key": object_key, "url": await self.get_read_url(object_key)}

    async def delete_file(self, object_key: str) -> bool:
        """Remove a file."""
        await asyncio.to_thread(self.path(object_key).unlink, missing_ok=True)
        return True

    async def get_read_url(self, object_key: str) -> str:
        """Return where the page finds a file."""
        return f"/kept/{self.path(object_key).name}"

    async def close(self) -> None:
        """Close nothing."""


class DataLayer(SQLAlchemyDataLayer):  # type: ignore[misc]
    """Chats in SQLite, or in any database that SQLAlchemy reaches asynchronously."""

    def __init__(self, address: str, files: Files, forget: Any = None) -> None:
        """Connect to `address`; `forget` is called with the id of each chat that is deleted."""
        super().__init__(conninfo=address, storage_provider=files)
        self._forget, self._ready, self._making, self._writing = forget, False, asyncio.Lock(), asyncio.Lock()
        self._failed: float | None = None
        self._sqlite = address.startswith("sqlite")
        if self._sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    async def execute_sql(self, query: str, parameters: dict[str, Any]) -> Any:
        """Run one statement and return its rows, or how many it changed; None, and it is logged, where it fails.

        Lists and objects go in as JSON and come out as such.
        """
        bound = {
            name: json.dumps(value) if isinstance(value, (list, dict)) else value for name, value in parameters.items()
        }
        try:
            await self._make_tables()
            async with self.engine.begin() as connection:
                result = await connection.execute(text(query), bound)
                return [_decode(dict(row)) for row in result.mappings()] if result.returns_rows else result.rowcount
        except Exception:
            # What Chainlit does with a chat goes on without its store; that something is lost must not go unseen.
            self._failed = time.monotonic()
            log.exception("The store of chats failed: %s", " ".join(query.split())[:200])
            return None

    async def _make_tables(self) -> None:
        if not self._ready:
            async with self._making:
                if not self._ready:
                    async with self.engine.begin() as connection:
                        for statement in SCHEMA:
                            await connection.exec_driver_sql(statement)
                    self._ready = True

    @property
    def fault(self) -> str | None:
        """What whoever runs the chat should know of its store; anybody may read it, so the details are in the log."""
        if self._failed is None or time.monotonic() - self._failed > _FAULT_SECONDS:
            return None
        return "In the last hour, the store of chats failed; something of a chat may be lost. The log says more."

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse:
        """Return one page of a user's chats, the last used first, without their content."""
        conditions, values = (
            ['t."userId" = :user'],
            {"user": filters.userId, "limit": pagination.first + 1, "offset": 0},
        )
        if filters.search:
            conditions.append(
                '(lower(t."name") LIKE :search OR EXISTS (SELECT 1 FROM steps s WHERE s."threadId" = t."id" '
                "AND lower(replace(s.\"output\", :mark, '')) LIKE :search))"
            )
            # Answers are kept as Markdown, with a backslash before each mark.
            mark = "\\"
            values |= {"mark": mark, "search": f"%{filters.search.lower().replace(mark, '')}%"}
        if filters.feedback is not None:
            conditions.append(
                'EXISTS (SELECT 1 FROM feedbacks f JOIN steps s ON s."id" = f."forId" WHERE s."threadId" = t."id" '
                'AND f."value" = :feedback)'
            )
            values["feedback"] = int(filters.feedback)
        # The cursor is the number of chats shown so far, behind the id that the page wants to see there.
        shown = int(pagination.cursor.rpartition("#")[2]) if pagination.cursor and "#" in pagination.cursor else 0
        values["offset"] = shown
        rows = await self.execute_sql(
            f"""SELECT t."id", t."name", t."createdAt", t."userId", t."userIdentifier", t."metadata", t."tags",
                COALESCE((SELECT MAX(s."createdAt") FROM steps s WHERE s."threadId" = t."id"), t."createdAt") AS used
                FROM threads t WHERE {" AND ".join(conditions)}
                ORDER BY used DESC, t."id" LIMIT :limit OFFSET :offset""",
            values,
        )
        found = rows if isinstance(rows, list) else []
        page = found[: pagination.first]
        threads = [
            ThreadDict(**{**_without(row, "used"), "createdAt": row["used"], "steps": [], "elements": []})
            for row in page
        ]
        cursor = f"{page[-1]['id']}#{shown + len(page)}" if page else None
        return PaginatedResponse(
            pageInfo=PageInfo(hasNextPage=len(found) > len(page), startCursor=None, endCursor=cursor), data=threads
        )

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """Return one chat with all that is in it."""
        thread = await super().get_thread(thread_id)
        for step in (thread or {}).get("steps", []):
            step["metadata"] = step.get("metadata") or {}
            step["showInput"] = step.get("showInput") or False
        return thread

    @queue_until_user_message()
    async def create_step(self, step_dict: Any) -> None:
        """Keep a step: those of its keys that the table has.

        Chainlit begins a write for each state of a step and awaits none; one after the other, the last state stays.
        """
        row = {key: value for key, value in step_dict.items() if key in _STEP_COLUMNS}
        async with self._writing:
            await super().create_step(row)

    @queue_until_user_message()
    async def create_element(self, element: Any) -> None:
        """Keep an element; what the page draws from its `props` needs no file."""
        if element.type != "custom":
            # Its file is named after the chat's owner, whom Chainlit may write down only after the first message.
            owner = getattr(context.session.user, "id", None)
            if owner is not None and await self._get_user_id_by_thread(element.thread_id) is None:
                await self.update_thread(element.thread_id, user_id=owner)
            await super().create_element(element)
            return
        if not element.for_id:
            return
        row = {key: value for key, value in element.to_dict().items() if value is not None and key in _ELEMENT_COLUMNS}
        row.pop("chainlitKey", None)
        names = ", ".join(f'"{name}"' for name in row)
        changes = ", ".join(f'"{name}" = :{name}' for name in row if name != "id")
        # An answer is written again when its choices are known, and the later state stays.
        async with self._writing:
            await self.execute_sql(
                f"INSERT INTO elements ({names}) VALUES ({', '.join(f':{name}' for name in row)}) "
                f"ON CONFLICT (id) DO UPDATE SET {changes}",
                row,
            )

    async def get_element(self, thread_id: str, element_id: str) -> Any:
        """Return one element."""
        rows = await self.execute_sql(
            'SELECT * FROM elements WHERE "threadId" = :thread AND "id" = :id', {"thread": thread_id, "id": element_id}
        )
        return rows[0] if isinstance(rows, list) and rows else None

    async def delete_after(self, thread_id: str, when: str) -> None:
        """Delete what was said in a chat after a moment."""
        await self._delete_steps('"threadId" = :thread AND "createdAt" > :when', {"thread": thread_id, "when": when})

    @queue_until_user_message()
    async def delete_step(self, step_id: str) -> None:
        """Delete a step with all that belongs to it; the base class leaves the files of its elements."""
        await self._delete_steps('"id" = :id', {"id": step_id})

    async def _delete_steps(self, which: str, values: dict[str, Any]) -> None:
        of_them = f'WHERE "forId" IN (SELECT "id" FROM steps WHERE {which})'
        kept = await self.execute_sql(f'SELECT "objectKey" FROM elements {of_them}', values)
        for row in kept or []:
            if row["objectKey"]:
                await self.storage_provider.delete_file(row["objectKey"])
        await self.execute_sql(f"DELETE FROM elements {of_them}", values)
        await self.execute_sql(f"DELETE FROM feedbacks {of_them}", values)
        await self.execute_sql(f"DELETE FROM steps WHERE {which}", values)

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a chat, and what is kept with it elsewhere."""
        await super().delete_thread(thread_id)
        if self._forget is not None:
            await asyncio.to_thread(self._forget, thread_id)


def open_data_layer(folder: Path, address: str | None, forget: Any = None) -> DataLayer:
    """Open the chats at `address`, by default in a SQLite file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return DataLayer(address or f"sqlite+aiosqlite:///{folder / 'chats.sqlite'}", Files(folder / "files"), forget)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Let several readers and a writer work at once, and wait for each other."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _decode(row: dict[str, Any]) -> dict[str, Any]:
    """Read the JSON columns of a row; queries of the base class name some of them `step_metadata` and the like."""
    for name, value in row.items():
        if isinstance(value, str) and name.rpartition("_")[2] in _JSON_COLUMNS:
            try:
                row[name] = json.loads(value)
            except ValueError:
                row[name] = None
    return row


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
