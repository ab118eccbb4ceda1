"""Types of pydantic and msgspec, which their own library describes and reads; and what `Annotated` says.

None of the libraries is imported here: where a type of one is, the library is loaded.
"""

from __future__ import annotations

from sys import modules
from typing import TYPE_CHECKING, Any

from tokstream._typing import is_dict, is_list, override

from . import Invalid, Reason
from .check import LIMITS
from .nodes import FAILED, REFS, Node, define, fail, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Definitions, Path, Reasons


def owner_of_class(cls: Any) -> str | None:
    """Return the library that reads a class: `"pydantic"`, `"msgspec"`, or `None`."""
    if hasattr(cls, "__get_pydantic_core_schema__") or hasattr(cls, "__pydantic_core_schema__"):
        return "pydantic"
    msgspec = modules.get("msgspec")
    return "msgspec" if msgspec is not None and issubclass(cls, msgspec.Struct) else None


def owner_of_metadata(annotated: Any) -> str | None:
    """Return the library that what stands beside a type in `Annotated` comes from."""
    for item in annotated.__metadata__:
        library = type(item).__module__.partition(".")[0]
        if library in ("pydantic", "msgspec"):
            return library
        if hasattr(item, "__get_pydantic_core_schema__"):
            return "pydantic"
    return None


def leaf(library: str, type_: Any) -> Node:
    """Return the node of a type that a library reads."""
    return _Pydantic(type_) if library == "pydantic" else _Msgspec(type_)


def whole(type_: Any, seen: set[str], node: Node) -> Node | None:
    """Return the node of a type that the one library in it reads in one go; `None` where it cannot."""
    seen = seen - {"attrs"} if "msgspec" in seen else seen
    if len(seen) != 1 or isinstance(node, (_Pydantic, _Msgspec)) or "attrs" in seen:
        return None
    made = leaf(next(iter(seen)), type_)
    try:
        made.root_schema()
    except Exception:  # noqa: BLE001 - of the library: then the parts are read here, and their own error is the better one
        return None
    return made


class _OfLibrary(Node):
    """A type of a library."""

    def __init__(self, type_: Any) -> None:
        self._type = type_
        self.name = getattr(type_, "__name__", repr(type_))
        self._complete: dict[str, Any] | None = None

    def _make_schema(self) -> dict[str, Any]:
        raise NotImplementedError

    @override
    def root_schema(self) -> dict[str, Any]:
        if self._complete is None:
            try:
                self._complete = self._make_schema()
            except Exception as error:
                if type(error).__module__.partition(".")[0] not in ("pydantic", "builtins", "msgspec"):
                    raise
                raise TypeError(f"{self.name} has no JSON Schema: {error}") from error
        return self._complete

    @override
    def schema(self, defs: Definitions) -> dict[str, Any]:
        schema = dict(self.root_schema())
        inner = schema.pop("$defs", {})
        names: dict[str, str] = {}
        for name, definition in inner.items():
            kept = _Verbatim(definition)
            made = define(kept, name, defs, kept.get)
            names[REFS + name] = made["$ref"]
        if any(ref != new for ref, new in names.items()):
            for new in names.values():
                of, definition = defs[new[len(REFS) :]]
                defs[new[len(REFS) :]] = (of, _renamed(definition, names))
            schema = _renamed(schema, names)
        if "$ref" in schema or not is_dict(schema.get("properties")):
            return schema
        return define(_Verbatim(schema), self.name, defs, lambda: schema)

    def _complain(self, at: Path, why: Reasons, error: Invalid) -> Any:
        for reason in error.reasons:
            fail((*at, reason.path), why, reason.complaint)
        return FAILED

    @override
    def read(self, value: Any, at: Path, why: Reasons) -> Any:
        try:
            return self.validate(value)
        except Invalid as error:
            return self._complain(at, why, error)


