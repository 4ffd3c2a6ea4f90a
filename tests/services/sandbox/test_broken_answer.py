import json

import pytest
from aiohttp import web

from services.sandbox.broken_answer import halved


def test_half_an_answer_has_a_status_and_no_json():
    answer = halved(web.json_response({"retCode": 0}, status=200))
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.text == '{"retCo'
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(answer.text)
