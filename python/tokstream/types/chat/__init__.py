"""Types of the chat route: replies, and the parts of a request."""

from .chat_completion import ChatCompletion
from .chat_completion_assistant_message_param import ChatCompletionAssistantMessageParam
from .chat_completion_audio import ChatCompletionAudio
from .chat_completion_chunk import ChatCompletionChunk
from .chat_completion_content_part_image_param import ChatCompletionContentPartImageParam
from .chat_completion_content_part_input_audio_param import ChatCompletionContentPartInputAudioParam
from .chat_completion_content_part_param import ChatCompletionContentPartParam
from .chat_completion_content_part_refusal_param import ChatCompletionContentPartRefusalParam
from .chat_completion_content_part_text_param import ChatCompletionContentPartTextParam
from .chat_completion_content_part_video_param import ChatCompletionContentPartVideoParam
from .chat_completion_developer_message_param import ChatCompletionDeveloperMessageParam
from .chat_completion_function_message_param import ChatCompletionFunctionMessageParam
from .chat_completion_function_tool_param import ChatCompletionFunctionToolParam
from .chat_completion_message import ChatCompletionMessage
from .chat_completion_message_custom_tool_call import ChatCompletionMessageCustomToolCall
from .chat_completion_message_function_tool_call import ChatCompletionMessageFunctionToolCall
from .chat_completion_message_function_tool_call_param import ChatCompletionMessageFunctionToolCallParam
from .chat_completion_message_param import ChatCompletionMessageParam, MessageLike, Messages, SupportsModelDump
from .chat_completion_message_tool_call import ChatCompletionMessageToolCall, ChatCompletionMessageToolCallUnion
from .chat_completion_message_tool_call_param import ChatCompletionMessageToolCallParam
from .chat_completion_message_tool_call_union_param import ChatCompletionMessageToolCallUnionParam
from .chat_completion_named_tool_choice_param import ChatCompletionNamedToolChoiceParam
from .chat_completion_reasoning_effort import ChatCompletionReasoningEffort
from .chat_completion_role import ChatCompletionRole
from .chat_completion_stream_event import (
    ChatCompletionStreamEvent,
    ChunkEvent,
    ContentDeltaEvent,
    ContentDoneEvent,
    FunctionToolCallArgumentsDeltaEvent,
    FunctionToolCallArgumentsDoneEvent,
    LogprobsContentDeltaEvent,
    LogprobsContentDoneEvent,
    LogprobsRefusalDeltaEvent,
    LogprobsRefusalDoneEvent,
    RefusalDeltaEvent,
    RefusalDoneEvent,
)
from .chat_completion_stream_options_param import ChatCompletionStreamOptionsParam
from .chat_completion_system_message_param import ChatCompletionSystemMessageParam
from .chat_completion_token_logprob import ChatCompletionTokenLogprob
from .chat_completion_tool_choice_option_param import ChatCompletionToolChoiceOptionParam
from .chat_completion_tool_message_param import ChatCompletionToolMessageParam
from .chat_completion_tool_param import ChatCompletionToolParam
from .chat_completion_tool_run_event import (
    ToolCallResultEvent,
    ToolCallStartedEvent,
    ToolRunEvent,
    TurnDoneEvent,
    TurnStartedEvent,
)
from .chat_completion_tool_union_param import ChatCompletionToolUnionParam
from .chat_completion_user_message_param import ChatCompletionUserMessageParam
from .completion_create_params import CompletionCreateParams
from .parsed_chat_completion import ParsedChatCompletion, ParsedChatCompletionMessage, ParsedChoice
from .parsed_function_tool_call import ParsedFunction, ParsedFunctionToolCall

__all__ = [
    "ChatCompletion",
    "ChatCompletionAssistantMessageParam",
    "ChatCompletionAudio",
    "ChatCompletionChunk",
    "ChatCompletionContentPartImageParam",
    "ChatCompletionContentPartInputAudioParam",
    "ChatCompletionContentPartParam",
    "ChatCompletionContentPartRefusalParam",
    "ChatCompletionContentPartTextParam",
    "ChatCompletionContentPartVideoParam",
    "ChatCompletionDeveloperMessageParam",
    "ChatCompletionFunctionMessageParam",
    "ChatCompletionFunctionToolParam",
    "ChatCompletionMessage",
    "ChatCompletionMessageCustomToolCall",
    "ChatCompletionMessageFunctionToolCall",
    "ChatCompletionMessageFunctionToolCallParam",
    "ChatCompletionMessageParam",
    "ChatCompletionMessageToolCall",
    "ChatCompletionMessageToolCallParam",
    "ChatCompletionMessageToolCallUnion",
    "ChatCompletionMessageToolCallUnionParam",
    "ChatCompletionNamedToolChoiceParam",
    "ChatCompletionReasoningEffort",
    "ChatCompletionRole",
    "ChatCompletionStreamEvent",
    "ChatCompletionStreamOptionsParam",
    "ChatCompletionSystemMessageParam",
    "ChatCompletionTokenLogprob",
    "ChatCompletionToolChoiceOptionParam",
    "ChatCompletionToolMessageParam",
    "ChatCompletionToolParam",
    "ChatCompletionToolUnionParam",
    "ChatCompletionUserMessageParam",
    "ChunkEvent",
    "CompletionCreateParams",
    "ContentDeltaEvent",
    "ContentDoneEvent",
    "FunctionToolCallArgumentsDeltaEvent",
    "FunctionToolCallArgumentsDoneEvent",
    "LogprobsContentDeltaEvent",
    "LogprobsContentDoneEvent",
    "LogprobsRefusalDeltaEvent",
    "LogprobsRefusalDoneEvent",
    "MessageLike",
    "Messages",
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
    "RefusalDeltaEvent",
    "RefusalDoneEvent",
    "SupportsModelDump",
    "ToolCallResultEvent",
    "ToolCallStartedEvent",
    "ToolRunEvent",
    "TurnDoneEvent",
    "TurnStartedEvent",
]