class _Verbatim:
    """A definition that a library made: the same one if it says the same."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def get(self) -> dict[str, Any]:
        """Return the definition."""
        return self._schema

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Verbatim) and self._schema == other._schema

    __hash__ = None  # type: ignore[assignment]


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if is_dict(schema):
        return {
            key: names.get(value, value) if key == "$ref" and isinstance(value, str) else _renamed(value, names)
            for key, value in schema.items()
        }
    return [_renamed(item, names) for item in schema] if is_list(schema) else schema


class _Pydantic(_OfLibrary):
    """A type that pydantic reads."""

    def __init__(self, type_: Any) -> None:
        super().__init__(type_)
        self._reader: Any = None

    @property
    def _adapter(self) -> Any:
        if self._reader is None:
            from pydantic import TypeAdapter

            self._reader = TypeAdapter(self._type)
        return self._reader

    @property
    def _is_model(self) -> bool:
        return hasattr(self._type, "model_validate_json")

    @override
    def _make_schema(self) -> dict[str, Any]:
        made: dict[str, Any] = self._type.model_json_schema() if self._is_model else self._adapter.json_schema()
        return made

    @override
    def validate(self, value: Any) -> Any:
        return self._call("model_validate", "validate_python", value)

    @override
    def validate_json(self, text: str) -> Any:
        return self._call("model_validate_json", "validate_json", text)

    def _call(self, of_model: str, of_adapter: str, value: Any) -> Any:
        from pydantic import ValidationError

        read = getattr(self._type, of_model) if self._is_model else getattr(self._adapter, of_adapter)
        try:
            return read(value)
        except ValidationError as error:
            raise Invalid([_reason(one) for one in error.errors(include_url=False, include_context=False)]) from error


def _reason(error: Any) -> Reason:
    return Reason(path_of(tuple(error["loc"])), error["msg"])


class _Msgspec(_OfLibrary):
    """A type that msgspec reads."""

    @override
    def _make_schema(self) -> dict[str, Any]:
        from msgspec.json import schema_components

        (schema,), defs = schema_components([self._type], ref_template=REFS + "{name}")
        return {**schema, "$defs": defs} if defs else schema

    @override
    def validate(self, value: Any) -> Any:
        from msgspec import convert

        return self._call(lambda: convert(value, self._type))

    @override
    def validate_json(self, text: str) -> Any:
        from msgspec.json import decode

        return self._call(lambda: decode(text, type=self._type))

    def _call(self, read: Callable[[], Any]) -> Any:
        from msgspec import DecodeError, ValidationError

        try:
            return read()
        except ValidationError as error:
            complaint, _, path = str(error).rpartition(" - at `")
            path = path.rstrip("`").removeprefix("$").removeprefix(".") if complaint else ""
            raise Invalid([Reason(path, complaint or str(error))]) from error
        except (DecodeError, UnicodeError) as error:
            raise Invalid([Reason("", f"it is no JSON: {error}")]) from error


def attrs_nothing() -> Any:
    """Return attrs' mark of an attribute without a default."""
    return modules["attr"].NOTHING


# --- What Annotated says ---

# The names of annotated-types.
_KEYWORDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


def described(metadata: tuple[Any, ...], kind: Any) -> tuple[dict[str, Any], list[tuple[str, Callable[[Any], bool]]]]:
    """Return what `Annotated` adds to a schema, and the checks of values that go with it.

    A text is a description, as are the `Doc` of typing_extensions and whatever has a `description`. The limits are
    those of annotated-types.
    """
    extra: dict[str, Any] = {}
    checks: list[tuple[str, Callable[[Any], bool]]] = []
    for item in metadata:
        text = item if isinstance(item, str) else getattr(item, "documentation", getattr(item, "description", None))
        if isinstance(text, str):
            extra["description"] = text
        if type(item).__module__ == "annotated_types":
            _limit(item, kind, extra, checks)
    return extra, checks


def _check(holds: Callable[[Any, Any], bool], limit: Any) -> Callable[[Any], bool]:
    return lambda value: holds(value, limit)


def _limit(item: Any, kind: Any, extra: dict[str, Any], checks: list[tuple[str, Callable[[Any], bool]]]) -> None:
    at_least, at_most = _LENGTHS.get(kind, ("minProperties", "maxProperties"))
    for name, keyword in {**_KEYWORDS, "min_length": at_least, "max_length": at_most}.items():
        limit = getattr(item, name, None)
        if limit is None or (name == "min_length" and not limit):
            continue
        # A date's limits are none that JSON Schema knows.
        if isinstance(limit, (int, float)):
            extra[keyword] = limit
        _, words, holds = LIMITS[keyword]
        checks.append((words.format(limit), _check(holds, limit)))
    func = getattr(item, "func", None)
    if callable(func):
        check: Any = func
        checks.append((f"what {getattr(func, '__name__', 'its check')} holds of", check))


def from_field_metadata(metadata: Any) -> dict[str, Any]:
    """Return what the metadata of a field of a dataclass or an attrs class adds to its schema."""
    text = metadata.get("description") if metadata else None
    return {"description": text} if isinstance(text, str) else {}
