"""What errors carry."""

from typing_extensions import assert_type

import tokstream
from tokstream.types.chat import ChatCompletion


def caught(client: tokstream.Client) -> None:
    try:
        client.chat.completions.create(messages="Hello!")
    except tokstream.RateLimitError as error:
        assert_type(error.status_code, int)
        assert_type(error.retry_after, float | None)
        assert_type(error.headers.get("retry-after"), str | None)
    except tokstream.APITimeoutError as error:
        assert_type(error.phase, str | None)
        assert_type(error.cause, str)
    except tokstream.APIError as error:
        assert_type(error.message, str)
        assert_type(error.code, str | None)
        assert_type(error.param, str | None)
        assert_type(error.type, str | None)
        assert_type(error.body, object)
        assert_type(error.request_id, str | None)
        assert_type(error.retries_taken, int)
    except tokstream.LengthFinishReasonError as error:
        assert_type(error.completion, ChatCompletion)


def builtins(error: tokstream.APITimeoutError, wrong: tokstream.ConfigurationError) -> None:
    tree: list[tokstream.TokstreamError] = [error, wrong]
    connection: list[ConnectionError | TimeoutError] = [error]
    value: list[ValueError] = [wrong]
    assert [*tree, *connection, *value]
