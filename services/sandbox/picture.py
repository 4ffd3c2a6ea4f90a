"""Pictures that bots upload: bytes in, their kind and size in pixels out, or Telegram's refusal."""

import struct
from typing import NamedTuple

from services.sandbox.telegram_error import bad_request

_LARGEST_FILE = 10 * 1024 * 1024
_LARGEST_SIDES = 10_000  # width and height together
_WIDEST_RATIO = 20
_PNG = b"\x89PNG\r\n\x1a\n"


class Picture(NamedTuple):
    """An uploaded picture. Sizes in pixels."""

    data: bytes
    content_type: str
    width: int
    height: int


def inspect(data: bytes) -> Picture:
    """Look at an uploaded file.

    Raises:
        TelegramError: 400 in the server's words: too big, no picture, or out of proportion.
    """
    if not data:
        raise bad_request("file must be non-empty")
    if len(data) > _LARGEST_FILE:
        raise bad_request("file is too big")
    size = _png_size(data) or _jpeg_size(data)
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = size
    if not width or not height or width + height > _LARGEST_SIDES or max(size) > _WIDEST_RATIO * min(size):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return Picture(data, "image/png" if data.startswith(_PNG) else "image/jpeg", width, height)


def _png_size(data: bytes) -> tuple[int, int] | None:
    """From the IHDR chunk, which is always the first."""
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 24:  # noqa: PLR2004 -- end of the two sizes
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """From the first start-of-frame segment."""
    place = 2
    while data.startswith(b"\xff\xd8") and place + 9 <= len(data) and data[place] == 0xFF:  # noqa: PLR2004 -- a marker
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004 -- SOF0 to SOF15 but tables
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None
