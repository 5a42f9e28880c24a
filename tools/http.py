"""The HTTP transport below `biothings-client`: which hosts, how long, how much, how often again.

`biothings-client` sets no time limit and never tries again, so all of that is here, in a stack of httpx transports:

    CallTransport     one call: its deadline, the last answer's headers, errors as `tools.errors`
      CachingTransport    answers of live services, kept on disk (`tools.http_cache`)
        GuardedTransport    only configured hosts; the whole answer within its size; again after a passing fault
          httpx.HTTPTransport
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import random
import socket
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import tenacity

from tools.errors import (
    BadAnswer,
    BadRequest,
    DNSError,
    NetworkError,
    NotFound,
    RateLimited,
    ServerError,
    ServiceError,
    ServiceTimeout,
    TooLarge,
    TruncatedAnswer,
)

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MAX_ANSWER_BYTES = 64 * 2**20
RETRIES = 3
MAX_WAIT_SECONDS = 30.0
# Where a service wants more, "wait a minute" would be wrong advice.
_LONG_WAIT_SECONDS = 90.0
_DEADLINE = "deadline"


@dataclass(frozen=True)
class Limits:
    """How long and how much; the defaults are what the product ships with."""

    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    max_bytes: int = MAX_ANSWER_BYTES
    retries: int = RETRIES
    first_wait_seconds: float = 0.5
    max_wait_seconds: float = MAX_WAIT_SECONDS

    @property
    def call_seconds(self) -> float:
        """How long an answer that keeps coming may take until it has ended."""
        return 3 * self.read_seconds


class Throttled(RateLimited):
    """A `RateLimited` that knows how many seconds the service asked to wait."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        hint = None
        if retry_after is not None and retry_after > _LONG_WAIT_SECONDS:
            message += f" It wants {retry_after / 60:,.0f} minutes to pass."
            hint = "Ask again after that time, or use `--backend offline`."
        super().__init__(message, hint)
        self.retry_after = retry_after


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to `origins` only, reads the whole answer, and tries again after a passing fault.

    What it returns is a complete answer that looks like JSON with status 200 or 404, or a redirect; all else is raised.

    Args:
        origins: addresses of the configured services; scheme, host and port must agree.
        limits: time, size and retries.
        inner: the transport that does the sending; by default a pooled one that honours the proxy settings.
        sleep: waits between two attempts; replaced in tests.
    """

    def __init__(
        self,
        origins: Iterable[str],
        limits: Limits | None = None,
        inner: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self._origins = {_origin(httpx.URL(address)) for address in origins}
        # A service may send its visitors from http to https.
        self._origins |= {
            ("https", host, 443) for scheme, host, port in self._origins if (scheme, port) == ("http", 80)
        }
        self._inner = inner or direct_transport(next(iter(self._origins), ("https", "", 443)))
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; see the class."""
        if _origin(request.url) not in self._origins:
            raise BadAnswer(
                f"A request to {request.url.host} was stopped: it is not a configured service.",
                "The service redirected elsewhere, or its address is wrong; check the backend setting.",
            )
        deadline: float | None = request.extensions.get(_DEADLINE)
        retrying = tenacity.Retrying(
            # Where no time would be left after the wait, or the service asks for a longer one than anybody sits
            # through, the fault is told at once.
            stop=lambda state: (
                state.attempt_number > self.limits.retries
                or state.upcoming_sleep >= _time_left(deadline)
                or state.upcoming_sleep > self.limits.max_wait_seconds
            ),
            wait=self._wait,
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, ServiceError) and error.retryable),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._attempt, request, deadline)

    def close(self) -> None:
        """Close the pool of connections."""
        self._inner.close()

    def _attempt(self, request: httpx.Request, deadline: float | None) -> httpx.Response:
        left = _time_left(deadline)
        if left <= 0:
            raise ServiceTimeout(f"{request.url.host} did not answer in time.")
        # An answer that comes drop by drop is never late with a single drop.
        left = min(left, self.limits.call_seconds)
        deadline = time.monotonic() + left
        request.extensions["timeout"] = {
            "connect": min(self.limits.connect_seconds, left),
            "read": min(self.limits.read_seconds, left),
            "write": min(self.limits.read_seconds, left),
            "pool": min(self.limits.connect_seconds, left),
        }
        try:
            response = self._inner.handle_request(request)
            try:
                body = self._read(response, request, deadline)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise as_service_error(error, request) from error
        headers = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        whole = httpx.Response(response.status_code, headers=headers, content=body, request=request)
        check_answer(whole)
        return whole

    def _read(self, response: httpx.Response, request: httpx.Request, deadline: float | None) -> bytes:
        response.request = request
        size, parts = 0, []
        for part in response.iter_bytes():
            size += len(part)
            if size > self.limits.max_bytes:
                raise TooLarge(f"The answer of {request.url.host} is larger than {self.limits.max_bytes / 2**20:g} MB.")
            if _time_left(deadline) <= 0:
                raise ServiceTimeout(f"{request.url.host} was too slow: the answer had not ended in time.")
            parts.append(part)
        return b"".join(parts)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: what the service asks for, else exponential with jitter."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Throttled) and error.retry_after is not None:
            return error.retry_after
        grown = self.limits.first_wait_seconds * 2.0 ** (state.attempt_number - 1)
        return min(grown * random.uniform(0.5, 1.5), self.limits.max_wait_seconds)


