"""Types that replies are parsed into, one of each library; each takes `{"name": "Oslo", "people": 700}`."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic


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
