"""Where requests go: the live services, the offline service in this process, or a BioThings server of one's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools import apis
from tools.errors import AssistantError, QueryError, ServiceError, SettingsError

if TYPE_CHECKING:
    import httpx

    from tools.http import Limits
    from tools.offline.store import Store

OFFLINE_URL = "http://offline.invalid"
_PROBE_PATH = "/gene/1017?fields=symbol"
#: How long it holds that the live services can, or cannot, be reached.
_PROBE_LASTS = 60.0


@dataclass
class Backend:
    """A place that answers requests.

    `name`: `live`, `offline` or the address of a server. `base_urls`: API -> address that endpoint paths are added to.
    `transport`: what requests are sent through, shared by all calls. `notice`: one sentence for the user where the
    place was chosen for them, else empty. `patience`: seconds that a call, retries included, may need here at least,
    by the limit for a single answer.
    """

    name: str
    base_urls: Mapping[str, str]
    transport: httpx.BaseTransport
    notice: str = ""
    patience: float = 0.0
    find_base_url: Callable[[str], str] | None = field(default=None, repr=False)

    def base_url(self, api: str) -> str:
        """Return the address of `api` here.

        Raises:
            QueryError: this place does not have that API.
            ServiceError: the place had to be asked and did not answer.
        """
        if api in self.base_urls:
            return self.base_urls[api]
        if self.find_base_url is not None:
            return self.find_base_url(api)
        raise QueryError(
            f"{api} has no live service.", "Use `--backend offline`, or the address of a server that has it."
        )

    def close(self) -> None:
        """Close connections and files."""
        self.transport.close()


def resolve_backend(
    name: str,
    home: Path,
    probe_seconds: float = 2.0,
    *,
    limits: Limits | None = None,
    live_urls: Mapping[str, str] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    cache: bool = True,
    store: Store | None = None,
) -> Backend:
    """Return the backend called `name`.

    Args:
        name: `live`, `offline`, `auto` (live if it answers one probe, else offline) or the address of a BioThings
            server: of `offline serve`, which has all APIs (`http://host:port`); of a server with one API, up to its
            version (`http://host:port/v1`); or with `{api}` in place of the API's name.
        home: the folder that holds the offline indexes and the cache.
        probe_seconds: how long `auto` waits for the live service; asked once a minute at most.
        limits: time and size limits, by default those of `tools.http`.
        live_urls: addresses of the live services, by default the known ones.
        progress: told about the building of offline indexes: what, done, total.
        cache: whether answers of the live services are kept for a day.
        store: the offline indexes, where they are open already.

    Raises:
        SettingsError: the name is none of these.
    """
    if name == "offline":
        return _offline(home, progress, store)
    if name == "live":
        return _live(home, limits, live_urls, cache)
    if name == "auto":
        notice = probe_live(probe_seconds, live_urls)
        if not notice:
            return _live(home, limits, live_urls, cache)
        offline = _offline(home, progress, store)
        offline.notice = notice
        return offline
    if name.startswith(("http://", "https://")):
        return _server(name.rstrip("/"), limits)
    raise SettingsError(
        f"There is no backend called {name!r}.", "Use live, offline, auto, or the address of a BioThings server."
    )


def probe_live(seconds: float = 2.0, live_urls: Mapping[str, str] | None = None) -> str:
    """Return one sentence for the user that says why the live services are not used; empty where they answer."""
    root = live_urls["mygene"] if live_urls else apis.get_api("mygene").root
    fault = _probe(root + _PROBE_PATH, seconds)
    return f"The live service cannot be reached ({fault.rstrip('.')}); the offline snapshot is used." if fault else ""


def forget_probes() -> None:
    """Have the live services probed anew, since one of them did not answer."""
    with _probe_lock:
        _probes.clear()


def _offline(
    home: Path, progress: Callable[[str, int, int | None], None] | None, store: Store | None = None
) -> Backend:
    from tools.offline.store import Store
    from tools.offline.transport import OfflineTransport

    def base_url(api: str) -> str:
        return f"{OFFLINE_URL}/{api}/{apis.get_api(api).version}"

    transport = OfflineTransport(store or Store(home, progress=progress))
    return Backend("offline", {}, transport, find_base_url=base_url)


def _live(home: Path, limits: Limits | None, live_urls: Mapping[str, str] | None, cache: bool) -> Backend:
    from tools.http import GuardedTransport
    from tools.http_cache import CachingTransport

    urls = dict(live_urls) if live_urls else {api: apis.get_api(api).root for api in apis.API_NAMES}
    guarded = GuardedTransport(urls.values(), limits)
    transport = CachingTransport(home / "cache" / "http.sqlite", guarded) if cache else guarded
    return Backend("live", urls, transport, patience=guarded.limits.call_seconds)


def _server(address: str, limits: Limits | None) -> Backend:
    import httpx

    from tools.http import GuardedTransport

    try:
        transport = GuardedTransport([address.replace("{api}", api) for api in apis.api_names()], limits)
    except httpx.InvalidURL as error:
        raise SettingsError(f"{address} is not an address: {error}.", "For example http://127.0.0.1:8765") from None
    found: dict[str, str] = {}
    last = address.rsplit("/", 1)[-1]
    versioned = last[:1] == "v" and last[1:].isdigit()

    def base_url(api: str) -> str:
        if "{api}" in address:
            return address.replace("{api}", api)
        if api not in found:
            if versioned:
                _refuse_other(address, api, transport)
            found[api] = address if versioned else _choose(address, api, transport)
        return found[api]

    return Backend(address, {}, transport, patience=transport.limits.call_seconds, find_base_url=base_url)


def _refuse_other(address: str, api: str, transport: httpx.BaseTransport) -> None:
    """Refuse an address up to its version that is that of another API, which would answer other questions.

    Raises:
        QueryError: the server says that it is another's.
    """
    import httpx

    from tools.http import CallTransport

    version = address.rsplit("/", 1)[-1]
    if [name for name in apis.api_names() if apis.get_api(name).version == version] == [api]:
        return  # No other has that version.
    try:
        response = CallTransport(transport, 30.0).handle_request(httpx.Request("GET", f"{address}/metadata"))
        described = response.json()
    except (ServiceError, ValueError) as error:
        if isinstance(error, ServiceError) and error.retryable:
            raise
        return  # What is wrong with the address, the request itself will find.
    kind = described.get("biothing_type") if isinstance(described, dict) else None
    owners = [name for name in apis.api_names() if kind in apis.get_api(name).entity_names]
    if owners and api not in owners:
        raise QueryError(
            f"The server at {address} is one of {owners[0]}, not of {api}.",
            f"Ask it with `--api {owners[0]}`, or give an address with `{{api}}` in the place of the API's name.",
        )


def _choose(address: str, api: str, transport: httpx.BaseTransport) -> str:
    """Find out whether the server at `address` keeps `api` below its name or is a server of that API alone."""
    import httpx

    from tools.http import CallTransport

    version = apis.get_api(api).version
    fault: AssistantError | None = None
    for base in (f"{address}/{api}/{version}", f"{address}/{version}"):
        try:
            response = CallTransport(transport, 30.0).handle_request(httpx.Request("GET", f"{base}/metadata"))
            if response.status_code == 200:
                return base
        except ServiceError as error:
            if error.retryable:
                raise
            fault = error
    raise QueryError(
        f"The server at {address} has no API called {api}.",
        fault.hint if fault and fault.hint else "Check the address; `{api}` in it stands for the API's name.",
    )


#: Of each address that was probed: when, and what went wrong.
_probes: dict[str, tuple[float, str | None]] = {}
_probe_lock = threading.Lock()


def _probe(url: str, seconds: float) -> str | None:
    """Ask `url`, unless it was asked a moment ago; return what went wrong, or None."""
    with _probe_lock:
        known = _probes.get(url)
        if known is None or time.monotonic() - known[0] > _PROBE_LASTS:
            fault = _ask(url, seconds)
            known = _probes[url] = (time.monotonic(), fault)
        return known[1]


def _ask(url: str, seconds: float) -> str | None:
    from tools.http import CallTransport, GuardedTransport, Limits

    outcome: list[str | None] = []

    def ask() -> None:
        import httpx

        transport = GuardedTransport([url], Limits(connect_seconds=seconds, read_seconds=seconds, retries=0))
        try:
            CallTransport(transport, seconds).handle_request(httpx.Request("GET", url))
            outcome.append(None)
        except ServiceError as error:
            outcome.append(error.message)
        finally:
            transport.close()

    # Looking up a name cannot be given a time limit, so the probe runs aside and is left behind when it is late.
    worker = threading.Thread(target=ask, daemon=True, name="probe")
    worker.start()
    worker.join(seconds)
    return outcome[0] if outcome else f"no answer within {seconds:g} seconds"
