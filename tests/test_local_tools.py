"""Runs of tools with the model on this machine, whose server no one here wrote."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tokstream import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from surface import Surface

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs tokstream[local]"),
    pytest.mark.timeout(300),  # the first test may have to fetch the model
]

PROGRAM = Path(__file__).parent / "tool_server.py"
# The server lets the model write nothing but a call, once it has begun one; so small a model has to be led to that.
LED = {"logit_bias": [["<tool_call>\n", 10]], "stop": ["</tool_call>"]}
QUIET = {"temperature": 0, "max_tokens": 50}
QUESTION = "What is the weather in Rome?"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, str(PROGRAM), str(local.fetch_model())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None
        said = next((line for line in child.stdout if line.startswith("listening: ")), "")
        assert said, f"the server ended: {child.wait()}"
        yield said.removeprefix("listening: ").strip() + "/v1"
        assert child.stdin is not None
        child.stdin.close()


def weather(city: Literal["Oslo", "Rome"]) -> str:
    """Tell the weather of a city.

    Args:
        city: Where.
    """
    return f"It is sunny in {city}."


@pytest.mark.parametrize("streamed", [False, True])
def test_the_model_calls_a_function_and_answers(surface: Surface, address: str, streamed: bool) -> None:
    client = surface.client(address, model="small", timeout=120)
    create = client.chat.completions.create
    asked: list[Any] = []

    def lead_once(**params: Any) -> Any:
        asked.append(params["tool_choice"])
        return create(**params, **(LED if len(asked) == 1 else {}))

    client.chat.completions.create = lead_once
    options = {"tools": [weather], "tool_choice": "required", "stream": streamed, **QUIET}
    run = surface.run(client.chat.completions.run_tools(QUESTION, **options))
    run = surface.run(run.get_final_run()) if streamed else run
    assert asked == ["required", "auto"]
    assert [message["role"] for message in run.messages] == ["user", "assistant", "tool", "assistant"]
    call = run.messages[1]["tool_calls"][0]
    assert run.messages[2]["tool_call_id"] == call["id"]
    assert run.messages[2]["content"] in {"It is sunny in Oslo.", "It is sunny in Rome."}
    assert run.content
    assert run.turns == 2


def test_create_takes_functions(surface: Surface, address: str) -> None:
    client = surface.client(address, model="small", timeout=120)
    completion = surface.create(client, messages=QUESTION, tools=[weather], tool_choice="required", **QUIET, **LED)
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert completion.choices[0].finish_reason == "tool_calls"
