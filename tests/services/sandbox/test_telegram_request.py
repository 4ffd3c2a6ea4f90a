import pytest

from services.sandbox.telegram_error import TelegramError
from services.sandbox.telegram_request import flag_of, number_of, object_of, text_of


@pytest.mark.parametrize(("value", "number"), [("7", 7), (7, 7), ("x", 3), (None, 3), ("", 3)])
def test_numbers_may_be_text_and_what_is_none_is_the_default(value, number):
    assert number_of({"n": value}, "n", 3) == number


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("True", True), (True, True), ("1", True), ("no", False)])
def test_flags_may_be_text(value, flag):
    assert flag_of({"f": value}, "f") is flag


def test_objects_may_be_text():
    assert object_of({"o": '{"a": 1}'}, "o", "it") == object_of({"o": {"a": 1}}, "o", "it") == {"a": 1}
    assert object_of({"o": ""}, "o", "it") is None
    with pytest.raises(TelegramError, match="can't parse it JSON object"):
        object_of({"o": "{"}, "o", "it")


def test_an_absent_text_is_empty():
    assert text_of({}, "t") == ""
    assert text_of({"t": -100}, "t") == "-100"
