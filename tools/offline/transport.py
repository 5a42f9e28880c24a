"""The offline service without a socket: an httpx transport that calls it in this process."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx

from tools.offline.service import Service
from tools.offline.store import Store


class OfflineTransport(httpx.BaseTransport):
    """Answers any request from the indexes of `store`, whatever host it names; nothing leaves the process."""

    def __init__(self, store: Store) -> None:
        self._service = Service(store)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer `request`.

        Raises:
            DataError: an index cannot be built or read.
        """
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        reply = self._service.handle(
            request.method,
            path,
            parse_qs(query, keep_blank_values=True),
            request.read(),
            request.headers.get("content-type", ""),
        )
        if reply.fault is not None:
            raise reply.fault
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)
