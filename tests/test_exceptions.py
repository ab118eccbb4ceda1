"""The classes of errors: their tree, their constructors, and how they are shown, pickled and copied."""

from __future__ import annotations

import copy
import email.utils
import pickle
import time

import openai
import pytest

import tokstream
from children import finish
from replies import completion, error, event, sse, text
from server import CLOSE, STALL, reply, stream
from tokstream import _exceptions
from tokstream._conversation import errors as conversation_errors
from tokstream._error_kinds import make, status_error_class
from tokstream._http import Headers, Request, Response
from tokstream._parsing import errors as parsing_errors
from tokstream._tools import errors as tools_errors
from tokstream.types.chat import ChatCompletion

REQUEST = Request("POST", "https://api.example/v1/openai/chat/completions", {"authorization": "Bearer key"}, b"{}")
BODY = error("Model busy, retry later", type="server", param="model", code="engine_overloaded")
RESPONSE = Response(429, {"x-request-id": "req_1", "retry-after": "2"}, REQUEST, b"{}")
PARTIAL = ChatCompletion.model_validate(completion("as far as it w"))

STATUSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    405: "APIStatusError",
    408: "APIStatusError",
    409: "ConflictError",
    413: "APIStatusError",
    418: "APIStatusError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "InternalServerError",
    529: "InternalServerError",
    302: "APIStatusError",
}

HOMES = [_exceptions, parsing_errors, tools_errors, conversation_errors]
NAMES = ["ValidationError", *(name for home in HOMES for name in home.__all__)]

# One of each, with every attribute that it may have.
MADE = {
    "api": {"request": REQUEST, "response": Response(200), "body": BODY, "partial": PARTIAL},
    "connection": {"request": REQUEST, "cause": "refused", "errno": 111, "retries_taken": 2},
    "timeout": {"request": REQUEST, "phase": "first_token", "retries_taken": 1},
    "truncated": {"request": REQUEST, "response": Response(200), "partial": PARTIAL},
    "status": {"request": REQUEST, "response": RESPONSE, "body": BODY, "retries_taken": 2},
    "validation": {"request": REQUEST, "response": Response(200), "body": "<html>"},
    "length": {"completion": PARTIAL},
    "content_filter": {"completion": PARTIAL},
    "budget": {"limit": 1.0, "spent": 1.02},
    "closed": {},
    "configuration": {},
}
# The core never makes these.
OTHERS = {
    "length": tokstream.LengthFinishReasonError,
    "content_filter": tokstream.ContentFilterFinishReasonError,
    "budget": tokstream.BudgetExceededError,
}


def one_of(kind):
    if kind in OTHERS:
        return OTHERS[kind]("It went wrong.", **MADE[kind])
    return make(kind, "It went wrong.", MADE[kind])


CONVERSATIONS = [
    tokstream.ConversationError("It waits."),
    tokstream.ContextLengthExceededError("Too long.", tokens=9000, limit=8192, model="a/b"),
    tokstream.ConversationFileError("No.", path="a.jsonl", line=3, messages=[{"role": "user", "content": "Hi"}]),
]


@pytest.mark.parametrize("made", CONVERSATIONS, ids=lambda made: type(made).__name__)
@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_errors_of_conversations_are_copied_whole(made, twin):
    other = twin(made)
    assert type(other) is type(made)
    assert vars(other) == vars(made)
    assert str(other) == str(made) == made.message


