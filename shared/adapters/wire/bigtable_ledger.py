"""Books in, rows of ``live-positions`` out, and back.

Bigtable changes one row at a time, so the order of the writes makes a crash between them harmless: the lines of the
signal log first, which are written once however often they are asked for, then the row of each book over its expected
version. A call that contradicts what is stored leaves nothing of itself. Only where the process dies, or another
writer comes between the look at the versions and the writes, some books of a call may be stored and others not: each
one whole, its lines in the log.
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.adapters.wire import bigtable_documents
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_keys import joined
from shared.adapters.wire.bigtable_schema import POSITIONS
from shared.adapters.wire.bigtable_signals import append
from shared.domain.book import Book, BookKey
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json


async def load_books(client: BigtableClient, keys: Sequence[BookKey]) -> dict[BookKey, Book]:
    """The stored books among `keys`."""
    rows = {joined(*key): key for key in keys}
    bodies = await bigtable_documents.read_bodies(client, POSITIONS, list(rows))
    return {rows[row]: from_json(body, Book) for row, body in bodies.items()}


async def commit(client: BigtableClient, books: Sequence[Book]) -> None:
    """Store each book as version + 1 and append its signals.

    Raises:
        Conflict: A stored version is not the book's.
    """
    by_row: dict[bytes, list[Book]] = {}
    for book in books:
        by_row.setdefault(joined(*book.key), []).append(book)
    stored = await bigtable_documents.read_versions(client, POSITIONS, list(by_row))
    for row, versions in by_row.items():
        for number, book in enumerate(versions):
            _check(book, stored.get(row, 0) + number)
    await append(client, [signal for book in books for signal in book.unpublished])
    await client.gather([_put(client, row, versions) for row, versions in by_row.items()])


async def _put(client: BigtableClient, row: bytes, books: Sequence[Book]) -> None:
    """Store the last of several versions of one book that follow each other, over the one before the first."""
    last = books[-1]
    version = last.version + 1
    body = to_json(replace(last, version=version))
    expected = books[0].version
    if not await bigtable_documents.put(client, POSITIONS, row, body, expected=expected, version=version):
        now = await bigtable_documents.read_versions(client, POSITIONS, [row])
        _check(books[0], now.get(row, 0))


def _check(book: Book, stored: int) -> None:
    if stored != book.version:
        raise Conflict(f"book {'/'.join(book.key)} is at version {stored}, not {book.version}; load it again")
