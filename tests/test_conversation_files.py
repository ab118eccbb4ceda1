"""Conversations as files: what is in them, what is not, and what becomes of them in a crash."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading

import pytest

import tokstream
from cli import PATIENCE, posix
from replies import MODEL, USAGE, completion
from server import reply
from tokstream import AsyncConversation, Conversation, ConversationFileError

SYSTEM = {"role": "system", "content": "Be brief."}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a": 1}'},
    "extra_content": {"google": {"thought_signature": "abc"}},
}
# Whose fields are named as secrets are.
SCHEMA = {"name": "keys", "schema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}}
MESSAGES = [
    SYSTEM,
    {"role": "user", "content": [{"type": "text", "text": 'Grüße\u2028\x85\n"quoted"'}], "name": "Ann"},
    {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    {"role": "assistant", "content": "😀 \ud83d half a character"},
]


def offline(surface, **options):
    """A conversation whose client reaches no one."""
    return surface.client("http://127.0.0.1:1/v1").conversation(**options)


def names(folder):
    return [file.name for file in folder.iterdir()]


def test_what_is_saved_is_loaded(surface, client, tmp_path):
    path = tmp_path / "chat.jsonl"
    api, server = client(*[reply(completion())] * 2)
    conversation = api.conversation(
        messages=MESSAGES[:4],
        model=MODEL,
        max_cost=5,
        on_overflow="drop_oldest",
        keep_partial=True,
        temperature=0.5,
        stop=["x"],
    )
    surface.run(conversation.send("One"))
    conversation.save(path)
    loaded = api.load_conversation(path)
    assert type(loaded) is type(conversation)
    assert loaded.messages == conversation.messages
    for name in ("model", "max_cost", "on_overflow", "keep_partial", "context_length", "tools", "params"):
        assert getattr(loaded, name) == getattr(conversation, name), name
    assert loaded.usage == conversation.usage
    assert loaded.usage.by_model == conversation.usage.by_model
    surface.run(loaded.send("Two"))
    assert server.requests[1].json == {
        "messages": [*conversation.messages, {"role": "user", "content": "Two"}],
        "model": MODEL,
        "temperature": 0.5,
        "stop": ["x"],
    }


def test_a_line_for_each_message(surface, tmp_path):
    path = tmp_path / "chat.jsonl"
    offline(surface, messages=MESSAGES).save(str(path))
    data = path.read_bytes()
    assert data.endswith(b"\n")
    head, *lines = data[:-1].split(b"\n")
    assert [json.loads(line) for line in lines] == MESSAGES
    assert json.loads(head)["format"] == "tokstream conversation"
    assert "Grüße".encode() in data
    data.decode()


def test_ways_to_load(surface, tmp_path, monkeypatch):
    path = tmp_path / "chat.jsonl"
    conversation = offline(surface, messages=MESSAGES, model="a/b", temperature=1)
    conversation.save(path)
    cls = type(conversation)
    other = surface.client("http://127.0.0.1:1/v1")
    loaded = cls.load(path, other, model="c/d", temperature=0, tools=[], seed=7)
    assert loaded.client is other
    assert (loaded.model, loaded.params, loaded.tools) == ("c/d", {"temperature": 0, "seed": 7}, [])
    assert cls.load(path, other, system="New").messages == [{"role": "system", "content": "New"}, *MESSAGES[1:]]
    monkeypatch.setenv("DEEPINFRA_API_KEY", "key")
    alone = cls.load(str(path))
    assert alone.messages == MESSAGES
    surface.run(alone.client.close())
    wrong = {Conversation: AsyncConversation, AsyncConversation: Conversation}[cls]
    with pytest.raises(TypeError, match="Client"):
        wrong.load(path, other)


def test_no_secret_is_saved(surface, tmp_path):
    path = tmp_path / "chat.jsonl"
    client = surface.client("http://user:secret-0@127.0.0.1:1/v1", api_key="secret-1")
    conversation = client.conversation(
        system="Be brief.",
        tools=[{"type": "function", "function": {"name": "secret-2"}}],
        on_overflow=lambda messages: messages,
        extra_headers={"Authorization": "Bearer secret-3", "X-Other": "secret-4"},
        extra_query={"token": "secret-5"},
        extra_body={"api_key": "secret-6", "ignore_eos": True, "other": [{"Token": "secret-8", "k": 1}]},
        response_format={"type": "json_schema", "json_schema": SCHEMA},
        timeout=tokstream.Timeout(5),
        api_key="secret-7",
        logit_bias={1: float("nan")},
    )
    conversation.save(path)
    assert b"secret" not in path.read_bytes()
    loaded = client.load_conversation(path)
    assert loaded.messages == [SYSTEM]
    assert loaded.params == {
        "extra_body": {"ignore_eos": True, "other": [{"k": 1}]},
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
    }
    assert loaded.on_overflow is None


def test_saving_replaces_what_was_there(surface, tmp_path):
    path = tmp_path / "chat.jsonl"
    path.write_text("old " * 1000)
    path.chmod(0o640)
    conversation = offline(surface, messages=MESSAGES)
    conversation.save(path)
    conversation.messages.clear()
    conversation.save(path)
    assert len(path.read_bytes().splitlines()) == 1
    assert names(tmp_path) == ["chat.jsonl"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_a_link_stays_one(surface, tmp_path):
    real = tmp_path / "real.jsonl"
    link = tmp_path / "link.jsonl"
    link.symlink_to(real)
    offline(surface, messages=MESSAGES).save(link)
    assert link.is_symlink()
    assert offline(surface).load(real, surface.client("http://127.0.0.1:1/v1")).messages == MESSAGES


@pytest.mark.parametrize("content", [b"bytes", object(), float("inf"), {1, 2}])
def test_what_cannot_be_saved_leaves_the_file_alone(surface, tmp_path, content):
    path = tmp_path / "chat.jsonl"
    conversation = offline(surface, system="Be brief.")
    conversation.save(path)
    before = path.read_bytes()
    conversation.messages.append({"role": "user", "content": content})
    with pytest.raises((TypeError, ValueError)):
        conversation.save(path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["chat.jsonl"]


def test_where_nothing_can_be_saved(surface, tmp_path):
    conversation = offline(surface, system="Be brief.")
    with pytest.raises(FileNotFoundError):
        conversation.save(tmp_path / "no" / "chat.jsonl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        conversation.save(tmp_path / "folder")
    assert names(tmp_path) == ["folder"]
    with pytest.raises(FileNotFoundError):
        conversation.client.load_conversation(tmp_path / "chat.jsonl")


def test_many_threads_save_one_file(tmp_path):
    path = tmp_path / "chat.jsonl"
    conversations = [
        tokstream.Client(base_url="http://127.0.0.1:1/v1").conversation(messages=MESSAGES * count) for count in (1, 500)
    ]
    threads = [threading.Thread(target=one.save, args=[path]) for one in conversations * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = Conversation.load(path, conversations[0].client)
    assert loaded.messages in [one.messages for one in conversations]
    assert names(tmp_path) == ["chat.jsonl"]


# ── files that are none, or not whole ─────────────────────────────────────────────────────────


@pytest.fixture
def saved(surface, tmp_path):
    path = tmp_path / "chat.jsonl"
    conversation = offline(surface, messages=MESSAGES, temperature=1)
    conversation.save(path)
    return conversation, path


def refused(conversation, path, data):
    path.write_bytes(data)
    with pytest.raises(ConversationFileError) as caught:
        conversation.client.load_conversation(path)
    assert isinstance(caught.value, ValueError)
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == data
    return caught.value


def test_a_torn_file_is_said_to_be_one(saved):
    """Cut after every byte: never a part for the whole, and what is whole of it is in the error."""
    conversation, path = saved
    data = path.read_bytes()
    for end in range(len(data) - 1):
        error = refused(conversation, path, data[:end])
        whole = data[: end + 1].count(b"\n") - 1
        assert error.messages == MESSAGES[: max(whole, 0)]
        assert error.line == max(whole, 0) + (2 if data[: end + 1].count(b"\n") else 1)
    # The last line is all there without its end.
    path.write_bytes(data[:-1])
    assert conversation.client.load_conversation(path).messages == MESSAGES


def test_a_damaged_line(saved):
    conversation, path = saved
    lines = path.read_bytes().split(b"\n")
    for number in range(1, len(MESSAGES) + 1):
        for wrong in (b"", b"{", b"[]", b'"text"', b"{}", b'{"role": 5}', b"\xff", b"[" * 100_000, b"NaN", b"\0" * 100):
            error = refused(conversation, path, b"\n".join([*lines[:number], wrong, *lines[number + 1 :]]))
            assert error.line == number + 1
            assert error.messages == MESSAGES[: number - 1]
            assert f"line {number + 1}" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\xff\xfe\x00",
        b"\x00" * 4096,
        b"Hello!\n",
        b"[1, 2]\n",
        b"[" * 100_000,
        b'{"role": "user", "content": "Hi"}\n',
        b'{"format": "another"}\n',
        b"%PDF-1.7\n",
    ],
)
def test_a_foreign_file(saved, data):
    conversation, path = saved
    error = refused(conversation, path, data)
    assert error.line == 1
    assert error.messages == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"messages": "many"},
        {"messages": None},
        {"settings": []},
        {"settings": {"client": 1}},
        {"settings": {"on_overflow": "drop_newest"}},
        {"settings": {"max_cost": "much"}},
        {"params": None},
        {"params": {"extra_headers": {"Authorization": "Bearer of someone"}}},
        {"params": {"messages": []}},
        {"params": {"model": "a/b"}},
        {"params": {"stream": True}},
        {"spent": {"a/b": [1, 2]}},
        {"spent": {"a/b": "much"}},
        {"spent": {"a/b": [1, 2, 3, 4, None]}},
        {"spent": [1]},
        {"spent": {"a/b": [1, 2, 3, 4, float("nan")]}},
        {"spent": {"a/b": [float("inf"), 2, 3, 4, 5]}},
        {"spent": {"a/b": [1, 2, 3, 4, -5]}},
        {"spent": {"a/b": [10**400, 2, 3, 4, 5]}},
        {"settings": {"model": 5}},
        {"settings": {"keep_partial": "no"}},
        {"settings": {"context_length": "long"}},
        {"params": {"self": 1}},
    ],
)
def test_a_first_line_that_makes_no_sense(saved, change):
    conversation, path = saved
    head, *lines = path.read_bytes().split(b"\n")
    changed = json.dumps({**json.loads(head), **change}).encode()
    assert refused(conversation, path, b"\n".join([changed, *lines])).line == 1


def test_a_line_that_was_added_by_hand(saved):
    conversation, path = saved
    added = {"role": "user", "content": "By hand"}
    with path.open("ab") as file:
        file.write(json.dumps(added).encode() + b"\r\n")
    assert conversation.client.load_conversation(path).messages == [*MESSAGES, added]


# ── crashes in mid-write ──────────────────────────────────────────────────────────────────────

# A process that dies in the given system call of the given number; what it had written until then stays.
CRASH = """
import os, sys
import tokstream
path, call, after = sys.argv[1], sys.argv[2], int(sys.argv[3])
conversation = tokstream.Client(base_url="http://127.0.0.1:1/v1").conversation(system="new")
conversation.messages += [{"role": "user", "content": "x" * 1000}] * 1000