def test_the_tree():
    tree = {
        "TokstreamError": (Exception,),
        "APIError": (tokstream.TokstreamError,),
        "APIConnectionError": (tokstream.APIError, ConnectionError),
        "APITimeoutError": (tokstream.APIConnectionError, TimeoutError),
        "StreamTruncatedError": (tokstream.APIConnectionError,),
        "APIStatusError": (tokstream.APIError,),
        **{name: (tokstream.APIStatusError,) for name in STATUSES.values() if name != "APIStatusError"},
        "APIResponseValidationError": (tokstream.APIError,),
        "OutputValidationError": (tokstream.APIResponseValidationError, ValueError),
        "LengthFinishReasonError": (tokstream.TokstreamError,),
        "ContentFilterFinishReasonError": (tokstream.TokstreamError,),
        "RefusalError": (tokstream.TokstreamError,),
        "BudgetExceededError": (tokstream.TokstreamError,),
        "MaxTurnsExceededError": (tokstream.TokstreamError,),
        "ToolError": (tokstream.TokstreamError,),
        "ConversationError": (tokstream.TokstreamError,),
        "ContextLengthExceededError": (tokstream.ConversationError,),
        "ConversationFileError": (tokstream.ConversationError, ValueError),
        "ClientClosedError": (tokstream.TokstreamError,),
        "ConfigurationError": (tokstream.TokstreamError, ValueError),
        "ValidationError": (tokstream.TokstreamError, ValueError),
    }
    assert {name: getattr(tokstream, name).__bases__ for name in tree} == tree
    assert sorted(tree) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_pickles_name_the_package(name):
    """Wherever the class is written."""
    cls = getattr(tokstream, name)
    assert cls.__module__ == "tokstream"
    for pickled in (
        pickle.dumps(cls, 0),
        f"ctokstream\n{name}\n.".encode(),
        f"ctokstream._exceptions\n{name}\n.".encode(),
    ):
        assert pickle.loads(pickled) is cls


def test_only_errors_are_looked_up_elsewhere():
    with pytest.raises(AttributeError, match="no attribute 'Client'"):
        _ = _exceptions.Client


def test_the_names_are_openais():
    ours = {name for name in NAMES if name != "TokstreamError"}
    only_here = {"StreamTruncatedError", "PaymentRequiredError", "BudgetExceededError", "ClientClosedError"}
    theirs = {name for name in ours if hasattr(openai, name)}
    only_here |= {"MaxTurnsExceededError", "OutputValidationError", "RefusalError", "ToolError"}
    only_here |= {"ConversationError", "ContextLengthExceededError", "ConversationFileError"}
    assert ours - theirs == only_here | {"ConfigurationError", "ValidationError"}


def test_every_class_says_when_it_is_raised():
    for name in NAMES:
        assert (getattr(tokstream, name).__doc__ or "").strip(), name


@pytest.mark.parametrize(("status", "name"), STATUSES.items())
def test_the_class_of_a_status(status, name):
    assert status_error_class(status) is getattr(tokstream, name)
    made = make("status", "No.", {"response": Response(status, request=REQUEST)})
    assert type(made) is getattr(tokstream, name)
    assert made.status_code == status


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_is_made(kind):
    made = one_of(kind)
    assert isinstance(made, tokstream.TokstreamError)
    assert str(made) == made.message == "It went wrong."
    assert made.args == ("It went wrong.",)
    assert repr(made) == f"{type(made).__name__}('It went wrong.')"
    for name, value in MADE[kind].items():
        assert getattr(made, name) is value


def test_an_unknown_kind():
    with pytest.raises(KeyError):
        make("weather", "Rain.", {})


def test_records_may_come_as_dicts():
    request = {"method": "POST", "url": "https://api.example/", "headers": [("a", "b")], "content": b"{}"}
    made = make("status", "No.", {"request": request, "response": {"status_code": 404, "headers": [("c", "d")]}})
    assert type(made) is tokstream.NotFoundError
    assert (made.request.url, made.request.headers["a"]) == ("https://api.example/", "b")
    assert made.response.request is made.request
    assert made.headers == {"c": "d"}