class CallTransport(httpx.BaseTransport):
    """The transport of one call: carries its deadline, and keeps the headers of the last answer.

    It never closes what lies below, so that connections outlive the short-lived client of one call.
    """

    def __init__(self, inner: httpx.BaseTransport, seconds: float | None = None) -> None:
        self._inner = inner
        self._seconds = seconds
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.headers = httpx.Headers()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` with the call's deadline."""
        request.extensions[_DEADLINE] = self.deadline
        response = self._inner.handle_request(request)
        self.headers = response.headers
        return response

    def renew(self) -> None:
        """Give the next request the full time again, as when a listing goes on over many pages."""
        if self._seconds is not None:
            self.deadline = time.monotonic() + self._seconds


def direct_transport(origin: tuple[str, str, int]) -> httpx.HTTPTransport:
    """Return a pooled transport for `origin` that goes through the user's proxy, where there is one for it."""
    scheme, host, _ = origin
    proxy = None
    if not _is_loopback(host) and not urllib.request.proxy_bypass(host):
        proxy = urllib.request.getproxies().get(scheme) or urllib.request.getproxies().get("all")
    return httpx.HTTPTransport(proxy=proxy)


def as_service_error(error: httpx.HTTPError, request: httpx.Request) -> ServiceError:
    """Say what a failure of the transport was."""
    host = request.url.host
    if isinstance(error, httpx.ConnectTimeout):
        return ServiceTimeout(f"No connection to {host} could be made in time.")
    if isinstance(error, httpx.TimeoutException):
        return ServiceTimeout(f"{host} did not answer in time.")
    if isinstance(error, httpx.RemoteProtocolError) and "without sending complete" in str(error):
        return TruncatedAnswer(f"The answer of {host} ended half way.")
    if isinstance(error, httpx.TooManyRedirects):
        return BadAnswer(f"{host} redirects for ever.")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return DNSError(f"The name {host} cannot be looked up: {cause.strerror or cause}.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.DecodingError):
        return BadAnswer(f"The answer of {host} cannot be unpacked: {error}.")
    return NetworkError(f"No connection to {host}: {str(error) or type(error).__name__}.")


def check_answer(response: httpx.Response) -> None:
    """Raise what is wrong with a complete answer.

    A 2xx answer that looks like JSON passes, so do a redirect and a service's own 404 for an identifier.
    """
    status, host = response.status_code, response.request.url.host
    if 300 <= status < 400 and "location" in response.headers:
        return
    if 200 <= status < 300:
        kind = response.headers.get("content-type", "")
        text = response.content.strip()
        if text[:1] not in (b"{", b"["):
            raise BadAnswer(f"The answer of {host} is not JSON but {kind or 'of no stated kind'}: {_start(text)!r}.")
        if text[-1:] not in (b"}", b"]"):
            raise TruncatedAnswer(f"The answer of {host} ended half way.")
        return
    message = service_message(response)
    if status == 404:
        if message:
            return
        raise NotFound(
            f"{host} has nothing at {response.request.url.path}.", "Check that the address is a BioThings service."
        )
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        raise Throttled(f"{host} asks for fewer requests ({status}).", _retry_after(response))
    if status >= 500:
        raise ServerError(f"{host} failed ({status})" + (f": {message}" if message else "."))
    raise BadRequest(message or f"{host} refused the request ({status}).")


def service_message(response: httpx.Response) -> str:
    """What the service itself says about a refusal, in one line; empty if it says nothing."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = str(body.get("error") or "")
    causes = [str(body[key]) for key in sorted(body) if key.startswith("root_cause_line_")]
    if causes:
        return " ".join(causes)
    if body.get("details"):
        return str(body["details"])
    if "keyword" in body or "missing" in body:
        return _parameter_message(body)
    return error


def _parameter_message(body: dict[str, Any]) -> str:
    name = {"_source": "fields", "aggs": "facets"}.get(str(body.get("keyword")), body.get("keyword"))
    if "missing" in body:
        return f"The parameter {body['missing']} is missing."
    if "max" in body:
        return f"{name}: {body.get('num', body.get('size'))} is more than the {body['max']} allowed."
    if "allowed" in body:
        return f"{name}: allowed are {', '.join(map(str, body['allowed']))}."
    return f"{name}: {body.get('reason', 'not allowed')}"


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _time_left(deadline: float | None) -> float:
    return float("inf") if deadline is None else deadline - time.monotonic()


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _start(text: bytes) -> str:
    return text[:60].decode("utf-8", "replace")
