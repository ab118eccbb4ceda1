//! The response classes, declared: names and nesting are openai-python's, fields beyond them the service's.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::model::{
    Attributes, BaseModel, Field, Kind, Places, Schema, Shape, Standing, from_keywords, main_of, position, read_here,
};
use crate::py::once::kept;

macro_rules! kind {
    ((one $class:ident)) => {
        Kind::One($class::SCHEMA)
    };
    ((many $class:ident)) => {
        Kind::Many($class::SCHEMA)
    };
    ($plain:ident) => {
        Kind::Plain(stringify!($plain))
    };
}

macro_rules! standing {
    () => {
        Standing::Required
    };
    (optional) => {
        Standing::Optional
    };
    (extension) => {
        Standing::Extension
    };
}

/// Declares classes as `Flat name "Python name" in "module" { field "name": kind [standing], … }`.
macro_rules! response_classes {
    ($(
        $class:ident $name:literal in $module:literal {
            $( $getter:ident $field:literal : $kind:tt $($standing:ident)? ),* $(,)?
        }
    )*) => {
        $(
            #[doc = concat!("`", $module, ".", $name, "`")]
            #[pyclass(frozen, extends = BaseModel, name = $name, module = $module)]
            #[derive(Debug)]
            pub struct $class;

            impl $class {
                const FIELDS: &'static [Field] = &[
                    $( Field { name: $field, kind: kind!($kind), standing: standing!($($standing)?) } ),*
                ];

                /// How the class is read.
                pub const SCHEMA: &'static Schema = &Schema {
                    name: stringify!($class),
                    fields: Self::FIELDS,
                    places: Places::of(Self::FIELDS),
                    main: main_of(Self::FIELDS),
                    make: |py, base| Ok(Py::new(py, PyClassInitializer::from(base).add_subclass(Self))?.into_any()),
                    class: |py| py.get_type::<Self>(),
                    attributes: || {
                        static ATTRIBUTES: Attributes = Attributes::new();
                        &ATTRIBUTES
                    },
                    shape: |py| {
                        static SHAPE: OnceLock<Shape> = OnceLock::new();
                        kept(&SHAPE, || Shape::of(py, Self::SCHEMA))
                    },
                };
            }

            #[pymethods]
            impl $class {
                #[new]
                #[pyo3(signature = (**fields))]
                fn new(py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
                    Ok(PyClassInitializer::from(from_keywords(&py.get_type::<Self>(), fields)?).add_subclass(Self))
                }

                $(
                    #[getter]
                    #[pyo3(name = $field)]
                    fn $getter(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
                        const POSITION: usize = position($class::SCHEMA.fields, $field);
                        slf.as_super().get().field(slf.py(), POSITION)
                    }
                )*
            }
        )*

        /// All response classes.
        pub static SCHEMAS: &[&Schema] = &[ $( $class::SCHEMA ),* ];

        /// Adds the classes to the module, under their flat names.
        ///
        /// # Errors
        /// Where Python has no memory for them.
        pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(
                let class = module.py().get_type::<$class>();
                read_here(&class);
                module.add(stringify!($class), class)?;
            )*
            Ok(())
        }
    };
}

