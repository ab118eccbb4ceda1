"""What becomes of a reply's body: an object of the class that the caller asked for."""

from __future__ import annotations

from ._http import Response
from ._typing import TYPE_CHECKING, is_dict

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._exceptions import APIError


def cast_response(response: Response, cast: Any) -> Any:
    """Return a reply's body as what the caller asked for.

    Args:
        response: the reply.
        cast: a response class of this package, `dict`, `list`, `str`, `bytes`, `Response`, a class of pydantic's, or
            `None` and `object` for plain JSON.

    Raises:
        APIResponseValidationError: the body is not of that kind.
        TypeError: there is no way to make such an object of a reply.
    """
    plain = _PLAIN.get(cast) if isinstance(cast, type) else None
    if plain is not None:
        return plain(response)
    if getattr(cast, "__name__", "") == "Response" and getattr(cast, "__module__", "").startswith("httpx"):
        return _as_httpx(response, cast)
    try:
        make: Any = getattr(cast, "_from_json", None)
        if make is not None:
            refusal = _refusal(response)
            if refusal is not None:
                raise refusal
            return make(response.content, response.request_id)
        return _cast_value(response.json() if response.content else None, cast)
    except (ValueError, RecursionError) as error:
        raise unexpected(response, f"The reply is not what was asked for: {error}") from error


def _cast_value(value: Any, cast: Any) -> Any:
    """Return decoded JSON as what `cast` says: a class, or `list` and `dict` of such."""
    if cast is None or cast is object or getattr(cast, "__name__", "") == "Any":
        return value
    origin = getattr(cast, "__origin__", cast)
    if not isinstance(origin, type):
        raise _no_cast(cast)
    inner = getattr(cast, "__args__", ())
    if origin is list:
        _check(value, list)
        return [_cast_value(item, inner[0]) for item in value] if inner else value
    if origin is dict:
        _check(value, dict)
        return {key: _cast_value(item, inner[1]) for key, item in value.items()} if inner else value
    if hasattr(cast, "_from_json"):
        from ._validation import encode

        return cast._from_json(encode(value))
    if hasattr(cast, "model_validate"):
        return cast.model_validate(value)
    if origin in (str, int, float, bool, type(None)):
        _check(value, (int, float) if origin is float else origin)
        if isinstance(value, bool) and origin is not bool:
            raise ValueError(f"a {origin.__name__} was expected, and there is a bool")
        return value
    raise _no_cast(cast)


def _check(value: object, wanted: Any) -> None:
    if not isinstance(value, wanted):
        name = wanted.__name__ if isinstance(wanted, type) else "number"
        raise ValueError(f"a {name} was expected, and there is a {type(value).__name__}")  # noqa: TRY004 - of a reply


def _no_cast(cast: object) -> TypeError:
    return TypeError(
        f"cast_to takes a response class, dict, list, str, bytes or a class with model_validate, not {cast!r}"
    )


def unexpected(response: Response, message: str) -> APIError:
    """Return the error of a reply that is not what was expected."""
    from ._exceptions import APIResponseValidationError

    shown, hide = response._without_keys()
    return APIResponseValidationError(shown, shown.text, message=hide(message))


def _refusal(response: Response) -> APIError | None:
    """Return the error that a reply with status 200 says it is: an object that has nothing but that."""
    if b'"error"' not in response.content and b'"detail"' not in response.content:
        return None
    said: Any = response.json()
    if not is_dict(said) or not said or not said.keys() <= {"error", "detail"}:
        return None
    error = said.get("error") or said.get("detail")
    if not error:
        return None
    from ._exceptions import APIError

    shown, hide = response._without_keys()
    error = hide(error)
    words = error.get("message") if is_dict(error) else error
    message = words if isinstance(words, str) and words else shown.text
    return APIError(message, response=shown, body=error)


# What needs no decoding.
_PLAIN: dict[type, Callable[[Response], Any]] = {
    bytes: lambda response: response.content,
    str: lambda response: response.text,
    type(None): lambda _: None,
    Response: lambda response: response,
}


def _as_httpx(response: Response, cast: Any) -> Any:
    """Return the reply as a response of httpx, for programs that ask for one."""
    from sys import modules

    httpx = modules[cast.__module__.partition(".")[0]]
    request = response.request
    # The body is decoded already.
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
    return cast(
        response.status_code,
        headers=headers,
        content=response.content,
        request=None if request is None else httpx.Request(request.method, request.url, content=request.content),
    )
