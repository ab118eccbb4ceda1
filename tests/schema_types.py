"""Types of every kind, and the schemas of some: what the tests of schemas and of values share."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import pydantic
import typing_extensions

from shapes import Data  # noqa: TC001 - pydantic looks it up

T = TypeVar("T")
Name = NewType("Name", str)
Json = typing_extensions.TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | None")
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, T], type_params=(T,))


def named(value):
    """What names a test: the same in every process."""
    return repr(value).partition(" at 0x")[0]


class Color(enum.Enum):
    """A color."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Tree:
    """A tree."""

    value: int
    children: list[Tree] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Box(Generic[T]):
    content: T
    spare: T | None = None


@dataclasses.dataclass
class IntBox(Box[int]):
    label: str = ""


class Options(TypedDict, total=False):
    a: typing_extensions.Required[int]
    b: str
    c: int | None


class Newer(typing_extensions.TypedDict):
    a: int
    b: typing_extensions.NotRequired[Annotated[str, "B"]]
    c: typing_extensions.ReadOnly[int]


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Recursive(pydantic.BaseModel):
    name: str = pydantic.Field(description="its name")
    inner: Recursive | None = pydantic.Field(None, description="what is in it")
    data: Data
    kinds: list[Literal["a", "b"]] = ["a"]
    color: Color = Color.RED


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, pydantic.Field(ge=1, le=9)]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


INTEGER, STRING, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}
