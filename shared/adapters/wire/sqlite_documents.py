"""Documents in, rows of an SQLite file out, and back. Keys are stored as UTF-8, whose order is that of the letters."""

from dataclasses import replace
from sqlite3 import Connection

from shared.adapters.wire.document_rules import behind, check_size, check_version, key_bytes
from shared.ports import Document

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS documents (
        collection TEXT NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (collection, key))""",
)

LISTING = "SELECT key, version, data FROM documents WHERE collection=? AND key>=? AND key<? ORDER BY key LIMIT ?"
"""One range of the primary key."""

_ONE = "SELECT version, data FROM documents WHERE collection=? AND key=?"
_PUT = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)"


def load(connection: Connection, collection: str, key: str) -> Document | None:
    """The document, or None."""
    row = connection.execute(_ONE, (collection, key_bytes(collection, key))).fetchone()
    return None if row is None else Document(collection, key, data=row[1], version=row[0])


def save(connection: Connection, document: Document) -> Document:
    """Store the document as version + 1 and return it so.

    Raises:
        Conflict: The stored version is another one.
        InvalidInput: It is too large, or its key is too long.
    """
    check_size(document)
    place = (document.collection, key_bytes(document.collection, document.key))
    row = connection.execute("SELECT version FROM documents WHERE collection=? AND key=?", place).fetchone()
    check_version(document, row[0] if row else 0)
    saved = replace(document, version=document.version + 1)
    connection.execute(_PUT, (*place, saved.version, saved.data))
    return saved


def listing(connection: Connection, collection: str, limit: int, prefix: str) -> list[Document]:
    """The first `limit` documents whose key begins with `prefix`, ascending by key."""
    start = key_bytes(collection, prefix)
    rows = connection.execute(LISTING, (collection, start, behind(start), max(0, limit)))
    return [Document(collection, key.decode(), data=data, version=version) for key, version, data in rows]
