"""The model on this machine: a server that no one here wrote, over real HTTP."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import pytest

import tokstream
from tokstream import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from surface import Surface

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs tokstream[local]"),
    pytest.mark.timeout(300),  # the first test may have to fetch the model
]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

KEY = "local-key"
HELLO = [{"role": "user", "content": "Hello!"}]
# Longer than any test waits: an answer that is still being written when it is left.
ENDLESS = {"max_tokens": 3500, "extra_body": {"ignore_eos": True}}
# How long a process may take to end, in seconds: a bound on a broken test, never a delay.
PATIENCE = 30.0

# A program that starts the server, says where, and does what is asked then.
PROGRAM = """
import os, sys
from tokstream import local
server = local.serve(model_file=sys.argv[1], ctx_size=512, parallel=1)
print(server.base_url, flush=True)
"""


@pytest.fixture(scope="module")
def model_file() -> Path:
    return local.fetch_model()


@pytest.fixture(scope="module")
def server() -> Iterator[local.Server]:
    """One server for all tests that only talk to it."""
    with local.serve(api_key=KEY, embeddings=True) as server:
        yield server


@pytest.fixture
def client(surface: Surface, server: local.Server) -> Any:
    return surface.client(server.base_url, api_key=KEY, model=server.model)


def start(model_file: Path, **options: Any) -> local.Server:
    """A server of a test's own, as small as can be."""
    return local.serve(model_file=model_file, ctx_size=4096, parallel=1, **options)


def test_it_streams_token_by_token(surface: Surface, client: Any) -> None:
    stream = surface.stream(
        client, messages="Count to five.", max_tokens=24, temperature=0, stream_options={"include_usage": True}
    )
    tokens = surface.list(stream.text_stream)
    assert len(tokens) > 5
    assert surface.run(stream.get_final_text()) == "".join(tokens)
    completion = surface.run(stream.get_final_completion())
    assert completion.choices[0].finish_reason in {"stop", "length"}
    assert completion.model == "SmolLM2-135M-Instruct"
    assert stream.usage == completion.usage
    assert len(tokens) <= completion.usage.completion_tokens <= 24
    assert 0 < stream.timings.first_token <= stream.timings.total
    assert stream.timings.tokens_per_second > 0
    assert stream.response.status_code == 200


def test_whole_and_streamed_are_the_same(surface: Surface, client: Any) -> None:
    params = {"messages": "What is a cat?", "max_tokens": 16, "temperature": 0, "seed": 7}
    whole = surface.create(client, **params)
    streamed = surface.run(surface.stream(client, **params).get_final_completion())
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason == "length"


def test_a_conversation_goes_on(surface: Surface, client: Any) -> None:
    messages: list[Any] = [*HELLO]
    first = surface.create(client, messages=messages, max_tokens=8, temperature=0)
    messages += [first.choices[0].message, {"role": "user", "content": "And then?"}]
    second = surface.create(client, messages=messages, max_tokens=8, temperature=0)
    assert second.usage.prompt_tokens > first.usage.total_tokens


def test_a_conversation_of_three_turns(surface: Surface, client: Any, tmp_path: Path) -> None:
    conversation = client.conversation(system="You are a helpful assistant.", max_tokens=16, temperature=0)
    first = surface.run(conversation.send("My name is Ann. What is a cat?"))
    pieces = surface.list(surface.run(conversation.stream("What is a dog?")).text_stream)
    assert len(pieces) > 3
    conversation.save(tmp_path / "chat.jsonl")
    conversation = client.load_conversation(tmp_path / "chat.jsonl")
    third = surface.run(conversation.send("What is my name?"))
    said = [message["content"] for message in conversation.messages]
    assert said[2::2] == [
        first.choices[0].message.content,
        "".join(pieces),
        third.choices[0].message.content,
    ]
    assert [message["role"] for message in conversation.messages] == ["system", *["user", "assistant"] * 3]
    # Each request had all that was said before.
    assert third.usage.prompt_tokens > first.usage.prompt_tokens + len(pieces) + 16
    assert conversation.usage.requests == 3
    assert conversation.usage.completion_tokens <= 48


