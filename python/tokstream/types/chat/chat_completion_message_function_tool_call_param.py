"""A function call that the model asked for, sent back to it."""

from typing import Literal

from tokstream.types._typing import Required, TypedDict

__all__ = ["ChatCompletionMessageFunctionToolCallParam", "Function"]


class Function(TypedDict, total=False):
    """The function and the arguments that the model chose."""

    arguments: Required[str]
    """The arguments as JSON text, exactly as the model wrote them."""

    name: Required[str]
    """The function's name."""


class ChatCompletionMessageFunctionToolCallParam(TypedDict, total=False):
    """One call in an assistant message."""

    id: Required[str]
    """The call's id. The tool message that answers it repeats the id."""

    function: Required[Function]
    """What to call, and with what."""

    type: Required[Literal["function"]]
    """Always `function`."""

    extra_content: object
    """What some models attach to a call and need to see again."""
