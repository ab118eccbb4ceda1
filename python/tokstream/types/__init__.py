"""Types of every route: replies, and the parts of a request.

Types of the chat route are in `tokstream.types.chat`.
"""

from tokstream._tokstream import BaseModel

from . import chat, shared, shared_params
from .completion import Completion
from .completion_choice import CompletionChoice
from .completion_create_params import CompletionCreateParams
from .completion_usage import CompletionTokensDetails, CompletionUsage, PromptTokensDetails
from .create_embedding_response import CreateEmbeddingResponse
from .embedding import Embedding
from .embedding_create_params import EmbeddingCreateParams
from .model import Model, ModelList, ModelMetadata, ModelPricing
from .shared_params import (
    FunctionDefinition,
    FunctionParameters,
    Metadata,
    ReasoningEffort,
    ResponseFormatJSONObject,
    ResponseFormatJSONSchema,
    ResponseFormatRegex,
    ResponseFormatText,
)

__all__ = [
    "BaseModel",
    "Completion",
    "CompletionChoice",
    "CompletionCreateParams",
    "CompletionTokensDetails",
    "CompletionUsage",
    "CreateEmbeddingResponse",
    "Embedding",
    "EmbeddingCreateParams",
    "FunctionDefinition",
    "FunctionParameters",
    "Metadata",
    "Model",
    "ModelList",
    "ModelMetadata",
    "ModelPricing",
    "PromptTokensDetails",
    "ReasoningEffort",
    "ResponseFormatJSONObject",
    "ResponseFormatJSONSchema",
    "ResponseFormatRegex",
    "ResponseFormatText",
    "chat",
    "shared",
    "shared_params",
]