def test_a_conversation_that_outgrows_the_model(surface: Surface, client: Any) -> None:
    long = [{"role": "user", "content": "cat " * 3000}, {"role": "assistant", "content": "dog " * 3000}]
    conversation = client.conversation(system="Be brief.", messages=long, max_tokens=4)
    with pytest.raises(tokstream.ContextLengthExceededError) as caught:
        surface.run(conversation.send("Hello!"))
    assert caught.value.tokens > 6000 > caught.value.limit > 1000
    conversation.on_overflow = "drop_oldest"
    for ask in (
        lambda: surface.run(conversation.send("Hello!")),
        lambda: surface.run(surface.run(conversation.fork().stream("Hello!")).get_final_completion()),
    ):
        assert ask().usage.prompt_tokens < 100
    assert [message["role"] for message in conversation.messages] == ["system", "user", "assistant"]


def test_it_asks_for_the_key(surface: Surface, server: local.Server) -> None:
    stranger = surface.client(server.base_url, api_key="another", model=server.model)
    for streamed in False, True:
        with pytest.raises(tokstream.AuthenticationError, match="Invalid API Key") as caught:
            surface.create(stranger, stream=streamed)
        assert caught.value.status_code == 401
        assert caught.value.type == "authentication_error"


def test_it_serves_several_at_once(surface: Surface, client: Any) -> None:
    # One after the other, the last would begin only when thousands of tokens have been written.
    streams = [surface.stream(client, timeout=60, **ENDLESS) for _ in range(4)]
    pieces = [surface.next(stream.text_stream) for stream in streams]
    assert all(pieces)
    for stream in streams:
        surface.run(stream.close())
    assert surface.create(client, max_tokens=2, timeout=60).usage.completion_tokens <= 2


def test_json_schema(surface: Surface, client: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}, "count": {"enum": [1, 2, 3]}},
        "required": ["answer", "count"],
        "additionalProperties": False,
    }
    text = surface.run(
        surface.stream(
            client,
            messages="How many cats are there?",
            max_tokens=200,
            temperature=0,
            response_format={"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}},
        ).get_final_text()
    )
    reply = json.loads(text)
    assert reply["answer"] in {"yes", "no"}
    assert reply["count"] in {1, 2, 3}
    assert len(reply) == 2


class Weather(enum.Enum):
    SUN = "sun"
    RAIN = "rain"


@dataclasses.dataclass
class Day:
    """The weather of a day."""

    weather: Weather
    degrees: Literal[10, 20, 30]
    windy: bool
    next: Day | None = None


@dataclasses.dataclass
class Night:
    moon: bool


@pytest.mark.parametrize(
    "type_",
    [
        Day,
        tuple[Weather, bool],
        list[Weather],
        Day | Night,
        Weather,
        {"type": "object", "properties": {"a": {"const": 1}}},
    ],
    ids=["recursive", "tuple", "list", "union", "enum", "schema"],
)
def test_parse(surface: Surface, client: Any, type_: Any) -> None:
    params = {"messages": "How will the weather be?", "max_tokens": 300, "temperature": 0, "response_format": type_}
    whole = surface.run(client.chat.completions.parse(**params))
    value = whole.parsed
    assert whole.choices[0].finish_reason == "stop"
    if isinstance(type_, dict):
        assert value == {"a": 1}
    elif type_ == list[Weather]:
        assert all(isinstance(item, Weather) for item in value)
    elif type_ == tuple[Weather, bool]:
        assert [type(item) for item in value] == [Weather, bool]
    else:
        assert isinstance(value, type_)
    with surface.using(client.chat.completions.stream(**params)) as stream:
        partial = [event.parsed for event in surface.list(stream) if event.type == "content.delta"]
        assert surface.run(stream.get_final_completion()).parsed == value
    assert len(partial) > 3


@pytest.mark.parametrize("streamed", [False, True])
def test_logprobs(surface: Surface, client: Any, *, streamed: bool) -> None:
    params = {"max_tokens": 6, "temperature": 0, "logprobs": True, "top_logprobs": 2}
    completion = surface.create(client, stream=streamed, **params)
    if streamed:
        completion = surface.run(completion.get_final_completion())
    choice = completion.choices[0]
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens) == choice.message.content
    for token in tokens:
        assert token.logprob <= 0
        assert bytes(token.bytes).decode() == token.token
        assert token.token in [other.token for other in token.top_logprobs]
        assert len(token.top_logprobs) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_two_choices(surface: Surface, client: Any, *, streamed: bool) -> None:
    completion = surface.create(client, stream=streamed, n=2, max_tokens=5)
    if streamed:
        completion = surface.run(completion.get_final_completion())
    assert [choice.index for choice in completion.choices] == [0, 1]
    for choice in completion.choices:
        assert choice.message.content
        assert choice.finish_reason in {"stop", "length"}


