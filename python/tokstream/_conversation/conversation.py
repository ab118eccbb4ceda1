"""The conversations of both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from tokstream import _steps
from tokstream._client import AsyncClient, Client

from .base import BaseConversation
from .run import AsyncRunChunks, RunChunks
from .stream import AsyncConversationStream, AsyncConversationStreamManager, ConversationStream

if TYPE_CHECKING:
    from tokstream.types.chat import ChatCompletion, ParsedChatCompletion

    from .base import Question

_T = TypeVar("_T")


class Conversation(BaseConversation[Client]):
    """A conversation with a model: each message is sent with what was said before, and kept with its reply.

    `client.conversation(…)` makes it. One reply is waited for at a time: a second thread that sends a message meanwhile
    gets a `ConversationError`.

    Args:
        client: whose connections and settings are used.
        system: the instructions that hold for the whole conversation.
        messages: what was said before: a list of messages, or a text of the user.
        model: the model. Default: the client's.
        tools: what the model may call: as for `run_tools`.
        max_cost: how much the conversation may cost, in USD. Once its replies have cost so much, the next request is a
            `BudgetExceededError`.
        on_overflow: what is done when the history outgrows the model's context. `"raise"` raises
            `ContextLengthExceededError`; `"drop_oldest"` drops the oldest turns, each with its replies and the results
            of its tools, and keeps the system message; a function gets the messages and returns those to send and
            keep. These ask the server once for the length of the model's context. Default: the server's own error is
            raised as `ContextLengthExceededError`.
        keep_partial: whether to keep what there is of a reply that was cut, cancelled or failed. Default false: the
            history stays as it was before its message.
        context_length: how many tokens the model can see at once, where the server does not tell.
        **params: parameters of every request, as for `chat.completions.create`.

    Attributes:
        client: the client.
        messages: the history, as plain dicts. It can be changed at will between two messages.
        model: the model; None for the client's.
        tools: what the model may call.
        max_cost: how much the conversation may cost, in USD.
        on_overflow: what is done when the history is too long.
        keep_partial: whether a part of a reply is kept.
        context_length: how many tokens the model can see at once.
        params: parameters of every request.

    Raises:
        ConfigurationError: an argument has no meaning.
        TypeError: an argument has the wrong type.
    """

    _client_class = Client
    _stream_class = ConversationStream
    _run_class = RunChunks

    @overload
    def send(
        self, message: Question = None, *, response_format: type[_T], **params: Any
    ) -> ParsedChatCompletion[_T]: ...
    @overload
    def send(self, message: Question = None, **params: Any) -> ChatCompletion: ...
    def send(self, message: Question = None, **params: Any) -> ChatCompletion:
        """Send a message and return the reply; both are then in `messages`.

        Args:
            message: a text, the parts of a content, a message or several. None sends the history as it is, after one
                was appended to it.
            **params: parameters of this request alone. With a type or a JSON Schema as `response_format` the reply is
                a `ParsedChatCompletion`, as that of `chat.completions.parse`; `max_reasks` can be given too. `max_cost`
                is what this reply may cost.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
            BudgetExceededError: the conversation has cost `max_cost`.
            ContextLengthExceededError: the history is too long for the model.
            ConversationError: another reply is waited for.
            OutputValidationError: the reply is not of the type that was asked for.
        """
        return _steps.run(self._send(message, params))  # type: ignore[no-any-return]

    def stream(self, message: Question = None, **params: Any) -> ConversationStream:
        """Send a message and return the reply as it is being written.

        When the stream has been read to its end, message and reply are in `messages`.

        Args:
            message: as for `send`.
            **params: parameters of this request alone.

        Raises:
            APIError: the request failed: see `chat.completions.create`.
            BudgetExceededError: the conversation has cost `max_cost`.
            ContextLengthExceededError: the history is too long for the model.
            ConversationError: another reply is waited for.
        """
        return _steps.run(self._open(message, params))  # type: ignore[no-any-return]


class AsyncConversation(BaseConversation[AsyncClient]):
    """A conversation with a model, for the async client. What `Conversation` says holds here too.

    An `on_overflow` function may be async.
    """

    _client_class = AsyncClient
    _stream_class = AsyncConversationStream
    _run_class = AsyncRunChunks

    @overload
    async def send(
        self, message: Question = None, *, response_format: type[_T], **params: Any
    ) -> ParsedChatCompletion[_T]: ...
    @overload
    async def send(self, message: Question = None, **params: Any) -> ChatCompletion: ...
    async def send(self, message: Question = None, **params: Any) -> ChatCompletion:
        """Send a message and return the reply; both are then in `messages`.

        Args:
            message: as for `Conversation.send`.
            **params: parameters of this request alone.

        Raises:
            APIError: as for `Conversation.send`, like the others.
        """
        return await _steps.arun(self._send(message, params))  # type: ignore[no-any-return]

    def stream(self, message: Question = None, **params: Any) -> AsyncConversationStreamManager:
        """Send a message and return the reply as it is being written: to be awaited, or entered by `async with`.

        Args:
            message: as for `Conversation.send`.
            **params: parameters of this request alone.

        Raises:
            APIError: as for `Conversation.stream`, like the others.
        """
        return AsyncConversationStreamManager(_steps.arun(self._open(message, params)))


# Where programs import them from, and pickles look for them.
for _cls in (Conversation, AsyncConversation):
    _cls.__module__ = "tokstream"