# Mistakes and failures of all kinds, each of which is met when nothing can be imported any more.
WITHOUT_FILES = """
class Gone:
    def find_spec(self, name, *_):
        raise OSError(f"no file can be read: {{name}}")

async def ask(client, stream):
    try:
        answer = client.chat.completions.create(messages="x", stream=stream)
        answer = await answer if {asynchronous} else answer
        if {asynchronous} and stream:
            return [chunk async for chunk in answer]
        return list(answer)
    except Exception as error:
        return type(error).__name__

async def main():
    client = (tokstream.AsyncClient if {asynchronous} else tokstream.Client)(**{options})
    sys.meta_path.insert(0, Gone())
    say(await ask(client, {streamed}))

asyncio.run(main())
"""
# By the name of the error: a server's script, the client's options, and whether a stream is asked for.
FIRST_ERRORS = {
    "RateLimitError": (reply(error(), 429, headers=[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")]), {}, False),
    "NotFoundError": (reply(error(), 404), {}, True),
    "APIError": (stream(sse(error("It went wrong"))), {}, True),
    "APIConnectionError": ([CLOSE], {}, False),
    "APITimeoutError": ([STALL], {"timeout": 0.05}, False),
    "StreamTruncatedError": (stream(event(text("A")), CLOSE), {}, True),
    "APIResponseValidationError": (reply("<html>"), {}, False),
    "ConfigurationError": (None, {"base_url": "http://api.example.test/v1", "api_key": None}, False),
}


@pytest.mark.parametrize("name", FIRST_ERRORS)
def test_a_first_error_needs_no_file(surface, serve, child, name):
    """As after a fork amid an import, or with the disk gone."""
    script, options, streamed = FIRST_ERRORS[name]
    options = {"api_key": "key", "base_url": serve(script).url if script else None, "max_retries": 0, **options}
    asynchronous = surface.name == "async"
    assert finish(child(WITHOUT_FILES, asynchronous=asynchronous, streamed=streamed, options=options)) == [name]


def same(one, other):
    """Whether two values hold the same, records without `==` included."""
    if isinstance(one, Request):
        return (one.method, one.url, one.headers, one.content) == (
            other.method,
            other.url,
            other.headers,
            other.content,
        )
    if isinstance(one, Response):
        return (one.status_code, one.headers, one.content) == (
            other.status_code,
            other.headers,
            other.content,
        ) and same(one.request, other.request)
    return one == other


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {n}": lambda e, n=n: pickle.loads(pickle.dumps(e, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", MADE)
def test_copies_keep_everything(kind, copied):
    made = one_of(kind)
    made.note_of_mine = ["mine"]
    again = copied(made)
    assert again is not made
    assert (type(again), str(again), repr(again), again.args) == (type(made), str(made), repr(made), made.args)
    assert sorted(vars(again)) == sorted(vars(made))
    for name, value in vars(made).items():
        assert same(value, getattr(again, name)), name
    assert getattr(again, "errno", None) == getattr(made, "errno", None)


class Mine(tokstream.RateLimitError):
    def __init__(self, tries, *, other):
        super().__init__(f"tried {tries} times", response=RESPONSE)
        self.tries, self.other = tries, other


def test_a_class_of_ones_own_is_copied_whatever_its_constructor_takes():
    again = copy.deepcopy(Mine(3, other="x"))
    assert (type(again), again.tries, again.other, again.status_code) == (Mine, 3, "x", 429)
    assert str(again) == "tried 3 times"


@pytest.mark.parametrize("builtin", [OSError, ConnectionError, TimeoutError])
def test_a_timeout_is_also_the_builtins(builtin):
    made = make("timeout", "Nothing came for 600 s.", {"phase": "read"})
    assert isinstance(made, builtin)
    assert (made.errno, made.strerror, made.filename) == (None, None, None)
    assert str(made) == "Nothing came for 600 s."


def test_errno_does_not_change_the_sentence():
    made = make("connection", "The server refused the connection.", {"cause": "refused", "errno": 111})
    assert made.errno == 111
    assert str(made) == "The server refused the connection."


def test_causes_and_phases_by_default():
    assert tokstream.APIConnectionError().cause == "other"
    assert (tokstream.APITimeoutError().cause, tokstream.APITimeoutError().phase) == ("timeout", None)
    assert tokstream.StreamTruncatedError().cause == "truncated"


def test_the_body_tells_code_param_and_type():
    for body in (BODY, BODY["error"]):
        made = tokstream.APIError("No.", REQUEST, body=body)
        assert (made.code, made.param, made.type) == ("engine_overloaded", "model", "server")
        assert made.body is body


@pytest.mark.parametrize("body", [None, "text", b"bytes", ["a"], {}, {"error": "text"}, {"error": None}, 7])
def test_bodies_that_tell_nothing(body):
    made = tokstream.APIError("No.", body=body)
    assert (made.code, made.param, made.type, made.body) == (None, None, None, body)


def test_a_code_that_is_a_number_is_text():
    assert tokstream.APIError("No.", body={"code": 1234}).code == "1234"


def test_what_is_given_wins_over_the_body():
    made = tokstream.APIError("No.", body=BODY, code="mine", param="p", type="t", request_id="r")
    assert (made.code, made.param, made.type, made.request_id) == ("mine", "p", "t", "r")


def test_built_as_in_openai_python():
    made = tokstream.RateLimitError("slow down", response=RESPONSE, body=BODY["error"])
    assert (made.status_code, made.request_id, made.code) == (429, "req_1", "engine_overloaded")
    assert made.request is REQUEST
    assert tokstream.APIError("m", REQUEST, body=None).request is REQUEST
    assert tokstream.APIConnectionError(request=REQUEST).request is REQUEST
    assert str(tokstream.APIConnectionError(message="gone", request=REQUEST)) == "gone"
    for made in (tokstream.APITimeoutError(REQUEST), tokstream.APITimeoutError(request=REQUEST)):
        assert made.request is REQUEST
        assert str(made) == "Request timed out."
    made = tokstream.APIResponseValidationError(RESPONSE, {"a": 1})
    assert (made.status_code, made.body, made.response) == (429, {"a": 1}, RESPONSE)
    assert str(tokstream.APIResponseValidationError(RESPONSE, None, message="odd")) == "odd"
    assert tokstream.LengthFinishReasonError(completion=PARTIAL).completion is PARTIAL
    assert tokstream.ContentFilterFinishReasonError().completion is None


def test_a_message_comes_first_if_one_likes():
    made = tokstream.APITimeoutError("too slow", REQUEST)
    assert (str(made), made.request) == ("too slow", REQUEST)
    made = tokstream.APIResponseValidationError("odd", request=REQUEST)
    assert (str(made), made.request, made.response, made.status_code) == ("odd", REQUEST, None, None)


def test_built_with_httpx_records():
    # What openai-python's own dependency gives is what tests written for it have at hand.
    httpx = pytest.importorskip("httpx2")
    response = httpx.Response(404, headers={"x-request-id": "r"}, request=httpx.Request("GET", "http://localhost/"))
    made = tokstream.NotFoundError("no", response=response, body=None)
    assert (made.status_code, made.request_id, made.headers["X-Request-Id"]) == (404, "r", "r")
    assert made.request is response.request
    assert tokstream.NotFoundError("no", response=httpx.Response(404), body=None).request is None


def test_a_status_without_a_response():
    made = tokstream.RateLimitError("slow down")
    assert (made.status_code, made.headers, made.retry_after, made.response) == (429, Headers(), None, None)
    assert tokstream.APIStatusError("no", status_code=405).status_code == 405


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "-1", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, None),
        ({"retry-after": "Mon, 99 Jan 99999999999 00:00:00 GMT"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert tokstream.RateLimitError("slow down", response=Response(429, headers)).retry_after == seconds


def test_retry_after_as_a_date():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    made = tokstream.RateLimitError("slow down", response=Response(429, {"retry-after": date}))
    assert 90 < made.retry_after <= 100


def test_the_length_error_tells_the_usage():
    made = tokstream.LengthFinishReasonError("", completion=PARTIAL)
    assert "completion_tokens=16" in str(made)
    assert str(tokstream.LengthFinishReasonError("mine", completion=PARTIAL)) == "mine"
