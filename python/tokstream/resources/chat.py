"""`client.chat.completions`: replies to a conversation, whole, streamed or as events."""

from __future__ import annotations

from _collections_abc import Mapping

from tokstream._marks import NOT_GIVEN
from tokstream._resource import PARSED, Resource, awaited, failed, options_of, replaceable, send
from tokstream._tokstream import ChatCompletion, _chat_body
from tokstream._typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from typing import Any

    from tokstream._watch import Watch


class Chat(Resource):
    """Chat routes."""

    @replaceable
    def completions(self) -> Any:
        """Replies to a conversation."""
        return self._kept("completions", AsyncCompletions if self._client.asynchronous else Completions, self._form)


class Completions(Resource):
    """Replies to a conversation."""

    # Who is told of a reply that takes several requests.
    _watch: Watch | None = None

    def create(
        self,
        *,
        messages: Any,
        model: Any = NOT_GIVEN,
        stream: Any = False,
        auto_continue: Any = False,
        resume: Any = False,
        stream_under: Any = False,
        extra_headers: Any = None,
        extra_query: Any = None,
        extra_body: Any = None,
        timeout: Any = NOT_GIVEN,
        **params: Any,
    ) -> Any:
        """Ask for the next message of a conversation."""
        client = self._client
        # What `awaited` does for others; the arguments' way through it takes a sixth of the call.
        try:
            if params:
                if "response_format" in params:
                    _refuse_type(params["response_format"])
                if "tools" in params:
                    _describe_tools(params)
            model = model if model or model is None else client.model
            is_long = auto_continue or resume or (stream_under and not stream)
            if self._form == PARSED and not is_long and not client.key_is_awaited:
                return client.core.chat(
                    messages, model, stream, params, extra_headers, extra_query, extra_body, timeout
                )
            body = _chat_body(as_messages(messages), model, stream, params)
            if is_long:
                from tokstream._long_answers.ask import ask

                options = {"extra_headers": extra_headers, "extra_query": extra_query, "timeout": timeout}
                wanted = {"auto_continue": auto_continue, "resume": resume, "stream_under": stream_under}
                return ask(client, self._form, body, extra_body, options, watch=self._watch, **wanted)
            return send(
                client,
                self._form,
                ("POST", "/chat/completions", body),
                options_of(extra_headers, extra_query, extra_body, timeout),
                ChatCompletion,
                stream="chat" if stream else None,
            )
        except Exception as error:
            if client.asynchronous:
                return failed(self._form, error)
            raise

    def parse(
        self, *, response_format: Any = NOT_GIVEN, tools: Any = NOT_GIVEN, max_reasks: int = 0, **params: Any
    ) -> Any:
        """Ask for the next message of a conversation, and read a value out of it."""
        from tokstream._parsing.parse import parse

        return parse(self, response_format=response_format, tools=tools, max_reasks=max_reasks, params=params)

    def run_tools(self, messages: Any, *, stream: Any = False, **options: Any) -> Any:
        """Ask for the next message of a conversation, and run the tools that the model asks for until it answers."""
        from tokstream._tools.run_tools import run_tools

        return run_tools(self, messages, stream=bool(stream), **options)

    def stream(self, *, response_format: Any = NOT_GIVEN, tools: Any = NOT_GIVEN, **params: Any) -> Any:
        """Ask for the next message of a conversation, as events."""
        from tokstream._events.streams import AsyncChatCompletionStreamManager, ChatCompletionStreamManager

        params.pop("stream", None)
        if "max_reasks" in params:
            raise TypeError("stream() has no max_reasks: what has arrived cannot be taken back; use parse()")
        output = None
        if response_format is not NOT_GIVEN or tools is not NOT_GIVEN:
            from tokstream._parsing.output import Output

            output = Output(response_format, tools)
            params = output.params(params)
        plain = type(self)(self._client, PARSED)
        manager = AsyncChatCompletionStreamManager if self._client.asynchronous else ChatCompletionStreamManager
        return manager(lambda: plain.create(stream=True, **params), output=output)


def _refuse_type(response_format: Any) -> None:
    """Raise a TypeError for a type, which `create` does not parse."""
    if isinstance(response_format, type) or hasattr(response_format, "__args__"):
        raise TypeError(
            f"create() does not parse replies into {response_format!r:.80}: "
            "use client.chat.completions.parse(…), or stream(…) for events"
        )


def as_messages(messages: Any) -> Any:
    """Return the messages as a list: a string is one message of the user.

    Raises:
        TypeError: they are no messages.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if not hasattr(messages, "__iter__") or isinstance(messages, (Mapping, bytes, type)):
        raise TypeError(f"messages must be a list of messages or a string, not {type(messages).__name__}")
    messages = list(messages)
    # Conversations are long, and nearly always of dicts.
    if not {*map(type, messages)} <= {dict}:
        for message in messages:
            if message is None or isinstance(message, (str, bytes, int, float)):
                raise TypeError(f"a message must be a dict with a role and a content, not {message!r:.100}")
    return messages


def _describe_tools(params: dict[str, Any]) -> None:
    """Replace tools among the parameters of a request by what is sent of them."""
    tools = params["tools"]
    if not tools:
        return
    if type(tools) is list and {*map(type, tools)} == {dict} and not callable(params.get("tool_choice")):
        return
    from tokstream._tools.definition import describe_tools

    describe_tools(params)


class AsyncChat(Chat):
    """Chat routes."""


class AsyncCompletions(Completions):
    """Replies to a conversation."""

    # Its own: a program that replaces the other's method does not mean this one.
    create = Completions.create
    parse = awaited(Completions.parse)
    _run_tools = awaited(Completions.run_tools)

    @override
    def run_tools(self, messages: Any, *, stream: Any = False, **options: Any) -> Any:
        """Ask for the next message of a conversation, and run the tools that the model asks for until it answers."""
        # A stream is iterated without being awaited.
        begin = super().run_tools if stream else self._run_tools
        return begin(messages, stream=stream, **options)
