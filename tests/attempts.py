"""One call of one client against one fault: what came of it, and whether that is right."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openai

import tokstream
from replies import HELLO, MODEL, completion, said
from server import Connection, Entry, Gone, Request, Server, Step, reply, stream
from surface import AsyncSurface, Surface, SyncSurface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FORMS = ("streamed", "whole")
USABLE = "usable"


@dataclass(frozen=True)
class Right:
    """The outcome that is right: all of the answer's text, or an error."""

    text: str = ""
    error: str = ""
    says: tuple[str, ...] = ()
    partial: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    calls: Sequence[tuple[str, str]] = ()


def answer(text: str = "AB", **fields: Any) -> Right:
    """The call succeeds with this text."""
    return Right(text, **fields)


def fails(error: str, *says: str, partial: str | None = None, **attributes: Any) -> Right:
    """The call fails with an error of exactly this class, whose message has these words."""
    return Right(error=error, says=says, partial=partial, attributes=attributes)


@dataclass(frozen=True)
class Fault:
    """What a server does wrong. A form that has no entry cannot have the fault."""

    name: str
    streamed: tuple[Entry, Right] | None = None
    whole: tuple[Entry, Right] | None = None
    timeout: float | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    # Whether the fault is a size, that a client may bound or not.
    bound: bool = False
    # What goes wrong before any request: "refused", "closed" at once, "plain" text or nothing ("mute") in place of TLS.
    connecting: str = ""

    def case(self, form: str) -> tuple[Entry, Right] | None:
        return self.streamed if form == "streamed" else self.whole

    @property
    def forms(self) -> list[str]:
        return [form for form in FORMS if self.case(form)]


@dataclass
class Outcome:
    """What came of an attempt."""

    text: str = ""
    error: Exception | None = None
    took: float = 0.0
    requests: int = 0
    following: str = ""
    # Of a stream of tokstream: what it was put together to.
    final: Any = None


class TheirSyncSurface(SyncSurface):
    client_class = openai.OpenAI


class TheirAsyncSurface(AsyncSurface):
    client_class = openai.AsyncOpenAI


THEIRS = {"sync": TheirSyncSurface, "async": TheirAsyncSurface}


def options_of(surface: Surface, fault: Fault, timeout: float) -> dict[str, Any]:
    """Settings that mean the same to both libraries, where both have them."""
    options: dict[str, Any] = {"timeout": fault.timeout or timeout, "max_retries": fault.retries}
    if surface.client_class in {tokstream.Client, tokstream.AsyncClient}:
        options["retry"] = tokstream.RetryPolicy(initial_delay=0.01)
        options["limits"] = tokstream.Limits(**fault.limits)
    return options


def good(request: Request) -> Sequence[Step]:
    """What the server answers when the fault is over."""
    return stream(said(USABLE)) if request.json.get("stream") else reply(completion(USABLE))


def attempt(surface: Surface, fault: Fault, form: str, timeout: float = 10.0) -> Outcome:
    """Make the call, and another one on the same client."""
    case = fault.case(form)
    assert case is not None
    with contextlib.ExitStack() as stack:
        script: list[Entry] = [] if fault.connecting else [case[0]]
        server = stack.enter_context(Server(*script, then=good, on_accept=greeting(fault)))
        url = stack.enter_context(address(fault, server))
        client = surface.client(url, **options_of(surface, fault, timeout))
        outcome = Outcome()
        begun = time.monotonic()
        try:
            outcome.text, outcome.final = call(surface, client, form, outcome)
        except Exception as error:  # noqa: BLE001 - which one it is is what is asked
            outcome.error = error
        outcome.took = time.monotonic() - begun
        outcome.requests = len(server.requests)
        try:
            again = Outcome()
            call(surface, client.with_options(base_url=server.url), form, again)
            outcome.following = again.text
        except Exception as error:  # noqa: BLE001
            outcome.following = type(error).__name__
        return outcome


def call(surface: Surface, client: Any, form: str, outcome: Outcome) -> tuple[str, Any]:
    """Ask; the text goes into the outcome piece by piece, so that it is known what was read before an error."""
    if form == "whole":
        final = surface.create(client, messages=HELLO, model=MODEL)
        outcome.text = final.choices[0].message.content
        return outcome.text, final
    chunks = surface.stream(client, messages=HELLO, model=MODEL)
    with contextlib.suppress(StopIteration):
        while True:
            chunk = surface.next(chunks)
            if chunk.choices and chunk.choices[0].delta:
                outcome.text += chunk.choices[0].delta.content or ""
    ours = hasattr(chunks, "get_final_completion")
    return outcome.text, surface.run(chunks.get_final_completion()) if ours else None


def greeting(fault: Fault) -> Callable[[Connection], None]:
    """What becomes of the first connection before anything is read of it."""

    def accept(connection: Connection) -> None:
        if connection.number or fault.connecting not in {"closed", "plain"}:
            return
        if fault.connecting == "plain":
            connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.receive()
        raise Gone

    return accept


@contextlib.contextmanager
def address(fault: Fault, server: Server) -> Iterator[str]:
    """Where the first call goes."""
    with socket.socket() as nobody:
        # Bound, so that nobody else gets the port, and never listened on.
        nobody.bind(("127.0.0.1", 0))
        if fault.connecting == "refused":
            yield f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        elif fault.connecting in {"plain", "mute"}:
            yield server.url.replace("http:", "https:")
        else:
            yield server.url


def wrong(outcome: Outcome, right: Right) -> list[str]:
    """What is not as it should be; nothing if all is well."""
    found = wrong_error(outcome, right) if right.error else wrong_answer(outcome, right)
    if outcome.following != USABLE:
        found.append(f"the next call gives {outcome.following!r}")
    return found


def wrong_answer(outcome: Outcome, right: Right) -> list[str]:
    if outcome.error is not None:
        return [f"{type(outcome.error).__name__} in place of an answer: {outcome.error}"]
    if outcome.text != right.text:
        return [f"the text is {outcome.text!r}, not {right.text!r}"]
    if outcome.final is None:
        return []
    message = outcome.final.choices[0].message
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    got = (message.content, calls)
    # Half of a surrogate pair is handed out as it came; what is put together is text, which has no such thing.
    joined = right.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return (
        [] if got in ((right.text, list(right.calls)), (joined, list(right.calls))) else [f"put together it is {got}"]
    )


def wrong_error(outcome: Outcome, right: Right) -> list[str]:
    error = outcome.error
    if error is None:
        return [f"{right.error} is missing: passes with {outcome.text[:80]!r}"]
    if type(error).__name__ != right.error:
        return [f"{type(error).__name__} in place of {right.error}: {error}"]
    found = [f"the message lacks {word!r}: {error}" for word in right.says if word not in str(error)]
    for name, value in right.attributes.items():
        if getattr(error, name, None) != value:
            found.append(f"{name} is {getattr(error, name, None)!r}, not {value!r}")
    if right.partial is not None:
        read = (outcome.text, kept(error))
        if read != (right.partial, right.partial):
            found.append(f"{read[0]!r} was read and {read[1]!r} is kept, not {right.partial!r}")
    return found


def kept(error: Exception) -> str:
    """The text of what a broken stream's error holds."""
    partial = getattr(error, "partial", None)
    return (partial.choices[0].message.content or "") if partial and partial.choices else ""
