"""The types of parameters at run time: pydantic takes them, and they agree with openai-python's of the same names."""

import importlib
from typing import Any

import pydantic
import pytest

import tokstream.types
import tokstream.types.chat
import tokstream.types.shared_params

SHARED = [
    (module, name)
    for module in ("types", "types.chat", "types.shared_params", "types.chat.chat_completion_content_part_param")
    for name in importlib.import_module(f"tokstream.{module}").__all__
    if hasattr(getattr(importlib.import_module(f"tokstream.{module}"), name), "__required_keys__")
    and hasattr(getattr(importlib.import_module(f"openai.{module}"), name, None), "__required_keys__")
]

CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}},
            {"type": "video_url", "video_url": {"url": "https://example.com/film.mp4"}},
            {"type": "file", "file": {"file_id": "file-1"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [
            {
                "id": "call-1",
                "type": "function",
                "function": {"name": "look", "arguments": "{}"},
                "extra_content": {"signature": "x"},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call-1", "content": "A cat."},
]


@pytest.mark.parametrize(("module", "name"), SHARED, ids=[name for _, name in SHARED])
def test_the_same_keys_are_required_as_in_openai_python(module: str, name: str) -> None:
    ours = getattr(importlib.import_module(f"tokstream.{module}"), name)
    theirs = getattr(importlib.import_module(f"openai.{module}"), name)
    # Theirs are strings, in which Python does not see what is required.
    required = {key for key, kind in theirs.__annotations__.items() if "Required[" in str(kind)}
    assert ours.__required_keys__ == required


def test_most_types_are_compared() -> None:
    assert len(SHARED) > 20


def test_pydantic_takes_a_conversation() -> None:
    adapter = pydantic.TypeAdapter(list[tokstream.types.chat.ChatCompletionMessageParam])
    assert adapter.validate_python(CONVERSATION) == CONVERSATION
    assert adapter.dump_python(adapter.validate_python(CONVERSATION)) == CONVERSATION


def test_pydantic_refuses_what_is_no_message() -> None:
    adapter = pydantic.TypeAdapter(tokstream.types.chat.ChatCompletionMessageParam)
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"role": "narrator", "content": "Once"})
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"role": "tool", "content": "without an id"})


def test_pydantic_takes_a_request() -> None:
    adapter = pydantic.TypeAdapter(tokstream.types.chat.CompletionCreateParams)
    request = {
        "model": "a/b",
        "messages": CONVERSATION,
        "stream": True,
        "response_format": {"type": "regex", "regex": "[0-9]+"},
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "reasoning": {"effort": "low", "enabled": True},
        "seed": 2**64 - 1,
    }
    assert adapter.validate_python(request) == request
