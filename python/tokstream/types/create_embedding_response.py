"""The vectors of a list of texts."""

from tokstream._tokstream import CreateEmbeddingResponse, EmbeddingUsage as Usage

__all__ = ["CreateEmbeddingResponse", "Usage"]
