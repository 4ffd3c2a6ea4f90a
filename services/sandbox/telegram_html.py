"""Telegram's HTML parse mode: marked-up text in, plain text and entities out, or the server's own words of refusal.

The rules are those of the server's parser: a fixed set of tags that close in order, four named entities (an unknown one
stays as it is), error places in bytes of the UTF-8 text, entity offsets and lengths in UTF-16 units.
"""

import re
from dataclasses import dataclass
from typing import Any

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "u": "underline",
    "ins": "underline",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
    "blockquote": "blockquote",
}
_NAMED = {b"lt": "<", b"gt": ">", b"amp": "&", b"quot": '"'}
_REFERENCE = re.compile(rb"&(?:#x([0-9a-fA-F]{1,8})|#([0-9]{1,8})|([a-zA-Z]+));?")
_ATTRIBUTE = re.compile(
    rb"[ \t\r\n\v]*([^ \t\r\n\v=>]+)[ \t\r\n\v]*(?:(=)[ \t\r\n\v]*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9.\-]*))?"
)
_START = re.compile(rb"<([^ \t\r\n\v>]*)")
_END = re.compile(rb"</([^ \t\r\n\v>]*)[ \t\r\n\v]*")
_LAST_CODE_POINT = 0x10FFFF


class MarkupError(ValueError):
    """The text is no valid markup; the message is what follows ``can't parse entities:``."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Plain text with its entities, as the Bot API returns them (offset and length in UTF-16 units)."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Open:
    """A start tag that waits for its end."""

    name: str
    argument: str | None
    offset: int


def parse(html: str) -> Markup:
    """Plain text and entities; white space at both ends is cut off.

    Raises:
        MarkupError: In the server's words.
    """
    parser = _Parser(html.encode())
    parser.run()
    return trim("".join(parser.text), parser.entities)


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def trim(text: str, entities: list[dict[str, Any]]) -> Markup:
    """Without white space at both ends; entities are moved and cut along, empty ones dropped, outer ones first."""
    kept = text.strip(" \t\r\n\v")
    shift = units(text[: text.find(kept)]) if kept else 0
    end = units(kept)
    fitted = []
    for entity in entities:
        first = max(0, entity["offset"] - shift)
        last = min(end, entity["offset"] - shift + entity["length"])
        if last > first:
            fitted.append({**entity, "offset": first, "length": last - first})
    fitted.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return Markup(kept, tuple(fitted))


class _Parser:
    """Reads bytes from the left; never backs up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0
        self._offset = 0
        self._open: list[_Open] = []
        self.text: list[str] = []
        self.entities: list[dict[str, Any]] = []

    def run(self) -> None:
        while self._place < len(self._data):
            if self._data.startswith(b"</", self._place):
                self._end_tag()
            elif self._data.startswith(b"<", self._place):
                self._start_tag()
            else:
                self._plain()
        if self._open:
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"')

    def _plain(self) -> None:
        """Text up to the next tag."""
        end = self._data.find(b"<", self._place)
        end = len(self._data) if end < 0 else end
        self._say(decode(self._data[self._place : end]))
        self._place = end

    def _say(self, text: str) -> None:
        self.text.append(text)
        self._offset += units(text)

    def _start_tag(self) -> None:
        begin = self._place
        match = _START.match(self._data, begin)
        assert match is not None  # noqa: S101 -- the caller saw the "<"
        if match.end() == len(self._data):
            raise MarkupError(f"Unclosed start tag at byte offset {begin}")
        name = match[1].decode().lower()
        if name not in _KINDS:
            raise MarkupError(f'Unsupported start tag "{name}" at byte offset {begin}')
        attributes = self._attributes(name, begin, match.end())
        argument = _argument(name, attributes)
        if name == "span" and argument != "spoiler":
            raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self._open.append(_Open(name, argument, self._offset))

    def _attributes(self, name: str, begin: int, place: int) -> dict[str, str]:
        """Attributes of a start tag; afterwards the parser stands behind its ``>``."""
        found: dict[str, str] = {}
        while True:
            while self._data[place : place + 1] in (b" ", b"\t", b"\r", b"\n", b"\v"):
                place += 1
            if place >= len(self._data):
                raise MarkupError(f"Unclosed start tag at byte offset {begin}")
            if self._data.startswith(b">", place):
                self._place = place + 1
                return found
            match = _ATTRIBUTE.match(self._data, place)
            if match is None:
                raise MarkupError(f'Empty attribute name in the tag "{name}" at byte offset {begin}')
            place = match.end()
            found[match[1].decode().lower()] = self._value(match, begin)

    def _value(self, match: re.Match[bytes], begin: int) -> str:
        """An attribute's value: a string in quotes, or a name token; empty where there is none."""
        raw = match[3] or b""
        if raw[:1] in (b'"', b"'"):
            return decode(raw[1:-1])
        following = self._data[match.end() : match.end() + 1]
        if not following or (match[2] and following in (b'"', b"'")):
            raise MarkupError(f"Unclosed start tag at byte offset {begin}")
        if match[2] and following not in (b" ", b"\t", b"\r", b"\n", b"\v", b">"):
            raise MarkupError(f"Unexpected end of name token at byte offset {match.start(3)}")
        return raw.decode().lower()

    def _end_tag(self) -> None:
        begin = self._place
        if not self._open:
            raise MarkupError(f"Unexpected end tag at byte offset {begin}")
        match = _END.match(self._data, begin)
        assert match is not None  # noqa: S101 -- the caller saw the "</"
        if not self._data.startswith(b">", match.end()):
            raise MarkupError(f"Unclosed end tag at byte offset {begin}")
        tag = self._open.pop()
        name = match[1].decode().lower()
        if name not in ("", tag.name):
            raise MarkupError(f'Unmatched end tag at byte offset {begin}, expected "</{tag.name}>", found "</{name}>"')
        self._place = match.end() + 1
        self._close(tag)

    def _close(self, tag: _Open) -> None:
        """Add the entity of a tag that is closed here."""
        length = self._offset - tag.offset
        entity: dict[str, Any] = {"offset": tag.offset, "length": length, "type": _KINDS[tag.name]}
        last = self.entities[-1] if self.entities else None
        is_same_span = last is not None and (last["offset"], last["length"]) == (tag.offset, length)
        if tag.name == "pre" and last is not None and is_same_span and last["type"] == "code" and "language" in last:
            # <pre><code class="language-x"> is one entity.
            last["type"] = "pre"
            return
        match tag.name:
            case "a":
                entity["url"] = tag.argument or "".join(self.text)[-length:]
            case "tg-emoji":
                entity["custom_emoji_id"] = tag.argument or ""
            case "code" if tag.argument is not None:
                entity["language"] = tag.argument
            case "blockquote" if tag.argument is not None:
                entity["type"] = "expandable_blockquote"
        if length:
            self.entities.append(entity)


def decode(data: bytes) -> str:
    """Bytes with their entities resolved; what is no known entity stays literally."""

    def resolve(match: re.Match[bytes]) -> bytes:
        hexadecimal, decimal, name = match.groups()
        if name is not None:
            return _NAMED[name].encode() if name in _NAMED else match[0]
        code = int(hexadecimal, 16) if hexadecimal is not None else int(decimal)
        is_character = 0 < code < _LAST_CODE_POINT and not 0xD800 <= code <= 0xDFFF  # noqa: PLR2004 -- surrogates
        return chr(code).encode() if is_character else match[0]

    return _REFERENCE.sub(resolve, data).decode()


def _argument(name: str, attributes: dict[str, str]) -> str | None:
    """What a tag says beside its name: link, language, class or emoji."""
    classes = attributes.get("class", "")
    match name:
        case "a":
            return attributes.get("href")
        case "code" if classes.startswith("language-"):
            return classes.removeprefix("language-")
        case "span" if classes.startswith("tg-"):
            return classes.removeprefix("tg-")
        case "tg-emoji":
            return attributes.get("emoji-id")
        case "blockquote" if "expandable" in attributes:
            return "expandable"
    return None
