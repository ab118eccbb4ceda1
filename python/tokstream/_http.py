"""The small records of HTTP that errors, streams and raw responses carry.

`Headers`, `Request` and `Response` hold what was sent and received and do no I/O. Secrets never
enter them: a `Request` keeps its authorization, cookie and key headers redacted, and a URL loses
its user name, its password and any key in the query.
"""

from __future__ import annotations

from _collections_abc import Iterable, Iterator, Mapping

from ._tokstream import _is_secret as is_secret
from ._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Any, TypeAlias

    HeaderTypes: TypeAlias = (
        Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]] | None
    )

__all__ = ["Headers", "Request", "Response"]

_REDACTED = "[redacted]"
# A value that opens with none of these may be nothing but the secret itself.
_AUTH_SCHEMES = frozenset(("basic", "bearer", "digest", "key", "apikey", "negotiate", "token"))


def _redact_header(name: str, value: str) -> str:
    if not is_secret(name):
        return value
    scheme, space, _ = value.strip().partition(" ")
    if space and scheme.lower() in _AUTH_SCHEMES:
        return f"{scheme} {_REDACTED}"
    return _REDACTED


def redact_url(url: str) -> str:
    """Return `url` without user name and password and without the values of keys in its query."""
    scheme, separator, rest = url.partition("://")
    if not separator or any(mark in scheme for mark in "/?#@"):
        scheme, separator, rest = "", "", url
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    authority, tail = rest[:end], rest[end:]
    _, at, host = authority.rpartition("@")
    if at:
        authority = f"{_REDACTED}@{host}"
    path, question, query = tail.partition("?")
    if question:
        query, hash_, fragment = query.partition("#")
        query = "&".join(map(_redact_parameter, query.split("&")))
        tail = f"{path}?{query}{hash_}{fragment}"
    return f"{scheme}{separator}{authority}{tail}"


def _redact_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    if equals and is_secret(name):
        return f"{name}={_REDACTED}"
    return parameter


def without_user(url: str) -> str:
    """Return `url` without user name and password, to be used as it is."""
    return redact_url(url).replace(f"{_REDACTED}@", "", 1)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("latin-1")
    raise TypeError(f"a header's name and value are str or bytes, not {type(value).__name__}")


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class Headers(Mapping[str, str]):
    """The headers of a request or a response: a read-only mapping whose names ignore case.

    A name that occurs more than once reads as its values joined by `", "`. Iteration gives the
    names in lower case, each once, in the order in which they first occur. `repr()` hides the
    values of authorization, cookie and key headers.

    Args:
        headers: a mapping, pairs of name and value, other headers, or `None` for no headers.
            Names and values are `str` or `bytes`.

    Raises:
        TypeError: a name or a value is neither `str` nor `bytes`.
    """

    __slots__ = ("_pairs",)

    def __init__(self, headers: HeaderTypes = None) -> None:
        pairs: Any = () if headers is None else headers
        if isinstance(pairs, Headers):
            pairs = pairs._pairs
        elif hasattr(pairs, "multi_items"):
            pairs = pairs.multi_items()
        elif isinstance(pairs, Mapping):
            pairs = pairs.items()  # pyright: ignore[reportUnknownVariableType]
        self._pairs: tuple[tuple[str, str], ...] = tuple([(_text(name), _text(value)) for name, value in pairs])

    @override
    def __getitem__(self, name: str) -> str:
        values = self.get_list(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    @override
    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_list(name))

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([name.lower() for name, _ in self._pairs]))

    @override
    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._pairs})

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            if not isinstance(other, Mapping):
                return NotImplemented
            try:
                other = Headers(other)  # pyright: ignore[reportUnknownArgumentType]
            except TypeError:
                return False
        mine = sorted([(name.lower(), value) for name, value in self._pairs])
        return mine == sorted([(name.lower(), value) for name, value in other._pairs])

    __hash__ = None  # type: ignore[assignment]

    def get_list(self, name: str, split_commas: bool = False) -> list[str]:
        """Return every value of `name`, in order; an empty list if there is none.

        Args:
            name: the header's name, in any case.
            split_commas: also split each value at its commas. Default `False`.
        """
        name = name.lower()
        values = [value for key, value in self._pairs if key.lower() == name]
        if split_commas:
            values = [part.strip() for value in values for part in value.split(",")]
        return values

    def multi_items(self) -> list[tuple[str, str]]:
        """Return every name, in lower case, with its value, repeated names included, in order."""
        return [(name.lower(), value) for name, value in self._pairs]

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """Every name and value as bytes, names in the case in which they were sent or received."""
        return [(_bytes(name), _bytes(value)) for name, value in self._pairs]

    def copy(self) -> Headers:
        """Return headers equal to these."""
        return Headers(self)

    @override
    def __repr__(self) -> str:
        pairs = [(name, _redact_header(name, value)) for name, value in self.multi_items()]
        shown = dict(pairs) if len(dict(pairs)) == len(pairs) else pairs
        return f"Headers({shown!r})"

    @override
    def __reduce__(self) -> tuple[type[Headers], tuple[list[tuple[str, str]]]]:
        return Headers, (list(self._pairs),)

    def _redacted(self) -> Headers:
        return Headers([(name, _redact_header(name, value)) for name, value in self._pairs])


