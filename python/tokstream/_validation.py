"""How response objects are made of dicts, other objects and JSON text and checked against their fields.

The checks are for objects that a program builds. What a server sends is never checked: it is kept as it came.
"""

# ruff: noqa: ARG001, D417 - the parameters are pydantic's; those that change nothing here are left undescribed.

from __future__ import annotations

from _collections_abc import Mapping

from ._exceptions import TokstreamError
from ._typing import TYPE_CHECKING, is_dict, is_list

if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from ._tokstream import BaseModel

    Model = TypeVar("Model", bound=BaseModel)

__all__ = [
    "ValidationError",
    "encode",
    "model_validate",
    "model_validate_json",
    "pydantic_core_schema",
]

# Characters of a wrong input that an error shows.
_SHOWN_INPUT = 80


class ValidationError(TokstreamError, ValueError):
    """The input of `model_validate` is not an object of the class. What a server sends never raises this.

    Attributes:
        title (str): the name of the class.
    """

    title: str

    def __init__(self, title: str, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.title = title
        self._errors = errors
        lines = [f"The input is not a valid {title}:"]
        for error in errors:
            path = ".".join(map(str, error["loc"])) or "input"
            lines.append(f"  {path}: {error['msg']} [type={error['type']}, input={_shown(error['input'])}]")
        self.message = "\n".join(lines)
        self.args = (self.message,)

    def errors(self) -> list[dict[str, Any]]:
        """Return what is wrong, one dict for each part of the input.

        Its keys: `loc`, a tuple of names and indexes that lead to the part; `msg`, a sentence; `type`, a name such as
        `"missing"` or `"string_type"`; and `input`, what stands there.
        """
        return [dict(error) for error in self._errors]

    def error_count(self) -> int:
        """Return how many parts of the input are wrong."""
        return len(self._errors)


# Where programs import it from, and pickles look for it.
ValidationError.__module__ = "tokstream"


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - an input may be anything, and an error must not raise another
        return f"<{type(value).__name__}>"
    return shown if len(shown) <= _SHOWN_INPUT else f"{shown[:_SHOWN_INPUT]}…"


def model_validate(
    cls: type[Model],
    obj: Any,
    *,
    strict: bool | None = None,
    extra: Literal["allow"] | None = None,
    from_attributes: bool | None = None,
    context: object = None,
    by_alias: bool | None = None,
    by_name: bool | None = None,
) -> Model:
    """Make an object of a dict or another object, and check its fields.

    Required fields must be there and values be of their kinds, at every depth; fields that are not declared are kept.

    Args:
        obj: a dict; an object of this class, which is returned as it is; or an object of another response class, of
            openai-python or of pydantic.
        strict: take no whole float or digits in text for an integer. Default `False`.
        from_attributes: take any object that has the fields as attributes. Default `False`.

    Raises:
        ValidationError: a `ValueError` whose `errors()` say what is wrong and where.
    """
    if isinstance(obj, cls):
        return obj
    given: Any = obj
    if from_attributes and not hasattr(obj, "keys") and not hasattr(obj, "model_dump"):
        given = {name: getattr(obj, name) for name, *_ in cls._schema() if hasattr(obj, name)}
    try:
        encoded = encode(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(cls.__name__, [_error((), str(error), "json_type", obj)]) from None
    return _validate_encoded(cls, encoded, strict, obj)


def model_validate_json(
    cls: type[Model],
    json_data: str | bytes | bytearray,
    *,
    strict: bool | None = None,
    extra: Literal["allow"] | None = None,
    context: object = None,
    by_alias: bool | None = None,
    by_name: bool | None = None,
) -> Model:
    """Make an object of JSON text and check its fields, as `model_validate` does.

    Raises:
        ValidationError: the text is not JSON, or not an object of this class.
    """
    try:
        encoded = json_data.encode() if isinstance(json_data, str) else bytes(json_data)
    except UnicodeEncodeError as error:
        raise ValidationError(cls.__name__, [_error((), str(error), "json_invalid", json_data)]) from None
    return _validate_encoded(cls, encoded, strict, json_data)


def encode(value: object) -> bytes:
    """Encode a value as JSON, response objects and pydantic objects in it too.

    Raises:
        TypeError: something in it is no JSON value.
        ValueError: it has a number that is not finite, half of a surrogate pair, or itself in it.
    """
    from json import dumps

    text = dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"text with half of a surrogate pair has no JSON: {error}") from None


def _plain(value: Any) -> Any:
    """Return what a value that `json` does not know stands for."""
    from ._tokstream import BaseModel

    if isinstance(value, BaseModel):
        return value._data()
    if hasattr(value, "model_dump") and not isinstance(value, type):
        # What openai-python's objects were not sent must not come back as null.
        if hasattr(value, "to_dict"):
            return value.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(f"a {type(value).__name__} is not a JSON value")


def _validate_encoded(cls: type[Model], encoded: bytes, strict: bool | None, source: object) -> Model:
    from json import loads

    check = _Check(bool(strict))
    try:
        data = loads(encoded.decode(), parse_constant=_refuse_constant)
        check.value("object", cls, data, ())
        if not check.errors:
            # An escape may be half of a surrogate pair, which is no text: encoding finds out.
            rewrite = check.changed or b"\\ud" in encoded.lower()
            return cls._from_json(encode(data) if rewrite else encoded)
    except (ValueError, RecursionError) as error:
        raise ValidationError(
            cls.__name__, [_error((), f"this is not JSON: {error}", "json_invalid", source)]
        ) from None
    raise ValidationError(cls.__name__, check.errors)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _error(loc: tuple[str | int, ...], msg: str, kind: str, value: object) -> dict[str, Any]:
    return {"type": kind, "loc": loc, "msg": msg, "input": value}


# Of 2**64 and a sign; longer text is no count of anything.
_INTEGER_DIGITS = 21

_MISMATCH = {
    "str": ("string_type", "this must be text"),
    "int": ("int_type", "this must be an integer"),
    "float": ("float_type", "this must be a number"),
    "bool": ("bool_type", "this must be true or false"),
    "list": ("list_type", "this must be a list"),
    "object": ("model_type", "this must be an object"),
}


class _Check:
    """One run over decoded JSON; `changed` tells that it turned values into what their fields hold."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.errors: list[dict[str, Any]] = []
        self.changed = False

    def value(self, kind: str, nested: type[BaseModel] | None, value: Any, loc: tuple[str | int, ...]) -> Any:
        """Check one value and return it, or what it stands for."""
        fits = True
        if kind == "object":
            fits = is_dict(value)
            if is_dict(value) and nested is not None:
                self.fields(nested, value, loc)
        elif kind == "list":
            fits = is_list(value)
            if is_list(value) and nested is not None:
                value = [self.value("object", nested, item, (*loc, index)) for index, item in enumerate(value)]
        elif kind == "str":
            fits = isinstance(value, str)
        elif kind == "bool":
            fits = isinstance(value, bool)
        elif kind == "float":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        elif kind == "int":
            value = value if self.strict else self.integer(value)
            fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits:
            name, msg = _MISMATCH[kind]
            self.errors.append(_error(loc, msg, name, value))
        return value

    def integer(self, value: Any) -> Any:
        whole = isinstance(value, float) and value.is_integer()
        if not whole and isinstance(value, str) and len(value) <= _INTEGER_DIGITS and value.isascii():
            whole = value.removeprefix("-").isdigit()
        if not whole:
            return value
        self.changed = True
        return int(value)

    def fields(self, cls: type[BaseModel], data: dict[str, Any], loc: tuple[str | int, ...]) -> None:
        for name, kind, nested, required in cls._schema():
            if name not in data:
                if required:
                    self.errors.append(_error((*loc, name), "this field is required", "missing", data))
            elif required or data[name] is not None:
                data[name] = self.value(kind, nested, data[name], (*loc, name))


def pydantic_core_schema(cls: type[BaseModel], source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Let a pydantic model have a field of this class, which takes objects, dicts and JSON and dumps as a dict."""
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError as CoreError, core_schema

    from ._models import model_dump

    def validate(value: object) -> BaseModel:
        try:
            return model_validate(cls, value)
        except ValidationError as error:
            details = [
                InitErrorDetails(
                    type=PydanticCustomError(one["type"], "{msg}", {"msg": one["msg"]}),
                    loc=one["loc"],
                    input=one["input"],
                )
                for one in error.errors()
            ]
            raise CoreError.from_exception_data(cls.__name__, details) from None

    def serialize(value: Any, info: core_schema.SerializationInfo) -> Any:
        if not isinstance(value, cls):
            return value
        return model_dump(
            value,
            include=info.include,
            exclude=info.exclude,
            exclude_unset=info.exclude_unset,
            exclude_defaults=info.exclude_defaults,
            exclude_none=info.exclude_none,
        )

    def json_schema(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _json_schema(cls)

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.plain_serializer_function_ser_schema(serialize, info_arg=True),
        metadata={"pydantic_js_functions": [json_schema]},
    )


def _json_schema(cls: type[BaseModel]) -> JsonSchemaValue:
    """Return the JSON Schema of this class."""
    properties: dict[str, Any] = {}
    for name, kind, nested, required in cls._schema():
        schema: dict[str, Any] = {} if kind == "any" else {"type": _JSON_TYPES[kind]}
        if nested is not None:
            inner = _json_schema(nested)
            schema = inner if kind == "object" else {"type": "array", "items": inner}
        if not required:
            schema = {"anyOf": [schema, {"type": "null"}], "default": None} if schema else {"default": None}
        properties[name] = schema
    return {
        "title": cls.__name__,
        "type": "object",
        "properties": properties,
        "required": [name for name, _, _, required in cls._schema() if required],
        "additionalProperties": True,
    }


_JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "object": "object",
}
