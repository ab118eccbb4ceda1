"""Every Python example of the README and the documentation runs, against a server that knows what they ask for."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pages import ROOT, examples, pages
from replies import USAGE, completion, error, finish, said, said_tools, sse, text
from server import Request, Step, reply, stream

RUNNER = """
import json, sys
for code in json.load(sys.stdin):
    exec(compile(code, {page!r}, "exec"), globals())
"""


def answer(request: Request) -> Sequence[Step]:
    """What the server of the examples says."""
    path = request.path.removeprefix("/v1/openai")
    if path == "/chat/completions":
        return chat(request.json)
    if path == "/completions":
        if request.json.get("stream"):
            return stream(sse(*(text_chunk(piece) for piece in ("there ", "was")), text_chunk("", "stop")))
        return reply(text_chunk("there was", "stop"))
    if path == "/embeddings":
        inputs = request.json["input"]
        count = len(inputs) if isinstance(inputs, list) else 1
        data = [{"object": "embedding", "index": i, "embedding": [0.6, 0.8]} for i in range(count)]
        return reply({"object": "list", "data": data, "model": "a/b", "usage": {"prompt_tokens": 2, "total_tokens": 2}})
    if path == "/models":
        return reply({"object": "list", "data": [MODEL]})
    if path.startswith("/models/"):
        return reply(MODEL)
    if path == "/tokenize":
        return reply({"tokens": [1, 2]})
    return reply(error(f"no such route: {path}"), status=404)


MODEL = {
    "id": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "object": "model",
    "created": 1733500000,
    "owned_by": "meta-llama",
    "metadata": {
        "description": "A model.",
        "context_length": 131072,
        "max_tokens": 16384,
        "pricing": {"input_tokens": 0.1, "output_tokens": 0.32},
        "tags": [],
    },
}
# What the model writes for a schema of this name.
VALUES = {
    "City": '{"name": "Rome", "people": 2800000}',
    "list_Review": '{"answer": [{"mood": "good", "stars": 5}, {"mood": "bad", "stars": 1}]}',
    "Mood": '{"answer": "good"}',
    "Literal_yes_no": '{"answer": "yes"}',
}
ARGUMENTS = '{"city": "Rome"}'


def text_chunk(piece: str, finish_reason: str | None = None) -> dict[str, Any]:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1694623155,
        "model": "a/b",
        "choices": [{"index": 0, "text": piece, "finish_reason": finish_reason, "logprobs": None}],
        "usage": USAGE if finish_reason else None,
    }


def chat(asked: dict[str, Any]) -> Sequence[Step]:
    headers = [("x-request-id", "req-1")]
    if asked["model"] == "no/such-model":
        return reply(error("Model is not available"), status=404)
    if asked["model"] == "breaks/off":
        return stream(said("It was ", "a dark", done=False), framing="close")
    # The first tool is asked for, once.
    name = asked["tools"][0]["function"]["name"] if asked.get("tools") else None
    if name and asked["messages"][-1]["role"] == "user":
        if asked.get("stream"):
            return stream(said_tools(name, ARGUMENTS), headers=headers)
        call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": ARGUMENTS}}
        return reply(completion(None, message={"tool_calls": [call]}), headers=headers)
    form = asked.get("response_format", {})
    schema = form.get("json_schema", {}).get("name")
    # One that does not keep to the schema.
    written = (
        "Yes." if (schema, question(asked)) == ("City", "Is Rome old?") else VALUES.get(schema, '{"city": "Rome"}')
    )
    if asked.get("stream") and form:
        return stream(sse(*map(text, (written[:12], written[12:])), finish(usage=USAGE)), headers=headers)
    if asked.get("stream"):
        pieces = [text(piece) for piece in (" ", "Hi", " there", "!")]
        return stream(*map(sse_part, pieces), sse(finish(usage=USAGE)), headers=headers)
    if form.get("type") == "json_schema":
        return reply(completion(written), headers=headers)
    if form.get("type") == "regex":
        return reply(completion("476"), headers=headers)
    return reply(completion(), headers=headers)


def question(asked: dict[str, Any]) -> Any:
    return asked["messages"][-1]["content"]


def sse_part(data: Any) -> bytes:
    return sse(data, done=False)


@pytest.mark.parametrize(
    "page", [page for page in pages() if any(examples(page))], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_examples_run(page: Path, serve: Any, tmp_path: Path) -> None:
    """The examples of a page run one after the other in one program, as a reader goes through them."""
    programs = list(examples(page))
    server = serve(then=answer)
    environment = {
        **os.environ,
        "DEEPINFRA_BASE_URL": server.url,
        "DEEPINFRA_API_KEY": "a key of the examples",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-8",
    }
    runner = RUNNER.format(page=page.name)
    done = subprocess.run(
        [sys.executable, "-c", runner],
        cwd=tmp_path,
        input=json.dumps(programs),
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.strip(), "the examples print nothing"
    assert server.requests, "the examples ask for nothing"


def test_ci_runs_what_the_readme_names() -> None:
    command = "python3 dev.py check"
    assert f"```sh\n{command}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == command


def test_the_map_names_what_is_there() -> None:
    rows = re.findall(r"^\| (`.+?`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 15
    missing = [path for row in rows for path in re.findall("`(.+?)`", row) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("resource", ["chat", "completions", "embeddings", "models", "client", "streams", "errors"])
def test_every_resource_has_a_page(resource: str) -> None:
    page = ROOT / "docs" / "reference" / f"{resource}.md"
    assert "::: tokstream" in page.read_text(encoding="utf-8")
    assert f"reference/{resource}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_no_resource_is_without_a_page() -> None:
    resources = {file.stem for file in (ROOT / "python" / "tokstream" / "resources").glob("[a-z]*.py")}
    assert resources == {file.stem for file in (ROOT / "docs" / "reference").glob("*.md")} & resources


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    docs = ROOT / "docs"
    assert [page for page in pages()[1:] if page.relative_to(docs).as_posix() not in navigation] == []
    for name in ("streaming", "async", "tools", "errors", "timeouts", "configuration", "migration"):
        assert docs / f"{name}.md" in pages()
