from services.sandbox.telegram_error import bad_request, too_many_requests


def test_a_refusal_has_code_and_words():
    assert bad_request("chat not found").body == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: chat not found",
    }


def test_a_flood_says_how_long_to_wait():
    assert too_many_requests(33).body["parameters"] == {"retry_after": 33}
