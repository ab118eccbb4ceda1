"""Replies with what was read out of them: a value for the content, and one for the arguments of each tool call.

A reply stays the server's object; those of the classes here hold it, and add what the server did not send. All that
the reply has is theirs too, and `isinstance` takes one for the other.
"""

from __future__ import annotations

from types import GenericAlias

from tokstream._typing import TYPE_CHECKING, is_dict, is_list, override

from .errors import OutputValidationError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from typing_extensions import Self

__all__ = [
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
]


class _Parsed:
    """An object of the server's, with more.

    Args:
        of: the object.
        more: the attributes that differ from its own, or that it has not.
    """

    __slots__ = ("__weakref__", "_more", "_of")

    # The attribute that the server did not send.
    _added: str | None = None

    def __init__(self, of: Any, more: dict[str, Any]) -> None:
        _set(self, "_of", of)
        _set(self, "_more", more)

    __class_getitem__ = classmethod(GenericAlias)

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        # isinstance asks for it where the type itself is no subclass.
        return type(self._of)

    def __getattr__(self, name: str) -> Any:
        more = self._more
        return more[name] if name in more else getattr(self._of, name)

    @override
    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._more:
            self._more[name] = value
        else:
            setattr(self._of, name, value)

    @override
    def __delattr__(self, name: str) -> None:
        if name in self._more:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")
        delattr(self._of, name)

    @override
    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *dir(self._of), *self._more})

    # --- As a dict, and as JSON ---

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Return the object as a dict; what was read out of the reply is left out with `exclude_unset`."""
        flags = {"exclude_unset": exclude_unset, "exclude_defaults": exclude_defaults, "exclude_none": exclude_none}
        dumped: dict[str, Any] = self._of.model_dump(**flags, **options)
        for name, value in self._more.items():
            if name == self._added:
                if exclude_unset or (value is None and (exclude_none or exclude_defaults)):
                    continue
                dumped[name] = plain(value, mode)
            elif name in dumped:
                dumped[name] = _dumped(value, mode, flags)
        if include is None and exclude is None:
            return dumped
        from tokstream._models import dump_plain

        return dump_plain(dumped, include, exclude)  # type: ignore[no-any-return]

    def to_dict(self, *, mode: str = "python", exclude_unset: bool = True, **options: Any) -> dict[str, Any]:
        """Return the object as a dict of what the server sent."""
        options.pop("use_api_names", None)
        return self.model_dump(mode=mode, exclude_unset=exclude_unset, **options)

    def model_dump_json(self, *, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
        """Return the object as JSON text."""
        from tokstream._models import json_text

        return json_text(self.model_dump(**{**options, "mode": "json"}), indent, ensure_ascii)

    def to_json(self, *, indent: int | None = 2, exclude_unset: bool = True, **options: Any) -> str:
        """Return what the server sent as JSON text, indented by two spaces unless `indent` says otherwise."""
        options.pop("use_api_names", None)
        return self.model_dump_json(indent=indent, exclude_unset=exclude_unset, **options)

    # --- Shown, compared, copied ---

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.__rich_repr__())

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        pairs = [(name, self._more.get(name, value)) for name, value in self._of.__rich_repr__()]
        if self._added is not None:
            pairs.append((self._added, self._more[self._added]))
        return pairs

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Parsed) or type(self) is not type(other):
            return NotImplemented
        return bool(self._of == other._of and self._more == other._more)

    __hash__ = None  # type: ignore[assignment]

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._of, self._more)

    def __copy__(self) -> Self:
        return type(self)(self._of.model_copy(), dict(self._more))

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Return a copy, with the attributes in `update` replaced or added."""
        from copy import copy, deepcopy

        copied = deepcopy(self) if deep else copy(self)
        for name, value in (update or {}).items():
            setattr(copied, name, value)
        return copied

    copy = model_copy


_set = object.__setattr__