def test_text_completions(surface: Surface, client: Any, server: local.Server) -> None:
    params = {"model": server.model, "prompt": "Once upon a", "max_tokens": 8, "temperature": 0}
    whole = surface.run(client.completions.create(**params))
    assert whole.object == "text_completion"
    chunks = surface.list(surface.run(client.completions.create(**params, stream=True)))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text != ""


def test_embeddings(surface: Surface, client: Any, server: local.Server) -> None:
    texts = ["a cat", "a dog"]
    numbers = surface.run(client.embeddings.create(model=server.model, input=texts, encoding_format="float"))
    either = surface.run(client.embeddings.create(model=server.model, input=texts))
    assert [item.index for item in numbers.data] == [0, 1]
    for item, other in zip(numbers.data, either.data, strict=True):
        assert len(item.embedding) == 576
        assert sum(number * number for number in item.embedding) == pytest.approx(1, abs=1e-3)
        assert other.embedding == pytest.approx(item.embedding, abs=1e-4)


def test_it_lists_its_model(surface: Surface, client: Any, server: local.Server) -> None:
    assert [model.id for model in surface.list(client.models.list())] == [server.model]


def test_its_errors_are_understood(surface: Surface, client: Any) -> None:
    with pytest.raises(tokstream.BadRequestError, match="exceeds the available context size") as caught:
        surface.create(client, messages="hello " * 9000)
    assert caught.value.type == "exceed_context_size_error"
    with pytest.raises(tokstream.BadRequestError, match="must be between 1"):
        surface.create(client, n=9)
    assert surface.create(client, max_tokens=1).choices


def test_comments_while_it_reads_a_long_prompt(surface: Surface, model_file: Path) -> None:
    with local.serve(model_file=model_file, ctx_size=8192, parallel=1, threads=1, ping_interval=1) as server:
        client = surface.client(server.base_url)
        request = client.chat.completions.with_streaming_response.create(messages="hello " * 7500, stream=True)
        with surface.using(request) as response:
            assert surface.first(response.iter_lines()).startswith(":")


def test_no_key_is_needed_unless_asked_for(surface: Surface, model_file: Path) -> None:
    with start(model_file) as server:
        assert server.api_key is None
        client = type(surface).client_class(base_url=server.base_url)
        assert surface.create(client, max_tokens=1).choices
        surface.run(client.close())


def test_the_server_and_its_names(model_file: Path) -> None:
    with start(model_file, api_key=KEY) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.base_url.endswith("/v1")
        assert server.model == "SmolLM2-135M-Instruct.Q4_1"
        assert server.api_key == KEY
        assert KEY not in repr(server)
        assert server.base_url in repr(server)
    with start(model_file, model="small") as server, tokstream.Client(base_url=server.base_url) as client:
        assert server.model == client.models.list().data[0].id == "small"


def refuses(base_url: str) -> bool:
    """Whether nothing listens there, now or within a while."""
    port = int(base_url.split(":")[2].partition("/")[0])
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.05)
    return False


@posix
def test_close_leaves_no_process_and_no_thread(model_file: Path) -> None:
    threads = threading.active_count()
    server = start(model_file)
    pid = server._process.pid
    os.kill(pid, 0)
    with tokstream.Client(base_url=server.base_url, max_retries=0) as client:
        stream = client.chat.completions.create(messages=HELLO, stream=True, **ENDLESS)
        assert next(stream.text_stream)
        server.close()
        server.close()
        with pytest.raises(tokstream.APIConnectionError):
            list(stream)
        with pytest.raises(tokstream.APIConnectionError) as caught:
            client.models.list()
    assert caught.value.cause == "refused"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert server.wait() != 0
    assert threading.active_count() == threads


