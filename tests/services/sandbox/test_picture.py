import io

import pytest
from PIL import Image

from services.sandbox.picture import inspect
from services.sandbox.telegram_error import TelegramError


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_kind_and_size_are_read(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200)).save(buffer, kind)
    picture = inspect(buffer.getvalue())
    assert (picture.content_type, picture.width, picture.height) == (f"image/{kind.lower()}", 300, 200)


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_other_files_are_refused(data):
    with pytest.raises(TelegramError):
        inspect(data)
