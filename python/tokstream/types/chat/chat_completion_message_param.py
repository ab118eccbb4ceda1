"""The messages of a conversation."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from .chat_completion_assistant_message_param import ChatCompletionAssistantMessageParam
from .chat_completion_developer_message_param import ChatCompletionDeveloperMessageParam
from .chat_completion_function_message_param import ChatCompletionFunctionMessageParam
from .chat_completion_system_message_param import ChatCompletionSystemMessageParam
from .chat_completion_tool_message_param import ChatCompletionToolMessageParam
from .chat_completion_user_message_param import ChatCompletionUserMessageParam

__all__ = ["ChatCompletionMessageParam", "MessageLike", "Messages", "SupportsModelDump"]

ChatCompletionMessageParam: TypeAlias = (
    ChatCompletionDeveloperMessageParam
    | ChatCompletionSystemMessageParam
    | ChatCompletionUserMessageParam
    | ChatCompletionAssistantMessageParam
    | ChatCompletionToolMessageParam
    | ChatCompletionFunctionMessageParam
)
"""One message, told apart by its `role`."""


class SupportsModelDump(Protocol):
    """An object that can say itself as a dict: those of this package, of pydantic, of openai-python."""

    def model_dump(self) -> dict[str, Any]:
        """Return the object as a dict."""
        ...


MessageLike: TypeAlias = ChatCompletionMessageParam | Mapping[str, object] | SupportsModelDump
"""One message: a dict with a `role`, or an object that a server sent or pydantic made."""

Messages: TypeAlias = str | Iterable[MessageLike]
"""A conversation, or a string for a single message of the user."""
