"""What a conversation may be set to, how its replies are read, and what of that may be kept elsewhere."""

from __future__ import annotations

from typing import Any

from tokstream._exceptions import ConfigurationError
from tokstream._tokstream import _is_secret as is_secret
from tokstream._typing import is_dict, is_list, is_number


def without_secrets(value: Any) -> Any:
    """Return parameters as they may be kept elsewhere: without texts under the names that secrets have."""
    if is_list(value):
        return [without_secrets(item) for item in value]
    if not is_dict(value):
        return value
    return {
        name: without_secrets(item)
        for name, item in value.items()
        if not (isinstance(item, str) and isinstance(name, str) and is_secret(name))
    }


_SET_ELSEWHERE = {
    "messages": "give the message first",
    "stream": "use .stream(…)",
    "system": "the system message stands in `messages`",
    "keep_partial": "set it on the conversation",
    "on_overflow": "set it on the conversation",
    "context_length": "set it on the conversation",
}


def checked_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters of requests.

    Raises:
        ConfigurationError: the limit of cost is none.
        TypeError: a conversation gives one of them itself.
    """
    for name, instead in _SET_ELSEWHERE.items():
        if name in params:
            raise TypeError(f"a request of a conversation takes no {name}=: {instead}")
    checked_cost(params.get("max_cost"))
    return params


def output_of(params: dict[str, Any]) -> Any:
    """Return how a reply is read, as `parse` reads it; None where no type or schema says what it is to be."""
    given = params.get("response_format")
    if given is None and "max_reasks" not in params:
        return None
    from tokstream._parsing.output import Output

    output = Output(given)
    return output if output.format.is_rich or "max_reasks" in params else None


def checked_system(content: Any) -> Any:
    """Return the content of a system message.

    Raises:
        TypeError: it is none.
    """
    if issubclass(type(content), (str, list, tuple)):
        return content
    raise TypeError(f"system= must be a text or a list of parts, not {content!r:.100}")


def checked_policy(policy: Any) -> Any:
    """Return what is done when a history is too long.

    Raises:
        ConfigurationError: it is nothing that can be done.
    """
    if policy is None or policy in ("raise", "drop_oldest") or callable(policy):
        return policy
    raise ConfigurationError(f"on_overflow= must be 'raise', 'drop_oldest' or a function, not {policy!r}")


def checked_cost(limit: Any) -> Any:
    """Return a limit of cost.

    Raises:
        ConfigurationError: it is none.
    """
    if limit is None or (is_number(limit) and limit >= 0):
        return limit
    raise ConfigurationError(f"max_cost= must be a number of USD, 0 or more, not {limit!r}")
