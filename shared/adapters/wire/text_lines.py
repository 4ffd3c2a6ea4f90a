"""A path in, lines of text out: plain or gzip, told apart by content and not by name.

Bounded memory: one line is held at a time, and no line may be longer than `LONGEST_LINE`.
"""

import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from shared.errors import InvalidInput

LONGEST_LINE: Final = 4_000_000
"""Characters. The largest frames of an exchange are some 100,000; a longer "line" is no text file of ours."""

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"


def read_lines(path: Path) -> Generator[str, None, None]:
    """Lines of a UTF-8 text file, without their ends.

    Raises:
        InvalidInput: No such file, a directory, not readable, empty, not text, or a damaged gzip. Names the cure.
    """
    try:
        with path.open("rb") as raw:
            yield from _decoded(path, raw)
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a directory: name the files in it") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InvalidInput(f"{path} is a damaged gzip file: fetch it again") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8 text: name a text file or a .gz of one") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from None


def _decoded(path: Path, raw: BinaryIO) -> Iterator[str]:
    magic = raw.read(len(_ZIP))
    raw.seek(0)
    if magic == _ZIP:
        raise InvalidInput(f"{path} is a zip archive: unzip it first")
    source = gzip.GzipFile(fileobj=raw) if magic.startswith(_GZIP) else raw
    empty = True
    # utf-8-sig drops the byte order mark that spreadsheets write.
    with io.TextIOWrapper(source, encoding="utf-8-sig") as text:
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE or "\0" in line:
                raise InvalidInput(f"{path} is not a text file of trades or candles: a binary file?")
            empty = False
            yield line.rstrip("\r\n")
    if empty:
        raise InvalidInput(f"{path} is empty")
