import json

import pytest

from services.sandbox.telegram_content import caption_of, keyboard_of, text_content
from services.sandbox.telegram_error import TelegramError


def keyboard(*buttons):
    return {"reply_markup": json.dumps({"inline_keyboard": [list(buttons)]})}


def test_a_keyboard_may_be_written_as_text_and_empty_rows_vanish():
    button = {"text": "b", "callback_data": "x" * 64}
    assert keyboard_of(keyboard(button)) == {"inline_keyboard": [[button]]}
    assert keyboard_of({"reply_markup": {"inline_keyboard": [[]]}}) is None
    assert keyboard_of({}) is None


@pytest.mark.parametrize(
    "button", [{"text": "b"}, {"text": " ", "callback_data": "x"}, {"text": "b", "callback_data": ""}, "b"]
)
def test_wrong_buttons_are_refused(button):
    with pytest.raises(TelegramError):
        keyboard_of(keyboard(button))


def test_without_a_parse_mode_the_given_entities_count_and_tags_stay_text():
    entities = [{"offset": 0, "length": 1, "type": "bold"}]
    content = text_content({"text": "<b>x", "entities": json.dumps(entities)}, is_edit=False)
    assert content == {"text": "<b>x", "entities": entities}


@pytest.mark.parametrize("entities", ["no json", "{}", '[{"offset": 0}]'])
def test_wrong_entities_are_refused(entities):
    with pytest.raises(TelegramError):
        text_content({"text": "x", "entities": entities}, is_edit=False)


def test_an_unknown_parse_mode_is_refused():
    with pytest.raises(TelegramError, match="unsupported parse_mode"):
        text_content({"text": "x", "parse_mode": "BBCode"}, is_edit=False)


def test_no_caption_is_nothing():
    assert caption_of({}, is_edit=False) == {}
    assert caption_of({"caption": "<i>c</i>", "parse_mode": "html"}, is_edit=False) == {
        "caption": "c",
        "caption_entities": [{"offset": 0, "length": 1, "type": "italic"}],
    }
