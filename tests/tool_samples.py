"""Tools that tests offer, and what the model is told of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pydantic

from tokstream._tools.definition import tools_of


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class City(pydantic.BaseModel):
    """A city of the world."""

    name: str
    country: str = "IT"


@dataclass
class Span:
    first: int
    last: int = 9


def weather(
    city: str,
    unit: Annotated[Unit, "In which unit."] = Unit.CELSIUS,
    days: int = 3,
    sort: Literal["hot", "cold"] | None = None,
) -> str:
    """Tell the weather.

    It is that of now.

    Args:
        city: Where.
        unit: Annotations go before docstrings.
        days: How many days.
    """
    return f"{city}, {unit.value}, {days}, {sort}"


class Service:
    """A service."""

    def __init__(self, answer: str = "42") -> None:
        self.answer = answer

    def ask(self, question: str) -> str:
        """Ask it."""
        return f"{question} {self.answer}"

    @classmethod
    def kind(cls, x: int) -> str:
        """Which kind."""
        return f"{cls.__name__} {x}"

    @staticmethod
    def twice(x: int) -> int:
        """Double it."""
        return 2 * x

    def __call__(self, y: int) -> int:
        """Call it."""
        return y


async def later(x: int) -> int:
    """Take time."""
    return x


def told(*tools: Any) -> Any:
    """What a request says of the only one of these tools, or of all."""
    functions = [one.definition["function"] for one in tools_of(tools)]
    return functions[0] if len(functions) == 1 else functions


def properties(tool: Any) -> Any:
    return told(tool)["parameters"]["properties"]


WEATHER = {
    "name": "weather",
    "description": "Tell the weather.\n\nIt is that of now.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "unit": {
                "type": "string",
                "enum": ["celsius", "fahrenheit"],
                "description": "In which unit.",
                "default": "celsius",
            },
            "days": {"type": "integer", "description": "How many days.", "default": 3},
            "sort": {"anyOf": [{"type": "string", "enum": ["hot", "cold"]}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
}
