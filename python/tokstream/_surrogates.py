"""What a model wrote, as a request can carry it back."""

from __future__ import annotations

from typing import Any

from ._typing import is_dict, is_list


def joined(value: Any) -> Any:
    """Return texts, also those in lists and dicts, with pairs of surrogates joined, and a replacement for half a pair.

    Servers that cut a character in two escape each half; JSON in UTF-8 has none for a half alone.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if is_dict(value):
        return {joined(key): joined(item) for key, item in value.items()}
    return [joined(item) for item in value] if is_list(value) else value
