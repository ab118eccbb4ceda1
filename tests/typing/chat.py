"""What `client.chat.completions` returns, for each form of `stream=`, on both clients."""

from typing_extensions import assert_type

from tokstream import NOT_GIVEN, AsyncClient, AsyncStream, Client, Stream, Timeout, omit
from tokstream.types.chat import ChatCompletion, ChatCompletionChunk


def whole(client: Client) -> None:
    create = client.chat.completions.create
    assert_type(create(messages="Hello!"), ChatCompletion)
    assert_type(create(messages="Hello!", stream=False), ChatCompletion)
    assert_type(create(messages="Hello!", stream=None), ChatCompletion)
    assert_type(create(messages="Hello!", stream=NOT_GIVEN), ChatCompletion)
    assert_type(client.beta.chat.completions.create(messages="Hello!"), ChatCompletion)


def streamed(client: Client) -> None:
    assert_type(client.chat.completions.create(messages="Hello!", stream=True), Stream[ChatCompletionChunk])


def either(client: Client, stream: bool) -> None:
    assert_type(
        client.chat.completions.create(messages="Hello!", stream=stream),
        ChatCompletion | Stream[ChatCompletionChunk],
    )


async def whole_async(client: AsyncClient) -> None:
    create = client.chat.completions.create
    assert_type(await create(messages="Hello!"), ChatCompletion)
    assert_type(await create(messages="Hello!", stream=False), ChatCompletion)
    assert_type(await create(messages="Hello!", stream=None), ChatCompletion)
    assert_type(await client.beta.chat.completions.create(messages="Hello!"), ChatCompletion)


async def streamed_async(client: AsyncClient) -> None:
    assert_type(await client.chat.completions.create(messages="Hello!", stream=True), AsyncStream[ChatCompletionChunk])


async def either_async(client: AsyncClient, stream: bool) -> None:
    assert_type(
        await client.chat.completions.create(messages="Hello!", stream=stream),
        ChatCompletion | AsyncStream[ChatCompletionChunk],
    )


def every_parameter(client: Client) -> None:
    assert_type(
        client.chat.completions.create(
            messages=[{"role": "user", "content": "Hello!"}],
            model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
            chat_template_kwargs={"enable_thinking": False},
            continue_final_message=True,
            fail_fast=True,
            frequency_penalty=0.5,
            ignore_eos=False,
            logit_bias={"50256": -100},
            logprobs=True,
            max_completion_tokens=10,
            max_tokens=10,
            metadata={"run": "7"},
            min_p=0.1,
            models=["a/b", "c/d"],
            n=2,
            parallel_tool_calls=False,
            presence_penalty=-1,
            prompt_cache_key="mine",
            prompt_cache_options={"ttl": "30m"},
            reasoning={"effort": "low", "enabled": True},
            reasoning_effort="none",
            repetition_penalty=1.1,
            response_format={"type": "regex", "regex": "[0-9]+"},
            seed=2**64 - 1,
            service_tier="flex",
            stop=["\n", "###"],
            stop_token_ids=(1, 2),
            stream_options={"include_usage": False, "continuous_usage_stats": True},
            temperature=0,
            tool_choice={"type": "function", "function": {"name": "weather"}},
            tools=[
                {
                    "type": "function",
                    "function": {
                        "name": "weather",
                        "description": "Today's weather",
                        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                    },
                }
            ],
            top_k=40,
            top_logprobs=5,
            top_p=0.9,
            user="someone",
            auto_continue=True,
            resume=3,
            stream_under=True,
            extra_headers={"x-deepinfra-source": "tests", "user-agent": omit},
            extra_query={"version": 2},
            extra_body={"anything": {"nested": [1, None]}},
            timeout=Timeout(10, total=60),
        ),
        ChatCompletion,
    )


def forms_of_parameters(client: Client) -> None:
    create = client.chat.completions.create
    create(messages="Hello!", stop=None, temperature=None, seed=None, tools=None, tool_choice=None)
    create(messages="Hello!", stop=omit, temperature=NOT_GIVEN, tools=omit, model=omit)
    create(messages="Hello!", stop="###", tool_choice="required", timeout=30)
    create(messages="Hello!", timeout=None)
    create(messages="Hello!", timeout=NOT_GIVEN)
    create(messages="Hello!", response_format={"type": "json_object"})
    create(
        messages="Hello!",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
    )
    # A schema and tools that come out of a variable, as dicts of anything.
    schema: dict[str, object] = {"type": "json_schema", "json_schema": {"name": "answer"}}
    tools: list[dict[str, object]] = [{"type": "function", "function": {"name": "weather"}}]
    choice: dict[str, object] = {"type": "function", "function": {"name": "weather"}}
    create(messages="Hello!", response_format=schema, tools=tools, tool_choice=choice)
    # What no stub knows goes through.
    create(messages="Hello!", guided_regex="[0-9]+", mirostat=2)


def spread(client: Client, options: dict[str, int]) -> None:
    assert_type(client.chat.completions.create(messages="Hello!", logit_bias=options, stream=True).usage is None, bool)


def content(client: Client) -> None:
    completion = client.chat.completions.create(messages="Hello!")
    assert_type(completion.choices[0].message.content, str | None)
    assert_type(completion.choices[0].finish_reason, str)
    assert_type(completion.choices[0].message.reasoning_content, str | None)
    assert_type(completion._request_id, str | None)
    if completion.usage:
        assert_type(completion.usage.total_tokens, int)
        assert_type(completion.usage.estimated_cost, float | None)
    for call in completion.choices[0].message.tool_calls or []:
        assert_type(call.function.arguments, str)
    logprobs = completion.choices[0].logprobs
    if logprobs and logprobs.content:
        assert_type(logprobs.content[0].top_logprobs[0].bytes, list[int] | None)
