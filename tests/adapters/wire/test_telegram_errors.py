import httpx
import pytest
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut

from shared.adapters.wire.telegram_errors import description_of, retry_millis, translated
from shared.errors import Refused, Unavailable, Uncertain


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("Bad Request: message to edit not found", "not_found"),
        ("Bad Request: message to forward not found", "not_found"),
        ("Bad Request: MESSAGE_ID_INVALID", "not_found"),
        ("MESSAGE_ID_INVALID", "not_found"),
        ("Bad Request: message can't be forwarded", "bad_request"),
        ("Bad Request: the message can't be forwarded", "bad_request"),
        ("Bad Request: CHAT_FORWARDS_RESTRICTED", "forbidden"),
        ("Bad Request: chat not found", "forbidden"),
    ],
)
def test_a_refusal_is_known_by_its_words(description, reason):
    refused = translated(BadRequest(description))
    assert isinstance(refused, Refused)
    assert refused.reason == reason


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (httpx.ConnectError("no"), Unavailable),
        (httpx.ConnectTimeout("no"), Unavailable),
        (httpx.PoolTimeout("no"), Unavailable),
        (httpx.ReadTimeout("no"), Uncertain),
        (httpx.WriteError("no"), Uncertain),
        (httpx.RemoteProtocolError("no"), Uncertain),
    ],
)
def test_what_was_not_written_is_unavailable_and_all_else_uncertain(cause, kind):
    for error in (TimedOut(), NetworkError("x")):
        error.__cause__ = cause
        assert type(translated(error)) is kind


def test_an_answer_that_cannot_be_read_is_uncertain():
    assert type(translated(TelegramError("Invalid server response"))) is Uncertain


@pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")
def test_a_flood_wait_is_told_in_ms():
    assert retry_millis(RetryAfter(3)) == 3_000
    assert description_of(BadRequest("Bad Request: Chat Not Found")) == "chat not found"
