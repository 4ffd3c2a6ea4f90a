"""Names and sizes of documents in, what every store does alike out: which are refused, and where their keys lie."""

from typing import Final

from shared.errors import Conflict, InvalidInput
from shared.ports import Document

MAX_KEY_BYTES: Final = 512
MAX_DATA_BYTES: Final = 1_000_000

_BEHIND: Final = b"\xff"  # in no UTF-8 text, and greater than every byte of one


def key_bytes(collection: str, key: str) -> bytes:
    """The key in UTF-8. Its bytes stand in the order of its letters, so every store lists alike.

    Raises:
        InvalidInput: It is too long, or no text.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"a key of {collection!r} is no text: {key[:100]!a}; use whole characters") from None
    if len(encoded) > MAX_KEY_BYTES:
        raise InvalidInput(
            f"a key of {collection!r} has {len(encoded):,} bytes, at most {MAX_KEY_BYTES} are kept: {key[:100]!r}..."
        )
    return encoded


def check_size(document: Document) -> None:
    """Pass when the data can be kept.

    Raises:
        InvalidInput: They are too large.
    """
    size = len(document.data)
    if size > MAX_DATA_BYTES:
        raise InvalidInput(
            f"document {document.collection}/{document.key} has {size:,} bytes, at most {MAX_DATA_BYTES:,} are kept"
        )


def behind(prefix: bytes) -> bytes:
    """The end of the half-open key range that begins with `prefix` and holds every key with that prefix, no other."""
    return prefix + _BEHIND


def check_version(document: Document, stored: int) -> None:
    """Pass when the stored version is the document's.

    Raises:
        Conflict: It is not.
    """
    if stored != document.version:
        raise conflict(document, stored)


def conflict(document: Document, stored: int) -> Conflict:
    """What a writer is told who expected another version than the stored one."""
    return Conflict(
        f"document {document.collection}/{document.key} is at version {stored}, not {document.version}; load it again"
    )
