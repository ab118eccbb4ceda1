"""What `import tokstream` gives, and what it costs."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import openai
import pytest

import tokstream

EXPORTED = {
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncAPIResponse",
    "AsyncClient",
    "AsyncConversation",
    "AsyncStream",
    "AsyncToolRunStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "BudgetExceededError",
    "Client",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "ContextLengthExceededError",
    "Conversation",
    "ConversationError",
    "ConversationFileError",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "InternalServerError",
    "LengthFinishReasonError",
    "Limits",
    "MaxTurnsExceededError",
    "NOT_GIVEN",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OpenAIError",
    "OutputValidationError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RawResponse",
    "RefusalError",
    "RetryPolicy",
    "Stream",
    "StreamTruncatedError",
    "Timeout",
    "TokstreamError",
    "ToolError",
    "ToolRun",
    "ToolRunStream",
    "UnprocessableEntityError",
    "Usage",
    "VERSION",
    "ValidationError",
    "__version__",
    "local",
    "not_given",
    "omit",
    "pydantic_function_tool",
    "tool",
    "types",
}

# Where the names of response types live, as in openai.types.
HOMES = {
    "tokstream.types": [
        "Completion",
        "CompletionChoice",
        "CompletionUsage",
        "CreateEmbeddingResponse",
        "Embedding",
        "Model",
    ],
    "tokstream.types.chat": [
        "ChatCompletion",
        "ChatCompletionChunk",
        "ChatCompletionMessage",
        "ChatCompletionMessageFunctionToolCall",
        "ChatCompletionMessageParam",
        "ChatCompletionMessageToolCall",
        "ChatCompletionSystemMessageParam",
        "ChatCompletionTokenLogprob",
        "ChatCompletionToolMessageParam",
        "ChatCompletionToolParam",
        "ChatCompletionUserMessageParam",
    ],
    "tokstream.types.chat.chat_completion": ["ChatCompletion", "Choice", "ChoiceLogprobs"],
    "tokstream.types.chat.chat_completion_chunk": [
        "ChatCompletionChunk",
        "Choice",
        "ChoiceDelta",
        "ChoiceDeltaFunctionCall",
        "ChoiceDeltaToolCall",
        "ChoiceDeltaToolCallFunction",
    ],
    "tokstream.types.chat.chat_completion_message": ["ChatCompletionMessage", "FunctionCall"],
    "tokstream.types.chat.chat_completion_message_tool_call": ["ChatCompletionMessageToolCall", "Function"],
    "tokstream.types.chat.chat_completion_token_logprob": ["ChatCompletionTokenLogprob", "TopLogprob"],
    "tokstream.types.shared": ["FunctionDefinition", "FunctionParameters", "ResponseFormatJSONObject"],
    "tokstream.types.completion_choice": ["CompletionChoice", "Logprobs"],
    "tokstream.types.completion_usage": ["CompletionTokensDetails", "CompletionUsage", "PromptTokensDetails"],
    "tokstream.types.create_embedding_response": ["CreateEmbeddingResponse", "Usage"],
}


def test_all_is_what_is_exported():
    assert set(tokstream.__all__) == EXPORTED
    assert len(tokstream.__all__) == len(EXPORTED)
    for name in EXPORTED:
        assert getattr(tokstream, name) is not None


def test_a_star_import_gives_it_all():
    names = {}
    exec("from tokstream import *", names)
    assert names.keys() >= EXPORTED


def test_dir_names_it_all():
    assert set(dir(tokstream)) >= EXPORTED


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tokstream.no_such_name
    with pytest.raises(ImportError):
        exec("from tokstream import no_such_name")


def test_nothing_else_is_public():
    public = {name for name in vars(tokstream) if not name.startswith("_")}
    # Submodules become attributes once somebody has imported them.
    modules = {name for name in public if isinstance(getattr(tokstream, name), type(sys))}
    assert public - modules - {"annotations", "TYPE_CHECKING"} <= EXPORTED


def test_the_names_of_openai_python():
    assert tokstream.OpenAIError is tokstream.TokstreamError
    assert tokstream.not_given is tokstream.NOT_GIVEN
    assert tokstream.__version__ == tokstream.VERSION
    client = tokstream.Client(api_key="key")
    assert client.timeout == tokstream.DEFAULT_TIMEOUT
    assert tokstream.DEFAULT_MAX_RETRIES == client.max_retries == openai.DEFAULT_MAX_RETRIES
    assert tokstream.LegacyAPIResponse is tokstream.RawResponse


@pytest.mark.parametrize(
    ("name", "instead"), [("DefaultHttpxClient", "proxy="), ("OpenAI", "Client"), ("AzureOpenAI", "base_url=")]
)
def test_a_name_of_openai_python_that_is_not_here(name, instead):
    assert hasattr(openai, name)
    with pytest.raises(AttributeError, match=f"{name}.*{instead}"):
        getattr(tokstream, name)


@pytest.mark.parametrize("module", HOMES)
def test_where_response_types_live(module):
    loaded = importlib.import_module(module)
    for name in HOMES[module]:
        assert isinstance(getattr(loaded, name), type) or hasattr(getattr(loaded, name), "__args__"), name


@pytest.mark.parametrize("module", [module for module in HOMES if module.count(".") > 1])
def test_openai_python_has_the_same_homes(module):
    pytest.importorskip("openai", reason="openai-python is not installed")
    theirs = importlib.import_module(module.replace("tokstream", "openai", 1))
    for name in HOMES[module]:
        assert hasattr(theirs, name), name


@pytest.mark.parametrize("module", ["tokstream.types", "tokstream.types.chat"])
def test_the_types_say_what_they_export(module):
    loaded = importlib.import_module(module)
    assert len(set(loaded.__all__)) == len(loaded.__all__)
    for name in loaded.__all__:
        assert getattr(loaded, name) is not None, name


def test_the_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", tokstream.__version__)


def fresh(program, *flags):
    """What a program prints in an interpreter that imports tokstream and nothing it need not."""
    root = str(Path(tokstream.__file__).parents[1])
    script = f"import sys; sys.path.insert(0, {root!r})\n{program}"
    # -S: no site-packages, whose start-up files may import anything.
    done = subprocess.run(
        [sys.executable, "-I", "-S", *flags, "-c", script], capture_output=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return json.loads(done.stdout)


HEAVY = ["typing", "asyncio", "dataclasses", "inspect", "json", "re", "enum", "ssl", "socket", "logging", "pydantic"]
HEAVY += ["importlib", "warnings"]


A_CLIENT = (
    "import tokstream, sys\nclient = tokstream.Client(base_url='http://127.0.0.1:1/v1')\nclient.chat.completions\n"
    "client.close()\nnames = sorted(sys.modules)\nimport json\nprint(json.dumps(names))"
)


def test_importing_is_light():
    loaded = fresh("import tokstream, sys\nnames = sorted(sys.modules)\nimport json\nprint(json.dumps(names))")
    assert [name for name in HEAVY if name in loaded] == []
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"tokstream", "__main__"}
    assert not {name for name in foreign if not name.startswith("_")}


def test_a_client_is_light():
    assert [name for name in HEAVY if name in fresh(A_CLIENT)] == []


def test_a_client_loads_no_package_that_it_may_need_later():
    packages = {f"tokstream.{init.parent.name}" for init in Path(tokstream.__file__).parent.glob("_*/__init__.py")}
    assert {"tokstream._conversation", "tokstream._events", "tokstream._tools"} < packages
    assert packages & set(fresh(A_CLIENT)) == set()


def test_types_and_local_are_lazy():
    program = (
        "import tokstream, sys\n"
        "before = [n for n in ('tokstream.types', 'tokstream.local', 'tokstream._response') if n in sys.modules]\n"
        "tokstream.types, tokstream.local\n"
        "after = [n for n in ('tokstream.types', 'tokstream.local') if n in sys.modules]\n"
        "import json; print(json.dumps([before, after]))"
    )
    assert fresh(program) == [[], ["tokstream.types", "tokstream.local"]]


@pytest.mark.parametrize(
    ("name", "loaded"),
    [
        ("ConversationError", ["_conversation", "_conversation.errors"]),
        ("OutputValidationError", ["_parsing", "_parsing.errors"]),
        ("ToolError", ["_tools", "_tools.errors"]),
        ("ValidationError", ["_validation"]),
    ],
)
def test_an_error_loads_nothing_of_what_raises_it(name, loaded):
    program = (
        "import tokstream, sys\ntokstream.APIError\nbefore = {*sys.modules}\n"
        f"try:\n    1 / 0\nexcept (tokstream.{name}, ZeroDivisionError):\n"
        "    after = sorted(name for name in {*sys.modules} - before if name.startswith('tokstream'))\n"
        "import json; print(json.dumps(after))"
    )
    assert fresh(program) == [f"tokstream.{module}" for module in loaded]


def test_errors_are_loaded_with_the_first_client_or_by_name():
    program = (
        "import tokstream, sys\nnames = 'tokstream._exceptions', 'tokstream._http'\n"
        "before = [name for name in names if name in sys.modules]\n{}\n"
        "import json; print(json.dumps([before, [name for name in names if name in sys.modules]]))"
    )
    loaded = [[], ["tokstream._exceptions", "tokstream._http"]]
    for use in ("tokstream.Client()", "tokstream.AsyncClient()", "from tokstream import OpenAIError"):
        assert fresh(program.format(use)) == loaded


def test_an_error_is_kept_where_it_was_found():
    program = (
        "import tokstream, json\nerrors = tokstream.APIError, tokstream.OpenAIError\n"
        "kept = [vars(tokstream)[name] for name in ('APIError', 'OpenAIError')]\n"
        "print(json.dumps([error.__name__ for error in kept if error in errors]))"
    )
    assert fresh(program) == ["APIError", "TokstreamError"]


def test_importing_warns_of_nothing():
    program = "import tokstream, tokstream.types.chat, tokstream.local, json; print(json.dumps('quiet'))"
    assert fresh(program, "-W", "error", "-X", "dev", "-bb") == "quiet"


def undocumented(tree, path=""):
    """The public classes and methods of a stub that have no docstring, on any of their overloads."""
    names = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            setter = any("setter" in ast.unparse(decorator) for decorator in node.decorator_list)
            names[node.name] = names.get(node.name, False) or setter or bool(ast.get_docstring(node))
            if isinstance(node, ast.ClassDef) and node.name != "Core":
                yield from undocumented(node, f"{path}{node.name}.")
    yield from (path + name for name, documented in names.items() if not documented)


STUBS = sorted(Path(tokstream.__file__).parent.rglob("*.pyi"))


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: f"{stub.parent.name}-{stub.stem}")
def test_the_stubs_hold_the_documentation(stub):
    assert list(undocumented(ast.parse(stub.read_text(encoding="utf-8")))) == []


def test_there_are_stubs():
    assert len(STUBS) > 5
    assert (Path(tokstream.__file__).parent / "py.typed").exists()