def dying(event, arguments):
    global after
    if event == call and path in str(arguments[0]):
        after -= 1
        if after < 0:
            os._exit(7)

if call == "os.fsync":
    os.fsync = lambda descriptor: os._exit(7)
elif call == "half":
    # The power goes when half of it is on the disk.
    def half(descriptor):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        os._exit(7)
    os.fsync = half
else:
    sys.addaudithook(dying)
conversation.save(path + "/chat.jsonl")
print("saved")
"""


@pytest.mark.parametrize(
    ("call", "after"), [("open", 0), ("os.chmod", 0), ("os.fsync", 0), ("half", 0), ("os.rename", 0)]
)
def test_a_crash_leaves_the_old_file(surface, tmp_path, call, after):
    path = tmp_path / "chat.jsonl"
    conversation = offline(surface, messages=MESSAGES)
    conversation.save(path)
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path), call, str(after)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout == ""
    assert conversation.client.load_conversation(path).messages == MESSAGES
    # What is left beside it is in nobody's way.
    conversation.messages.pop()
    conversation.save(path)
    assert conversation.client.load_conversation(path).messages == MESSAGES[:-1]


KILLED = """
import sys
import tokstream
conversation = tokstream.Client(base_url="http://127.0.0.1:1/v1").conversation()
conversation.messages += [{"role": "user", "content": "x" * 1000}] * 2000
print("ready", flush=True)
while True:
    conversation.messages.append({"role": "user", "content": "more"})
    conversation.save(sys.argv[1])
"""


def test_a_process_that_is_killed_at_any_time_leaves_a_whole_file(tmp_path):
    path = tmp_path / "chat.jsonl"
    client = tokstream.Client(base_url="http://127.0.0.1:1/v1")
    for delay in (0.0, 0.003, 0.007, 0.013):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline().strip() == b"ready"
            while not path.exists():
                assert process.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(delay)
            process.kill()
        assert len(Conversation.load(path, client).messages) > 2000
        path.unlink()
    assert all(name.startswith(".chat.jsonl.") for name in names(tmp_path))


def test_usage_is_saved_as_it_is_counted(surface, client, tmp_path):
    api, _ = client(reply(completion(usage={**USAGE, "estimated_cost": 1e-9})), reply(completion()))
    conversation = api.conversation(max_cost=1)
    surface.run(conversation.send("One"))
    conversation.save(tmp_path / "a")
    loaded = api.load_conversation(tmp_path / "a")
    assert loaded.cost == 1e-9
    surface.run(loaded.send("Two"))
    assert loaded.usage == tokstream.Usage(2, 30, 32, 62, pytest.approx(0.000026801))
