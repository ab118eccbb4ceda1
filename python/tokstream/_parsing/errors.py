"""The errors of replies out of which no value can be read."""

from __future__ import annotations

from tokstream._exceptions import APIResponseValidationError, TokstreamError
from tokstream._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokstream._schema import Reason
    from tokstream._tokstream import ChatCompletion

__all__ = [
    "ContentFilterFinishReasonError",
    "LengthFinishReasonError",
    "OutputValidationError",
    "RefusalError",
]

# Characters of a reply, and reasons against it, that an error shows.
_SHOWN_REPLY = 500
_SHOWN_REASONS = 10


class OutputValidationError(APIResponseValidationError, ValueError):
    """What the model wrote is not what was asked for: no JSON, or none that fits the `response_format` or a tool.

    Attributes:
        text (str): what the model wrote.
        reasons (list[Reason]): what is wrong with it; each has a `path` to a part of it, empty for the whole, and a
            `complaint`.
        completion (ChatCompletion | None): the reply.
    """

    text: str
    reasons: list[Reason]
    completion: ChatCompletion | None

    def __init__(
        self,
        message: str | None = None,
        *,
        text: str = "",
        reasons: list[Reason] | None = None,
        completion: ChatCompletion | None = None,
    ) -> None:
        reasons = reasons or []
        if not message:
            shown = text if len(text) <= _SHOWN_REPLY else f"{text[:_SHOWN_REPLY]}…"
            lines = [f"  {reason}" for reason in reasons[:_SHOWN_REASONS]]
            if len(reasons) > _SHOWN_REASONS:
                lines.append(f"  and {len(reasons) - _SHOWN_REASONS} more")
            message = "\n".join(["The model's reply is not what was asked for:", *lines, f"It wrote: {shown}"])
        super().__init__(message, text, request_id=getattr(completion, "_request_id", None))
        self.text = text
        self.reasons = reasons
        self.completion = completion


class LengthFinishReasonError(TokstreamError):
    """The answer was cut at the limit of tokens, so that it cannot be parsed.

    Attributes:
        completion (ChatCompletion): the answer as far as it goes.
    """

    completion: ChatCompletion

    def __init__(self, message: str | None = None, *, completion: ChatCompletion) -> None:
        if not message:
            message = "The answer cannot be parsed: it was cut at the limit of tokens."
            usage = getattr(completion, "usage", None)
            if usage:
                message = f"{message[:-1]} ({usage})."
        super().__init__(message)
        self.completion = completion


class ContentFilterFinishReasonError(TokstreamError):
    """The server's content filter withheld the answer, so that it cannot be parsed.

    Attributes:
        completion (ChatCompletion | None): the answer as far as it goes, where there is one.
    """

    completion: ChatCompletion | None

    def __init__(self, message: str | None = None, *, completion: ChatCompletion | None = None) -> None:
        if not message:
            message = "The answer cannot be parsed: the server's content filter withheld it."
        super().__init__(message)
        self.completion = completion


class RefusalError(TokstreamError):
    """The model refused to answer, where an answer was demanded.

    Attributes:
        refusal (str): why, in the model's words.
        completion (ChatCompletion | None): the reply.
    """

    refusal: str
    completion: ChatCompletion | None

    def __init__(self, refusal: str = "", *, completion: ChatCompletion | None = None) -> None:
        super().__init__(f"The model refused: {refusal}" if refusal else "The model refused to answer.")
        self.refusal = refusal
        self.completion = completion


# Where programs import them from, and pickles look for them.
for _name in __all__:
    globals()[_name].__module__ = "tokstream"