class Request:
    """A request as it was sent, without its secrets.

    Attributes:
        method (str): `"POST"`, `"GET"`, … in upper case.
        url (str): the whole URL; user name, password and keys in its query read `[redacted]`.
        headers (Headers): what was sent; authorization, cookies and keys read `[redacted]`.
        content (bytes): the body; empty if there was none.
    """

    __slots__ = ("content", "headers", "method", "url")

    def __init__(
        self,
        method: str,
        url: object,
        headers: HeaderTypes = None,
        content: bytes | str = b"",
    ) -> None:
        self.method = method.upper()
        self.url = redact_url(str(url))
        self.headers = Headers(headers)._redacted()
        self.content = content.encode() if isinstance(content, str) else bytes(content)

    @override
    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.url!r})>"

    @override
    def __reduce__(self) -> tuple[type[Request], tuple[object, ...]]:
        return Request, (self.method, self.url, self.headers, self.content)


class Response:
    """A response as it was received.

    Attributes:
        status_code (int): the status, for example `429`.
        headers (Headers): what the server sent.
        request (Request | None): what it answers.
        content (bytes): the body, decompressed; empty where it is a stream, which is read as one.
        http_version (str): `"HTTP/1.1"`, `"HTTP/2"`, …

    Args:
        status_code: see above; so are `headers`, `request`, `content` and `http_version`.
        reason_phrase: the words after the status; by default those that belong to it.
        text: the body as text, in place of `content`.
        json: the body as a value to encode as JSON, in place of `content`.
    """

    __slots__ = (
        "_elapsed",
        "_hider",
        "_reason",
        "_stream",
        "content",
        "headers",
        "http_version",
        "request",
        "status_code",
    )

    def __init__(  # noqa: PLR0917 - what the extension module knows of every response goes by position
        self,
        status_code: int,
        headers: HeaderTypes = None,
        request: Request | None = None,
        content: bytes | str = b"",
        http_version: str = "HTTP/1.1",
        reason_phrase: str | None = None,
        *,
        text: str | None = None,
        json: object = None,
    ) -> None:
        if text is not None:
            content = text
        elif json is not None:
            from json import dumps

            content = dumps(json)
        self.status_code = int(status_code)
        self.headers = Headers(headers)
        self.request = request
        self.content = content.encode() if isinstance(content, str) else bytes(content)
        self.http_version = http_version
        self._reason = reason_phrase
        # Whoever made the record of a call sets these: the seconds it took, a stream that goes on, and what knows the
        # keys that an error must not show.
        self._elapsed = 0.0
        self._stream: Any = None
        self._hider: Any = None

    def _with_content(self, content: bytes) -> Response:
        """Return the same reply with its body, which was read to its end."""
        whole = Response(self.status_code, self.headers, self.request, content, self.http_version, self.reason_phrase)
        # Not the stream: nothing goes on that it would have to end.
        whole._elapsed = self.elapsed.total_seconds()
        whole._hider = self._hider
        return whole

    def _without_keys(self) -> tuple[Response, Callable[[Any], Any]]:
        """Return the reply as an error may show it, and what takes the keys out of more text or decoded JSON."""
        if self._hider is None:
            return self, lambda value: value
        hide = self._hider.hide
        shown = self._with_content(hide(self.content))
        shown.headers = Headers([(name, hide(value)) for name, value in self.headers.multi_items()])
        return shown, hide

    @property
    def url(self) -> str | None:
        """The URL that was asked, redacted as in `Request`; `None` if the request is not known."""
        return self.request.url if self.request is not None else None

    @property
    def reason_phrase(self) -> str:
        """The words that go with the status, as `"Too Many Requests"`; empty if it is unknown."""
        if self._reason is not None:
            return self._reason
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return 400 <= self.status_code < 600

    @property
    def request_id(self) -> str | None:
        """The `x-request-id` header, or `None`."""
        return self.headers.get("x-request-id")

    @property
    def text(self) -> str:
        """The body as text, in the charset that the content type names, or else UTF-8.

        Bytes that do not decode become U+FFFD.
        """
        charset = "utf-8"
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                charset = value.strip().strip("\"'")
        try:
            return self.content.decode(charset, "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body decoded from JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        from json import loads

        return loads(self.content)

    def read(self) -> bytes:
        """Return the body."""
        return self.content

    def iter_lines(self) -> Iterator[str]:
        """Iterate the lines of the body, without their ends.

        Raises:
            TokstreamError: the body is a stream, whose chunks are read elsewhere.
        """
        if self._stream is not None:
            from ._exceptions import TokstreamError

            raise TokstreamError("This body is read as a stream; with_streaming_response gives its lines.")
        return iter(self.text.splitlines())

    def raise_for_status(self) -> Response:
        """Return the response itself.

        Raises:
            APIStatusError: the status is an error. Calls of a client raise that by themselves.
        """
        if not self.is_error:
            return self
        from ._error_kinds import status_error_class

        try:
            body = self.json()
        except (ValueError, RecursionError):
            body = self.text
        message = f"{self.status_code} {self.reason_phrase}".strip()
        raise status_error_class(self.status_code)(message, response=self, body=body)

    @property
    def elapsed(self) -> timedelta:
        """How long the call took, or has taken so far; zero where that is not known."""
        from datetime import timedelta

        seconds = self._elapsed if self._stream is None else self._stream.timings.total
        return timedelta(seconds=seconds)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more of the body will come."""
        return self._stream is None or bool(self._stream.is_closed)

    def close(self) -> None:
        """End the stream that the body is, if it is one.

        Raises:
            TokstreamError: the stream is an `AsyncStream`, which `aclose` ends.
        """
        if self._stream is None:
            return
        if hasattr(self._stream, "__aiter__"):
            from ._exceptions import TokstreamError

            raise TokstreamError("The stream is asynchronous: use `await response.aclose()`.")
        self._stream.close()

    async def aclose(self) -> None:
        """End the `AsyncStream` that the body is, if it is one."""
        if hasattr(self._stream, "__aiter__"):
            await self._stream.close()
        else:
            self.close()

    @override
    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {self.reason_phrase}]>".replace(" ]", "]")

    @override
    def __reduce__(self) -> tuple[type[Response], tuple[object, ...]]:
        fields = (self.status_code, self.headers, self.request, self.content, self.http_version)
        return Response, (*fields, self._reason)
