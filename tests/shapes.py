"""Types of each library, which all take `{"name": "Oslo", "people": 700}`, and replies to be parsed into them."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic

from replies import completion


class Model(pydantic.BaseModel):
    name: str
    people: int


@dataclasses.dataclass
class Data:
    name: str
    people: int


@pydantic.dataclasses.dataclass
class PydanticData:
    name: str
    people: int


class Typed(TypedDict):
    name: str
    people: int


class Named(NamedTuple):
    name: str
    people: int


class Struct(msgspec.Struct):
    name: str
    people: int


@attrs.define
class Attrs:
    name: str
    people: int


OSLO = '{"name": "Oslo", "people": 700}'
SHAPES: list[Any] = [Model, Data, PydanticData, Typed, Named, Struct, Attrs]
# What none of them is.
NO_CITY = '{"name": "Oslo", "people": "many"}'


def a_city(shape: Any, name: str = "Oslo", people: int = 700) -> Any:
    """The value of a shape."""
    return shape(name=name, people=people)


def refused(text: str = "I can't say that.") -> dict[str, Any]:
    """A reply that refuses."""
    return completion(None, message={"refusal": text})


def cut(reason: str, content: str | None = '{"name": "Os') -> dict[str, Any]:
    """A reply that ended before its value, for this reason."""
    return completion(content, choices=[{**completion(content)["choices"][0], "finish_reason": reason}])


def calls(*arguments: str, name: str = "Model", content: str | None = None) -> dict[str, Any]:
    """A reply that calls a tool once with each of these arguments."""
    made = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, text in enumerate(arguments)
    ]
    return completion(content, message={"tool_calls": made})
