"""An answer of the Bot API that is not "ok": status, words and parameters."""

from typing import Any


class TelegramError(Exception):
    """Carries what the server answers.

    Args:
        code: HTTP status and error_code.
        description: The whole text, ``Bad Request: ...`` included.
        retry_after: Seconds to wait, for 429.
    """

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return body


def bad_request(text: str) -> TelegramError:
    """The usual refusal."""
    return TelegramError(400, f"Bad Request: {text}")


def too_many_requests(seconds: int) -> TelegramError:
    """The answer to a flood."""
    return TelegramError(429, f"Too Many Requests: retry after {seconds}", seconds)


def conflict() -> TelegramError:
    """The answer to a poll while another one is there."""
    return TelegramError(
        409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
