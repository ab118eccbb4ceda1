"""`client.chat.completions.parse(…)`: the request, the value of its reply, and asking again where there is none."""

from __future__ import annotations

from tokstream._messages import replayed
from tokstream._resource import PARSED, RAW, STREAMING
from tokstream._steps import arun, run
from tokstream._typing import TYPE_CHECKING, is_list
from tokstream._usage import told, total_of

from .errors import OutputValidationError
from .output import Output, arguments_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tokstream._steps import Steps
    from tokstream._tokstream import CompletionUsage

_ASK_AGAIN = (
    "Your last reply is not what was asked for:\n{reasons}\n"
    "Reply again with JSON that fits the schema, and with nothing else."
)
_CALL_AGAIN = "The arguments of this call are not what the tool takes:\n{reasons}\nCall it again with valid arguments."
_NOT_DONE = "This call was not made, because the arguments of another one are not valid. Ask for it again."


def parse(resource: Any, *, response_format: Any, tools: Any, max_reasks: int, params: dict[str, Any]) -> Any:
    """Ask for a reply and return it with its value, or an awaitable of it; the form is that of the resource.

    Raises:
        TypeError: a type has no JSON Schema, or an argument is none of `parse`.
    """
    if params.pop("stream", None):
        raise TypeError("parse() gives a whole reply: use stream(response_format=…) for one that arrives by pieces")
    if type(max_reasks) is not int or max_reasks < 0:
        raise TypeError(f"max_reasks is how often to ask again, an integer of 0 or more, not {max_reasks!r}")
    output = Output(response_format, tools)
    params = output.params(params)
    client, form = resource._client, resource._form
    if form == STREAMING:
        if max_reasks:
            raise TypeError("with_streaming_response has one reply: max_reasks goes with parse() or with_raw_response")
        manager = resource.create(**params)
        manager._open = _opening(manager._open, output, client.asynchronous)
        return manager
    plain = type(resource)(client, form)
    plain._watch = resource._watch
    steps = _raw(plain, output, params) if form == RAW and not max_reasks else _ask(plain, output, params, max_reasks)
    return arun(steps) if client.asynchronous else run(steps)


def _opening(open_response: Callable[[], Any], output: Output, asynchronous: bool) -> Callable[[], Any]:
    def steps() -> Steps:
        response = yield open_response
        response._then = output.complete
        return response

    return (lambda: arun(steps())) if asynchronous else (lambda: run(steps()))


def _raw(plain: Any, output: Output, params: dict[str, Any]) -> Steps:
    raw = yield lambda: plain.create(**params)
    raw._then = output.complete
    return raw


def _ask(plain: Any, output: Output, params: dict[str, Any], max_reasks: int) -> Steps:
    from tokstream.resources.chat import as_messages

    messages = as_messages(params.pop("messages", None))
    used: CompletionUsage | None = None
    is_again = False
    while True:
        if is_again and plain._watch is not None:
            plain._watch.goes_on(told(used))
        reply = yield lambda messages=messages: plain.create(messages=messages, **params)
        completion = reply if plain._form == PARSED else reply.parse()
        used = total_of(used, getattr(completion, "usage", None))
        if is_again and used is not None:
            completion.usage = used
        try:
            parsed = output.complete(completion)
        except OutputValidationError as error:
            if max_reasks <= 0:
                raise
            max_reasks -= 1
            is_again = True
            messages = messages + complaint(completion, error)
        else:
            if plain._form == PARSED:
                return parsed
            reply._parsed = parsed
            return reply


def complaint(completion: Any, error: OutputValidationError) -> list[Any]:
    """Return the messages that tell the model what is wrong with its reply."""
    from tokstream._surrogates import joined
    from tokstream._tools.calls import make_good

    reasons = joined("\n".join(f"- {reason}" for reason in error.reasons))
    message = _blamed(completion, error)
    calls = _calls_of(message)
    said = replayed({**message.to_dict(), "tool_calls": [call.to_dict() for call in calls]})
    if not calls:
        return [said, {"role": "user", "content": _ASK_AGAIN.format(reasons=reasons)}]
    results: list[Any] = []
    for index, (call, asked) in enumerate(zip(calls, said["tool_calls"], strict=True)):
        make_good(asked, str(index))
        words = _CALL_AGAIN.format(reasons=reasons) if arguments_of(call) == error.text else _NOT_DONE
        results.append({"role": "tool", "tool_call_id": asked["id"], "content": words})
    return [said, *results]


def _blamed(completion: Any, error: OutputValidationError) -> Any:
    """Return the message that is wrong: one of several answers."""
    messages = [choice.message for choice in completion.choices]
    for message in messages:
        texts = map(arguments_of, _calls_of(message))
        if error.text in (message.content or "", *texts):
            return message
    return messages[0]


def _calls_of(message: Any) -> list[Any]:
    calls: Any = message.tool_calls
    return [call for call in calls if hasattr(call, "to_dict")] if is_list(calls) else []
