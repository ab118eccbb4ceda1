"""Answers that have no proper end, so that nothing can be read out of them."""

from __future__ import annotations

from tokstream._typing import TYPE_CHECKING

from .errors import ContentFilterFinishReasonError, LengthFinishReasonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokstream._tokstream import ChatCompletion


def check_finish(reason: object, completion: Callable[[], ChatCompletion]) -> None:
    """Raise the error of an answer that has no proper end.

    Args:
        reason: why it ended.
        completion: gives the reply for the error.

    Raises:
        LengthFinishReasonError: it was cut at the limit of tokens.
        ContentFilterFinishReasonError: it was withheld.
    """
    if reason == "length":
        raise LengthFinishReasonError(completion=completion())
    if reason == "content_filter":
        raise ContentFilterFinishReasonError(completion=completion())
