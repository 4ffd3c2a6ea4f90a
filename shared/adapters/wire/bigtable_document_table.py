"""Documents in, rows of ``documents`` out, and back.

A row's key is the collection, quoted, ``#``, and the document's key in UTF-8 as it is, so that rows stand in the order
of the keys: a prefix is one range of rows.
"""

from dataclasses import replace

from google.cloud.bigtable.data import RowRange

from shared.adapters.wire import bigtable_documents
from shared.adapters.wire.bigtable_client import BigtableClient
from shared.adapters.wire.bigtable_keys import joined
from shared.adapters.wire.bigtable_schema import DOCUMENTS
from shared.adapters.wire.document_rules import behind, check_size, conflict, key_bytes
from shared.ports import Document


async def load(client: BigtableClient, collection: str, key: str) -> Document | None:
    """The document, or None."""
    found = await bigtable_documents.read(client, DOCUMENTS, [_row(collection, key)])
    return next((Document(collection, key, data=each.body, version=each.version) for each in found.values()), None)


async def save(client: BigtableClient, document: Document) -> Document:
    """Store the document as version + 1 and return it so.

    Raises:
        Conflict: The stored version is another one.
        InvalidInput: It is too large, or its key is too long.
    """
    check_size(document)
    row = _row(document.collection, document.key)
    saved = replace(document, version=document.version + 1)
    was_stored = await bigtable_documents.put(
        client, DOCUMENTS, row, saved.data, expected=document.version, version=saved.version
    )
    if not was_stored:
        stored = await bigtable_documents.read_versions(client, DOCUMENTS, [row])
        raise conflict(document, stored.get(row, 0))
    return saved


async def listing(client: BigtableClient, collection: str, limit: int, prefix: str) -> list[Document]:
    """The first `limit` documents whose key begins with `prefix`, ascending by key."""
    if limit <= 0:
        return []  # to Bigtable, no limit
    start = _row(collection, prefix)
    found = await bigtable_documents.read_range(client, DOCUMENTS, RowRange(start, behind(start)), limit)
    section = len(_row(collection, ""))
    return [
        Document(collection, row[section:].decode(), data=each.body, version=each.version)
        for row, each in found.items()
    ]


def _row(collection: str, key: str) -> bytes:
    return joined(collection) + b"#" + key_bytes(collection, key)