def make(cls: type[_Parsed], of: Any, more: dict[str, Any]) -> _Parsed:
    """Return an object of the server's with more."""
    return cls(of, more)


def _dumped(value: Any, mode: str, flags: dict[str, bool]) -> Any:
    if is_list(value):
        return [_dumped(item, mode, flags) for item in value]
    return value.model_dump(mode=mode, **flags) if hasattr(value, "model_dump") else value


class ParsedChatCompletion(_Parsed):
    """A completion whose choices have what was read out of them.

    Attributes:
        choices: the answers; `choices[0].message.parsed` is the value of the first.
    """

    __slots__ = ()

    @property
    def parsed(self) -> Any:
        """The value of the first answer, which is demanded: where there is none it is an error that says why.

        Raises:
            RefusalError: the model refused to answer.
            OutputValidationError: the answer has no value, for example because it calls tools.
        """
        choices = self.choices
        message = choices[0].message if choices else None
        value = getattr(message, "parsed", None)
        if value is not None or getattr(message, "_is_parsed", False):
            return value
        refusal = getattr(message, "refusal", None)
        if refusal:
            raise RefusalError(refusal, completion=self._of)
        raise OutputValidationError(
            "The reply has no value that was parsed: " + _why_none(message),
            text=getattr(message, "content", None) or "",
            completion=self._of,
        )


def _why_none(message: Any) -> str:
    if message is None:
        return "it has no choices."
    if getattr(message, "tool_calls", None):
        return "it asks for calls of tools."
    return "no response_format that is parsed was given." if getattr(message, "content", None) else "it has no content."


class ParsedChoice(_Parsed):
    """One answer.

    Attributes:
        message: the message, with the value that was read out of it.
    """

    __slots__ = ()


class ParsedChatCompletionMessage(_Parsed):
    """A message with the value that was read out of its content.

    Attributes:
        parsed: the value; `None` if the model refused or there is no content.
        tool_calls: the calls that the model asks for, with their arguments as values.
    """

    __slots__ = ()
    _added = "parsed"


class ParsedFunctionToolCall(_Parsed):
    """A call of a function that the model asks for.

    Attributes:
        function: the function, with the arguments as a value.
    """

    __slots__ = ()


class ParsedFunction(_Parsed):
    """The function of a tool call.

    Attributes:
        parsed_arguments: the arguments: an object of the tool's class, plain data for a strict tool without one, or
            `None` if the tool is neither.
    """

    __slots__ = ()
    _added = "parsed_arguments"


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream.types.chat"


def plain(value: Any, mode: str = "python") -> Any:
    """Return a value that was parsed as plain data.

    Objects of classes become dicts; what they hold stays as it is, in mode `json` it becomes JSON too.
    """
    if hasattr(value, "model_dump"):
        return value.model_dump(mode=mode)
    if is_dict(value):
        return {key if mode == "python" else str(plain(key, mode)): plain(item, mode) for key, item in value.items()}
    names = _names_of_fields(value)
    if names is not None:
        return {name.lstrip("_"): plain(getattr(value, name), mode) for name in names}
    if isinstance(value, (list, tuple, set, frozenset)) or type(value).__name__ == "deque":
        items: Any = [plain(item, mode) for item in value]
        return items if mode == "json" or is_list(value) else type(value)(items)
    return value if mode == "python" else _as_json(value)


def _names_of_fields(value: Any) -> list[str] | None:
    cls = type(value)
    for known in ("__dataclass_fields__", "__struct_fields__", "_fields"):
        names = getattr(cls, known, None)
        if names is not None:
            return list(names)
    attributes = getattr(cls, "__attrs_attrs__", None)
    return None if attributes is None else [attribute.name for attribute in attributes]


def _as_json(value: Any) -> Any:
    """Return a single value as the JSON that it was read from."""
    if hasattr(type(value), "__members__"):
        return value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        from base64 import b64encode

        return b64encode(value).decode()
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.pattern if hasattr(value, "pattern") else str(value)