response_classes! {
    CompletionTokensDetails "CompletionTokensDetails" in "tokstream.types.completion_usage" {
        accepted_prediction_tokens "accepted_prediction_tokens": int optional,
        audio_tokens "audio_tokens": int optional,
        reasoning_tokens "reasoning_tokens": int optional,
        rejected_prediction_tokens "rejected_prediction_tokens": int optional,
        text_tokens "text_tokens": int optional,
    }
    PromptTokensDetails "PromptTokensDetails" in "tokstream.types.completion_usage" {
        audio_tokens "audio_tokens": int optional,
        cache_write_tokens "cache_write_tokens": int optional,
        cached_tokens "cached_tokens": int optional,
        image_tokens "image_tokens": int optional,
        text_tokens "text_tokens": int optional,
    }
    CompletionUsage "CompletionUsage" in "tokstream.types.completion_usage" {
        completion_tokens "completion_tokens": int,
        prompt_tokens "prompt_tokens": int,
        total_tokens "total_tokens": int,
        completion_tokens_details "completion_tokens_details": (one CompletionTokensDetails) optional,
        prompt_tokens_details "prompt_tokens_details": (one PromptTokensDetails) optional,
        estimated_cost "estimated_cost": float extension,
    }
    TopLogprob "TopLogprob" in "tokstream.types.chat.chat_completion_token_logprob" {
        token "token": str,
        bytes "bytes": any optional,
        logprob "logprob": float,
    }
    ChatCompletionTokenLogprob "ChatCompletionTokenLogprob" in "tokstream.types.chat.chat_completion_token_logprob" {
        token "token": str,
        bytes "bytes": any optional,
        logprob "logprob": float,
        top_logprobs "top_logprobs": (many TopLogprob) optional,
    }
    ChoiceLogprobs "ChoiceLogprobs" in "tokstream.types.chat.chat_completion" {
        content "content": (many ChatCompletionTokenLogprob) optional,
        refusal "refusal": (many ChatCompletionTokenLogprob) optional,
    }
    FunctionCall "FunctionCall" in "tokstream.types.chat.chat_completion_message" {
        arguments "arguments": str,
        name "name": str,
    }
    Function "Function" in "tokstream.types.chat.chat_completion_message_tool_call" {
        arguments "arguments": str,
        name "name": str,
    }
    Custom "Custom" in "tokstream.types.chat.chat_completion_message_custom_tool_call" {
        input "input": str,
        name "name": str,
    }
    ChatCompletionMessageToolCall "ChatCompletionMessageToolCall" in "tokstream.types.chat.chat_completion_message_tool_call" {
        id "id": str,
        function "function": (one Function),
        type_ "type": str optional,
        custom "custom": (one Custom) extension,
    }
    AnnotationURLCitation "AnnotationURLCitation" in "tokstream.types.chat.chat_completion_message" {
        end_index "end_index": int,
        start_index "start_index": int,
        title "title": str,
        url "url": str,
    }
    Annotation "Annotation" in "tokstream.types.chat.chat_completion_message" {
        type_ "type": str,
        url_citation "url_citation": (one AnnotationURLCitation),
    }
    ChatCompletionAudio "ChatCompletionAudio" in "tokstream.types.chat.chat_completion_audio" {
        id "id": str,
        data "data": str,
        expires_at "expires_at": int,
        transcript "transcript": str,
    }
    ChatCompletionMessage "ChatCompletionMessage" in "tokstream.types.chat.chat_completion_message" {
        content "content": str optional,
        refusal "refusal": str optional,
        role "role": str,
        annotations "annotations": (many Annotation) optional,
        audio "audio": (one ChatCompletionAudio) optional,
        function_call "function_call": (one FunctionCall) optional,
        tool_calls "tool_calls": (many ChatCompletionMessageToolCall) optional,
        reasoning_content "reasoning_content": str extension,
    }
    Choice "Choice" in "tokstream.types.chat.chat_completion" {
        finish_reason "finish_reason": str optional,
        index "index": int,
        logprobs "logprobs": (one ChoiceLogprobs) optional,
        message "message": (one ChatCompletionMessage),
    }
    ChatCompletion "ChatCompletion" in "tokstream.types.chat.chat_completion" {
        id "id": str,
        choices "choices": (many Choice),
        created "created": int,
        model "model": str,
        object "object": str,
        metadata "metadata": any optional,
        moderation "moderation": any optional,
        service_tier "service_tier": str optional,
        system_fingerprint "system_fingerprint": str optional,
        usage "usage": (one CompletionUsage) optional,
    }
    ChoiceDeltaFunctionCall "ChoiceDeltaFunctionCall" in "tokstream.types.chat.chat_completion_chunk" {
        arguments "arguments": str optional,
        name "name": str optional,
    }
    ChoiceDeltaToolCallFunction "ChoiceDeltaToolCallFunction" in "tokstream.types.chat.chat_completion_chunk" {
        arguments "arguments": str optional,
        name "name": str optional,
    }
    ChoiceDeltaToolCall "ChoiceDeltaToolCall" in "tokstream.types.chat.chat_completion_chunk" {
        index "index": int,
        id "id": str optional,
        function "function": (one ChoiceDeltaToolCallFunction) optional,
        type_ "type": str optional,
    }
    ChoiceDelta "ChoiceDelta" in "tokstream.types.chat.chat_completion_chunk" {
        audio "audio": any optional,
        content "content": str optional,
        function_call "function_call": (one ChoiceDeltaFunctionCall) optional,
        refusal "refusal": str optional,
        role "role": str optional,
        tool_calls "tool_calls": (many ChoiceDeltaToolCall) optional,
        reasoning_content "reasoning_content": str extension,
    }
    ChunkChoice "Choice" in "tokstream.types.chat.chat_completion_chunk" {
        delta "delta": (one ChoiceDelta),
        index "index": int,
        finish_reason "finish_reason": str optional,
        logprobs "logprobs": (one ChoiceLogprobs) optional,
    }
    ChatCompletionChunk "ChatCompletionChunk" in "tokstream.types.chat.chat_completion_chunk" {
        id "id": str,
        choices "choices": (many ChunkChoice),
        created "created": int,
        model "model": str,
        object "object": str,
        moderation "moderation": any optional,
        obfuscation "obfuscation": str optional,
        service_tier "service_tier": str optional,
        system_fingerprint "system_fingerprint": str optional,
        usage "usage": (one CompletionUsage) optional,
    }
    Logprobs "Logprobs" in "tokstream.types.completion_choice" {
        text_offset "text_offset": any optional,
        token_logprobs "token_logprobs": any optional,
        tokens "tokens": any optional,
        top_logprobs "top_logprobs": any optional,
    }
    CompletionChoice "CompletionChoice" in "tokstream.types.completion_choice" {
        finish_reason "finish_reason": str optional,
        index "index": int,
        logprobs "logprobs": (one Logprobs) optional,
        text "text": str,
    }
    Completion "Completion" in "tokstream.types.completion" {
        id "id": str,
        choices "choices": (many CompletionChoice),
        created "created": int,
        model "model": str,
        object "object": str,
        system_fingerprint "system_fingerprint": str optional,
        usage "usage": (one CompletionUsage) optional,
    }
    EmbeddingUsage "Usage" in "tokstream.types.create_embedding_response" {
        prompt_tokens "prompt_tokens": int,
        total_tokens "total_tokens": int,
    }
    Embedding "Embedding" in "tokstream.types.embedding" {
        embedding "embedding": any,
        index "index": int,
        object "object": str,
    }
    CreateEmbeddingResponse "CreateEmbeddingResponse" in "tokstream.types.create_embedding_response" {
        data "data": (many Embedding),
        model "model": str,
        object "object": str,
        usage "usage": (one EmbeddingUsage) optional,
    }
    ModelPricing "ModelPricing" in "tokstream.types.model" {
        input_tokens "input_tokens": float optional,
        output_tokens "output_tokens": float optional,
        cache_read_tokens "cache_read_tokens": float optional,
    }
    ModelMetadata "ModelMetadata" in "tokstream.types.model" {
        description "description": str optional,
        context_length "context_length": int optional,
        max_tokens "max_tokens": int optional,
        pricing "pricing": (one ModelPricing) optional,
        tags "tags": any optional,
    }
    Model "Model" in "tokstream.types.model" {
        id "id": str,
        created "created": int optional,
        object "object": str,
        owned_by "owned_by": str optional,
        shutdown_date "shutdown_date": str optional,
        root "root": str extension,
        metadata "metadata": (one ModelMetadata) extension,
    }
    ModelList "ModelList" in "tokstream.types.model" {
        data "data": (many Model),
        object "object": str,
    }
}

/// Calls the function of `tokstream._models` that does the work of a page's method.
fn of_page<'py>(page: &Bound<'py, ModelList>, function: &str) -> PyResult<Bound<'py, PyAny>> {
    page.py().import("tokstream._models")?.call_method1(function, (page,))
}

#[pymethods]
impl ModelList {
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(of_page(slf, "page_items")?.try_iter()?.into_any())
    }

    fn __aiter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let items = of_page(slf, "page_items")?;
        slf.py()
            .import("tokstream._models")?
            .call_method1("async_items", (items,))
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        of_page(slf, "page_items")?.len()
    }

    /// A page is there, whether or not there are models on it.
    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __bool__(&self) -> bool {
        true
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, at: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        of_page(slf, "page_items")?.get_item(at)
    }

    /// A server lists all models at once.
    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn has_next_page(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn next_page_info(&self) {}

    fn get_next_page<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        of_page(slf, "get_next_page")
    }

    fn iter_pages<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        of_page(slf, "iter_pages")
    }
}
