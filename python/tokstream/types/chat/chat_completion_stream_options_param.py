"""What a stream carries besides content."""

from tokstream.types._typing import TypedDict

__all__ = ["ChatCompletionStreamOptionsParam"]


class ChatCompletionStreamOptionsParam(TypedDict, total=False):
    """What a stream carries besides content."""

    include_usage: bool
    """Whether the stream ends with token counts. DeepInfra's default is true."""

    continuous_usage_stats: bool
    """Whether every chunk has the token counts so far. Default false."""
