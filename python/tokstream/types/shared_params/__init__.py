"""Parameter types used by more than one route."""

from .function_definition import FunctionDefinition
from .function_parameters import FunctionParameters
from .metadata import Metadata
from .reasoning_effort import ReasoningEffort
from .response_format_json_object import ResponseFormatJSONObject
from .response_format_json_schema import JSONSchema, ResponseFormatJSONSchema
from .response_format_regex import ResponseFormatRegex
from .response_format_text import ResponseFormatText

__all__ = [
    "FunctionDefinition",
    "FunctionParameters",
    "JSONSchema",
    "Metadata",
    "ReasoningEffort",
    "ResponseFormatJSONObject",
    "ResponseFormatJSONSchema",
    "ResponseFormatRegex",
    "ResponseFormatText",
]
