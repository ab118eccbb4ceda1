"""Types of pydantic, msgspec and attrs: what each says, within one another, and that none is loaded for others."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import pathlib
import subprocess
import sys
from typing import TypedDict

import openai
import openai.lib._pydantic
import pydantic
import pytest
import typing_extensions  # noqa: TC002 - looked up for the annotations of Holder

import tokstream
from schema_types import Cat, Pet, Recursive
from shapes import OSLO, SHAPES, Attrs, Data, Model, PydanticData, Struct, a_city
from tokstream._schema import json_schema, validate, validate_json


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_each_library_says_the_same(shape):
    schema = json_schema(shape)
    assert schema["type"] == "object"
    assert schema["required"] == ["name", "people"]
    assert schema["additionalProperties"] is False
    assert {name: inner["type"] for name, inner in schema["properties"].items()} == {
        "name": "string",
        "people": "integer",
    }


@pytest.mark.parametrize(
    "type_",
    [Model, PydanticData, Recursive, Cat, pydantic.create_model("Made", a=(int, 1), b=(list[Cat], ...), c=(Pet, ...))],
    ids=lambda type_: type_.__name__,
)
def test_a_schema_of_pydantic_is_what_openai_python_sends(type_):
    theirs = type_ if issubclass(type_, pydantic.BaseModel) else pydantic.TypeAdapter(type_)
    assert json_schema(type_) == openai.lib._pydantic.to_strict_json_schema(theirs)


@pytest.mark.parametrize("library", [Model, Struct])
def test_types_of_libraries_in_plain_ones(library):
    @dataclasses.dataclass
    class Holder:
        one: library  # type: ignore[valid-type]
        many: dict[str, library]  # type: ignore[valid-type]

    schema = json_schema(Holder)
    assert schema["properties"]["one"] == {"$ref": f"#/$defs/{library.__name__}"}
    assert schema["$defs"][library.__name__]["additionalProperties"] is False
    value = validate_json(Holder, f'{{"one": {OSLO}, "many": {{"a": {OSLO}}}}}')
    assert value == Holder(a_city(library), {"a": a_city(library)})


class Holder(TypedDict):
    model: Model
    more: typing_extensions.NotRequired[list[Model]]


def test_what_pydantic_does_not_take_is_read_around_it():
    # Before Python 3.12 pydantic refuses the TypedDict of typing.
    schema = json_schema(list[Holder])
    assert schema["$defs"]["Model"]["additionalProperties"] is False
    assert validate(list[Holder], [{"model": {"name": "x", "people": 1}}]) == [{"model": Model(name="x", people=1)}]


def test_libraries_mixed():
    schema = json_schema(list[Model | Struct | Data | Attrs])
    assert [item["$ref"] for item in schema["items"]["anyOf"]] == [
        f"#/$defs/{name}" for name in ("Model", "Struct", "Data", "Attrs")
    ]
    assert all(schema["$defs"][name]["additionalProperties"] is False for name in schema["$defs"])
    assert validate(dict[str, Model | Struct], {"a": {"name": "x", "people": 1}}) == {"a": Model(name="x", people=1)}


@pytest.mark.parametrize("name", ["pydantic", "msgspec", "attrs", "attr"])
def test_no_library_is_loaded_for_types_of_others(name):
    assert importlib.util.find_spec(name) is not None
    program = """
import dataclasses, enum, sys, typing
from tokstream._schema import json_schema, validate_json
from tokstream._parsing.output import Output
@dataclasses.dataclass
class Data:
    a: list[int]
    b: typing.Literal["x"] | None = None
class Typed(typing.TypedDict):
    d: Data
print(Output(list[Typed]).format.read('[{"d": {"a": [1]}}]'))
sys.exit(sys.argv[1] in sys.modules)
"""
    folder = str(pathlib.Path(tokstream.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r})\n{program}", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert "Data(a=[1], b=None)" in done.stdout
