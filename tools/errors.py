"""Every error that this product raises on purpose; each says how to mend it.

AssistantError
├── QueryError            the request is wrong: the model's or the user's fault
├── SettingsError         a setting is unknown or out of range
├── DataError             packaged or local data is missing or damaged
├── ModelError            the model cannot be loaded, or did not answer
└── ServiceError          a BioThings service did not give a usable answer
    ├── NetworkError      no connection
    │   └── DNSError      the host's name cannot be looked up
    ├── ServiceTimeout    no answer in time
    ├── BadRequest        400, with the service's own message
    ├── NotFound          404
    ├── RateLimited       429, or 503 with Retry-After
    ├── ServerError       5xx
    ├── BadAnswer         the answer is not JSON
    ├── TruncatedAnswer   the answer ends half way
    └── TooLarge          the answer is larger than allowed
"""

from __future__ import annotations


class AssistantError(Exception):
    """Base of all; `message` says what is wrong, `hint` how to mend it, `retryable` whether again may help."""

    retryable = False
    default_hint = ""

    def __init__(self, message: str, hint: str | None = None, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        if retryable is not None:
            self.retryable = retryable


class QueryError(AssistantError):
    """A request that cannot be sent: unknown API or field, malformed query string, parameter out of range."""


class SettingsError(AssistantError):
    """A setting that is not known or not allowed."""

    default_hint = "See `biothings-assistant doctor` and .env.example for the settings and their values."


class DataError(AssistantError):
    """Packaged or local data that is missing or damaged."""


class ModelError(AssistantError):
    """A model that cannot be loaded or does not answer."""

    default_hint = "Run `biothings-assistant doctor` to see which model is used and what is missing."


class ServiceError(AssistantError):
    """A service that gave no usable answer."""

    default_hint = "Try again later, or use `--backend offline`."


class NetworkError(ServiceError):
    """No connection could be made, or it broke."""

    default_hint = "Check the network connection, or use `--backend offline`."
    retryable = True


class DNSError(NetworkError):
    """The host's name cannot be looked up."""


class ServiceTimeout(ServiceError):
    """No answer in time."""

    default_hint = "Ask for less (fewer fields, a smaller size), raise the time limit, or use `--backend offline`."
    retryable = True


class BadRequest(ServiceError):
    """The service refused the request (400); `message` is the service's own."""

    default_hint = "Mend the request as the message says; `biothings-assistant fields` finds field names."


class NotFound(ServiceError):
    """The service does not know this identifier (404)."""

    default_hint = "Check the identifier, or search for it with a query instead."


class RateLimited(ServiceError):
    """The service asks for fewer requests (429)."""

    default_hint = "Wait a minute and ask again, or use `--backend offline`."
    retryable = True


class ServerError(ServiceError):
    """The service failed (5xx)."""

    retryable = True


class BadAnswer(ServiceError):
    """The answer is not JSON: often a proxy's or a sign-in page."""

    default_hint = "Check that the address is a BioThings service and that no proxy answers in its place."


class TruncatedAnswer(ServiceError):
    """The answer ended half way."""

    retryable = True


class TooLarge(ServiceError):
    """The answer is larger than allowed."""

    default_hint = "Ask for fewer fields with `fields=`, or for fewer hits with `size=`."
