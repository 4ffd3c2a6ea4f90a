"""What a message holds: parameters of a call in; checked text, caption and keyboard as the API returns them out."""

from collections.abc import Mapping
from typing import Any

from services.sandbox.telegram_error import bad_request
from services.sandbox.telegram_html import Markup, MarkupError, parse, trim
from services.sandbox.telegram_request import object_of, text_of

_TEXT_LENGTH = 4096  # code points after parsing
_CAPTION_LENGTH = 1024
_RAW_BYTES = 32_768
_DATA_BYTES = 64


def text_content(parameters: Mapping[str, Any], *, is_edit: bool) -> dict[str, Any]:
    """``text`` and, where there are any, ``entities``.

    Raises:
        TelegramError: 400: empty, too long (an edit says so in other words), or no valid markup.
    """
    markup = _markup(parameters, "text", "entities")
    if not markup.text:
        raise bad_request("message text is empty")
    if len(markup.text) > _TEXT_LENGTH:
        raise bad_request("MESSAGE_TOO_LONG" if is_edit else "message is too long")
    return _content("text", "entities", markup)


def caption_of(parameters: Mapping[str, Any], *, is_edit: bool) -> dict[str, Any]:
    """``caption`` and ``caption_entities``; nothing where there is no caption.

    Raises:
        TelegramError: 400: too long, or no valid markup.
    """
    markup = _markup(parameters, "caption", "caption_entities")
    if len(markup.text) > _CAPTION_LENGTH:
        raise bad_request("MEDIA_CAPTION_TOO_LONG" if is_edit else "message caption is too long")
    return _content("caption", "caption_entities", markup) if markup.text else {}


def keyboard_of(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The inline keyboard, or None.

    Raises:
        TelegramError: 400: no keyboard, or a button that is wrong.
    """
    markup = object_of(parameters, "reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("object expected as reply markup")
    kept = [[_button(button) for button in row] for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> dict[str, str]:
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    text = str(button["text"])
    if isinstance(button.get("url"), str):
        return {"text": text, "url": button["url"]}
    data = button.get("callback_data")
    if not isinstance(data, str):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not 1 <= len(data.encode()) <= _DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return {"text": text, "callback_data": data}


def _markup(parameters: Mapping[str, Any], name: str, entities: str) -> Markup:
    """Text by parse mode; without one the entities given."""
    raw = text_of(parameters, name)
    if len(raw.encode()) > _RAW_BYTES:
        raise bad_request("text is too long")
    mode = text_of(parameters, "parse_mode")
    if mode.lower() == "html":
        try:
            return parse(raw)
        except MarkupError as error:
            raise bad_request(f"can't parse entities: {error}") from None
    if mode:
        raise bad_request("unsupported parse_mode")
    given = object_of(parameters, entities, "message entities")
    return trim(raw, _entities(given))


def _entities(given: Any) -> list[dict[str, Any]]:
    """Entities a bot sends itself, as far as they can be placed."""
    if given is None:
        return []
    if not isinstance(given, list) or not all(
        isinstance(entity, dict)
        and isinstance(entity.get("offset"), int)
        and isinstance(entity.get("length"), int)
        and isinstance(entity.get("type"), str)
        for entity in given
    ):
        raise bad_request("can't parse MessageEntity: expected type, offset and length")
    return given


def _content(name: str, entities: str, markup: Markup) -> dict[str, Any]:
    content: dict[str, Any] = {name: markup.text}
    if markup.entities:
        content[entities] = list(markup.entities)
    return content
