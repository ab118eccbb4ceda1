"""`client.chat.completions`: replies to a conversation, whole, streamed or as events."""

from __future__ import annotations

from _collections_abc import Mapping

from tokstream._marks import NOT_GIVEN
from tokstream._resource import PARSED, Resource, awaited, replaceable, send
from tokstream._tokstream import ChatCompletion
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Chat(Resource):
    """Chat routes."""

    @replaceable
    def completions(self) -> Any:
        """Replies to a conversation."""
        return self._kept("completions", AsyncCompletions if self._client._asynchronous else Completions, self._form)


class Completions(Resource):
    """Replies to a conversation."""

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
        body: dict[str, Any] = {
            "messages": as_messages(messages),
            "model": model if model or model is None else client.model,
        }
        if stream:
            body["stream"] = True
        elif stream is None:
            body["stream"] = None
        body.update(params)
        if auto_continue or resume or (stream_under and not stream):
            from tokstream._long_answers import ask

            options = {"extra_headers": extra_headers, "extra_query": extra_query, "timeout": timeout}
            wanted = {"auto_continue": auto_continue, "resume": resume, "stream_under": stream_under}
            return ask(client, self._form, body, extra_body, options, **wanted)
        return send(
            client,
            self._form,
            "POST",
            "/chat/completions",
            body=body,
            cast=ChatCompletion,
            stream="chat" if stream else None,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )

    def stream(self, **params: Any) -> Any:
        """Ask for the next message of a conversation, as events."""
        from tokstream._events import AsyncChatCompletionStreamManager, ChatCompletionStreamManager

        params.pop("stream", None)
        plain = type(self)(self._client, PARSED)
        manager = AsyncChatCompletionStreamManager if self._client._asynchronous else ChatCompletionStreamManager
        return manager(lambda: plain.create(stream=True, **params))


def as_messages(messages: Any) -> Any:
    """Return the messages as a list: a string is one message of the user.

    Raises:
        TypeError: they are no messages.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if isinstance(messages, (Mapping, bytes, type)) or not hasattr(messages, "__iter__"):
        raise TypeError(f"messages must be a list of messages or a string, not {type(messages).__name__}")
    messages = list(messages)
    for message in messages:
        if message is None or isinstance(message, (str, bytes, int, float)):
            raise TypeError(f"a message must be a dict with a role and a content, not {message!r:.100}")
    return messages


class AsyncChat(Chat):
    """Chat routes."""


class AsyncCompletions(Completions):
    """Replies to a conversation."""

    create = awaited(Completions.create)
