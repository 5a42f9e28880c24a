"""The offline service behind a port: `biothings-assistant offline serve`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tools.errors import SettingsError
from tools.offline.service import Service
from tools.offline.store import Store

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"
PORT = 8765
_MAX_BODY_BYTES = 16 * 2**20
_STOP_SECONDS = 3


def build_app(store: Store) -> Starlette:
    """Return the service as an ASGI application.

    Each request is answered in a thread, so that one that builds an index does not keep the others waiting.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    service = Service(store)

    async def answer(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MAX_BODY_BYTES:
                return Response('{"code":413,"success":false,"error":"Request Entity Too Large"}', 413)
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        reply = await run_in_threadpool(
            service.handle,
            request.method,
            raw_path.decode("ascii", "replace"),
            parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True),
            bytes(body),
            request.headers.get("content-type", ""),
        )
        return Response(reply.body, reply.status, dict(reply.headers))

    methods = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


def serve(store: Store, host: str = HOST, port: int = PORT, ready: Callable[[str], None] | None = None) -> None:
    """Serve until interrupted (Ctrl-C or SIGTERM); requests under way are given a few seconds to end.

    Args:
        store: the indexes; each is built when it is first asked for.
        host: the address to listen at.
        port: the port; 0 takes a free one.
        ready: told the service's address once it listens.

    Raises:
        SettingsError: the address or port cannot be had.
    """
    import uvicorn

    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    config = uvicorn.Config(
        build_app(store), log_level="warning", access_log=False, timeout_graceful_shutdown=_STOP_SECONDS, lifespan="off"
    )
    server = uvicorn.Server(config)
    if ready is not None:
        # Connections made from now on wait in the socket's queue until the server takes them.
        ready(f"http://{f'[{host}]' if ':' in host else host}:{bound}")
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has stopped in good order and passes the signal on
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingsError(
            f"{host}:{port} cannot be listened at: {error}.", "Choose another with `--port`; 0 takes a free one."
        ) from error
    return listener
