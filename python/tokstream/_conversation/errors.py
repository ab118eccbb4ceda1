"""The errors of conversations."""

from __future__ import annotations

from tokstream._exceptions import TokstreamError
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from tokstream._tokstream import ChatCompletion

__all__ = ["ContextLengthExceededError", "ConversationError", "ConversationFileError"]


class ConversationError(TokstreamError):
    """A conversation cannot do what was asked of it: it waits for another reply, or has nothing to take back."""


class ContextLengthExceededError(ConversationError):
    """A conversation is longer than its model's context. It stays as it was before the message that did not fit.

    Attributes:
        tokens (int | None): how long it is, as the server or an estimate says.
        limit (int | None): how many tokens the model can see at once.
        model (str | None): the model.
        partial (ChatCompletion | None): the answer so far, where it takes several requests and the context was full
            between two of them.
    """

    tokens: int | None
    limit: int | None
    model: str | None
    partial: ChatCompletion | None

    def __init__(
        self,
        message: str = "The conversation is longer than the model's context.",
        *,
        tokens: int | None = None,
        limit: int | None = None,
        model: str | None = None,
        partial: ChatCompletion | None = None,
    ) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit
        self.model = model
        self.partial = partial


class ConversationFileError(ConversationError, ValueError):
    """A file is no saved conversation, or is not all of one. The file is left as it is.

    Attributes:
        path (str): the file.
        line (int | None): the line that is wrong, from 1.
        messages (list[dict]): the messages that stand before it.
    """

    path: str
    line: int | None
    messages: list[dict[str, Any]]

    def __init__(
        self, message: str, *, path: str, line: int | None = None, messages: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.messages = messages or []


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream"
