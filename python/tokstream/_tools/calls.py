"""One call of a tool, from the model's JSON to the text that it gets back."""

from __future__ import annotations

import json
from contextlib import suppress
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from tokstream._schema import Invalid, Reason, load_json
from tokstream._surrogates import joined
from tokstream._typing import is_dict

from .errors import ToolError
from .results import as_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .definition import Tool


class Call:
    """A call that the model asks for, and what came of it.

    Args:
        asked: the call as the message has it. What the answer has to repeat is made good in it: an id, the arguments
            as text.
        tools: the tools by name.
        number: what its id is made of if it has none.

    Attributes:
        tool: what is called; None if there is no such tool.
        content: what the model gets back; None if the call has not ended.
        result: what the tool returned.
        error: why there is no result.
    """

    __slots__ = ("_through", "arguments", "content", "error", "id", "name", "result", "tool", "tools")

    def __init__(self, asked: dict[str, Any], tools: dict[str, Tool], number: str) -> None:
        function = make_good(asked, number)
        self.id: str = asked["id"]
        self.name: str = function["name"]
        self.arguments: str = function.get("arguments", "")
        self.tools = tools
        self.tool = tools.get(self.name)
        self.content: str | None = None
        self.result: Any = None
        self.error: ToolError | None = None
        self._through: BaseException | None = None

    def is_parallel(self, default: bool) -> bool:
        """Whether it runs beside other calls."""
        if self.tool is None:
            return False
        if self.tool.parallel is not None:
            return self.tool.parallel
        return self.tool.is_async or default

    def run(self, wait: Callable[[Awaitable[Any]], Any]) -> None:
        """Do the call on this thread.

        Args:
            wait: waits for what a coroutine function returned.
        """
        try:
            result = self._bound()()
            self._settle(wait(result) if isawaitable(result) else result)
        except Exception as error:  # noqa: BLE001 - it is the tool's, and told to the model
            self._fail(error)

    async def arun(
        self,
        attempt: Callable[[Callable[[], Any]], Awaitable[tuple[Any, BaseException | None]]],
        # These would end the event loop, and whoever waits for the call would wait forever.
        through: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit),
    ) -> None:
        """Do the call in the event loop.

        Args:
            attempt: calls what is no coroutine function, elsewhere; what it raises is returned beside its result, for
                a coroutine cannot raise each exception.
            through: what is kept for `check` to raise.
        """
        try:
            do = self._bound()
            is_async = self.tool is not None and self.tool.is_async
            result, error = (do(), None) if is_async else await attempt(do)
            if error is not None:
                raise error  # noqa: TRY301 - it is the tool's
            self._settle(await result if isawaitable(result) else result)
        except Exception as error:  # noqa: BLE001 - it is the tool's, and told to the model
            self._fail(error)
        except through as error:
            self._through = error

    def check(self) -> None:
        """Raise what must not be told to the model."""
        if self._through is not None:
            raise self._through

    def message(self) -> dict[str, Any]:
        """Return the message that answers the call."""
        return {"role": "tool", "tool_call_id": self.id, "content": self.content}

    def _bound(self) -> Callable[[], Any]:
        if self.tool is None or self.tool.bind is None:
            known = ", ".join(self.tools) or "none"
            raise ToolError(f"There is no tool named {self.name!r}. There are: {known}.")
        try:
            return self.tool.bind(self._decoded())
        except Invalid as error:
            reasons = "".join(f"\n- {reason}" for reason in error.reasons)
            raise ToolError(f"The arguments of {self.name} are not valid:{reasons}") from error

    def _decoded(self) -> dict[str, Any]:
        arguments = load_json(self.arguments) if self.arguments.strip() else None
        if isinstance(arguments, str):
            # Some models write the JSON as a string.
            with suppress(Invalid):
                arguments = load_json(arguments)
        if arguments is None:
            return {}
        if not is_dict(arguments):
            raise Invalid([Reason("", "an object was expected, with a name for each argument")])
        return arguments

    def _settle(self, result: Any) -> None:
        try:
            self.content = joined(as_text(result))
        except (TypeError, ValueError, RecursionError) as error:
            raise ToolError(f"The result of {self.name} cannot be sent to the model: {error}") from error
        self.result = result

    def _fail(self, error: Exception) -> None:
        if type(error) is ToolError and not error.name:
            made, cause = error, error.__cause__
        else:
            made, cause = ToolError(f"{self.name} failed: {_said(error)}"), error
        made.name, made.arguments, made.call_id = self.name, self.arguments, self.id
        made.__cause__ = cause
        self.error = made
        self.content = joined(f"Error: {made.message}")


def make_good(asked: dict[str, Any], number: str) -> dict[str, Any]:
    """Give a call all that servers demand of one, an id, a name and the text of arguments; return its function.

    Args:
        asked: the call as a message has it.
        number: what its id is made of if it has none.
    """
    if not isinstance(asked.get("id"), str) or not asked["id"]:
        asked["id"] = f"call_{number}"
    kind = "custom" if is_dict(asked.get("custom")) and not is_dict(asked.get("function")) else "function"
    asked["type"] = kind
    function: dict[str, Any] = asked[kind] if is_dict(asked.get(kind)) else {}
    asked[kind] = function
    function["name"] = str(function.get("name"))
    arguments = function.get("arguments")
    if kind == "function" and not isinstance(arguments, str):
        function["arguments"] = "{}" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    return function


def _said(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception may be anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