def test_a_server_that_is_dropped_stops(model_file: Path) -> None:
    base_url = start(model_file).base_url
    assert refuses(base_url)


@contextlib.contextmanager
def program(model_file: Path, then: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A Python program that started a server, and the server's base URL."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM + then, str(model_file)]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_it_ends_with_the_program(model_file: Path) -> None:
    with program(model_file, "") as (process, base_url):
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")
        assert refuses(base_url)


def test_it_ends_when_the_program_is_killed(model_file: Path) -> None:
    with program(model_file, "sys.stdin.read()") as (process, base_url):
        process.kill()
        process.wait(PATIENCE)
        assert refuses(base_url)


@posix
def test_it_ends_when_the_program_is_killed_and_left_a_fork(model_file: Path) -> None:
    # The fork holds the pipe whose end the server waits for.
    then = "pid = os.fork()\nif pid: print(pid, flush=True)\nsys.stdin.read()"
    with program(model_file, then) as (process, base_url):
        assert process.stdout is not None
        fork = int(process.stdout.readline())
        try:
            process.kill()
            process.wait(PATIENCE)
            assert refuses(base_url)
        finally:
            os.kill(fork, signal.SIGKILL)


@posix
def test_a_fork_that_ends_leaves_it_alone(model_file: Path) -> None:
    then = (
        "import warnings\n"
        "if os.fork() == 0:\n"
        "    warnings.simplefilter('ignore')  # of the process that the fork did not wait for\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "from urllib.request import urlopen\n"
        "print(urlopen(server.base_url + '/models').status)"
    )
    with program(model_file, then) as (process, base_url):
        assert process.communicate(timeout=PATIENCE) == ("200\n", "")
        assert refuses(base_url)


@posix
def test_ctrl_c_is_the_programs_own_affair(model_file: Path) -> None:
    then = (
        "import signal\n"
        "from urllib.request import urlopen\n"
        "try:\n"
        "    os.killpg(0, signal.SIGINT)\n"
        "    signal.pause()\n"
        "except KeyboardInterrupt:\n"
        "    print(urlopen(server.base_url + '/models').status)\n"
    )
    with program(model_file, "os.setpgid(0, 0)\n" + then) as (process, base_url):
        assert process.communicate(timeout=PATIENCE) == ("200\n", "")
        assert refuses(base_url)


def test_a_model_that_is_cut_short(tmp_path: Path, model_file: Path) -> None:
    short = tmp_path / "short.gguf"
    short.write_bytes(model_file.read_bytes()[:4_000_000])
    with pytest.raises(local.LocalModelError, match=r"short cannot be served: .*corrupted or incomplete"):
        local.serve(model_file=short)


def test_a_start_that_takes_too_long(model_file: Path) -> None:
    with pytest.raises(local.LocalModelError, match=r"took longer than 0\.001 s.*start_timeout="):
        start(model_file, start_timeout=0.001)


def test_what_cannot_be_served(tmp_path: Path, serve: Callable[..., Any]) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"not a model")
    port = serve().port
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"model_file": tmp_path / "none.gguf"}, "Cannot read the model .*none.gguf: No such file"),
        ({"model_file": tmp_path}, "Cannot read the model"),
        ({"model_file": other}, "other.gguf is not a GGUF file"),
        ({"host": "0.0.0.0"}, "needs an api_key"),
        ({"host": "no such host"}, "Cannot listen on no such host"),
        ({"port": port}, f"Cannot listen on 127.0.0.1 port {port}: .*in use"),
        ({"port": 65536}, "from 0 to 65535"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "two\nlines"}, "api_key"),
        ({"ctx_size": 0}, "ctx_size must be at least 1"),
        ({"parallel": -1}, "parallel must be at least 1"),
    ]
    for options, message in wrong:
        with pytest.raises(tokstream.ConfigurationError, match=message):
            local.serve(**options)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(tokstream.ConfigurationError, match=r"pip install 'tokstream\[local\]'"):
        local.serve()
