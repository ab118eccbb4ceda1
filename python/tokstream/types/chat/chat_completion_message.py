"""The message in a chat reply."""

from tokstream._tokstream import Annotation, AnnotationURLCitation, ChatCompletionMessage, FunctionCall

__all__ = ["Annotation", "AnnotationURLCitation", "ChatCompletionMessage", "FunctionCall"]
