"""Messages in, rows of an SQLite file out, and back: the queue of the durable bus, seen from inside one transaction.

Every open subscription is an owner with a lease. What it pulled carries its name and belongs to it for as long as the
lease is renewed; one row is renewed, however many messages are held. A delivery without an owner waits to be pulled.
Lease times are ms of the machine's monotonic clock, which all processes of the machine share; after a restart of the
machine it begins again, so a lease that ends absurdly late is over, too. `published` is ms UTC.
"""

from collections.abc import Callable, Sequence
from sqlite3 import Connection

from shared.messages.codec import from_json, to_json
from shared.ports import Delivery, Message

SCHEMA = (
    # AUTOINCREMENT: an id is never used again, so that a late acknowledgement cannot hit another message.
    """CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, published INTEGER NOT NULL, data BLOB NOT NULL,
        attributes BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS subscriptions (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (topic, name))""",
    """CREATE TABLE IF NOT EXISTS owners (
        owner TEXT PRIMARY KEY, subscription INTEGER NOT NULL, lease_until INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS deliveries (
        message INTEGER NOT NULL, subscription INTEGER NOT NULL, owner TEXT NOT NULL DEFAULT '',
        attempt INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (message, subscription)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS deliveries_by_owner ON deliveries (subscription, owner, message)",
)

_PURGE_BATCH = 1_000
_ABSURD = 10  # leases; another process may have longer ones, and its renewal may be younger than our `now`

_OLD = """SELECT id FROM (SELECT id, published FROM messages ORDER BY id LIMIT ?) WHERE published < ?"""
_FULL = """SELECT 1 FROM deliveries WHERE subscription=? LIMIT 1 OFFSET ?"""
_PUT = "INSERT INTO messages (published, data, attributes) VALUES (?, ?, ?)"
_NEXT = """SELECT message, attempt + 1, data, attributes FROM deliveries JOIN messages ON id = message
    WHERE subscription=? AND owner='' ORDER BY message LIMIT ?"""
_TAKE = "UPDATE deliveries SET owner=?, attempt=? WHERE message=? AND subscription=?"
_GIVE_BACK = "UPDATE deliveries SET owner='' WHERE message=? AND subscription=? AND owner=? AND attempt=?"
_GIVE_ALL_BACK = "UPDATE deliveries SET owner='' WHERE subscription=? AND owner=?"
_FORGET = "DELETE FROM messages WHERE id=? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message=id)"


def creation(topic: str, name: str) -> str:
    """Statement that creates a subscription of the catalog, whose names have no quotes, where it is missing."""
    return f"INSERT INTO subscriptions (topic, name) VALUES ('{topic}', '{name}') ON CONFLICT DO NOTHING"  # noqa: S608


def open_subscription(connection: Connection, topic: str, name: str, owner: str, lease_until: int) -> int:
    """Id of the subscription, created where needed, with `owner` as one of its consumers."""
    connection.execute("INSERT INTO subscriptions (topic, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (topic, name))
    query = "SELECT id FROM subscriptions WHERE topic=? AND name=?"
    subscription: int = connection.execute(query, (topic, name)).fetchone()[0]
    renew(connection, [(owner, subscription)], lease_until)
    return subscription


def renew(connection: Connection, owners: Sequence[tuple[str, int]], lease_until: int) -> None:
    """Let the leases of these (owner, subscription) end at `lease_until`."""
    rows = [(owner, subscription, lease_until) for owner, subscription in owners]
    connection.executemany("INSERT OR REPLACE INTO owners VALUES (?, ?, ?)", rows)


def expired(
    connection: Connection, now: int, lease_millis: int, is_gone: Callable[[str], bool]
) -> list[tuple[int, str]]:
    """Subscription and name of every owner whose lease is over, or of whom `is_gone` says that it is no more."""
    owners = connection.execute("SELECT subscription, owner, lease_until FROM owners").fetchall()
    longest = now + _ABSURD * lease_millis
    return [(number, owner) for number, owner, until in owners if not now < until <= longest or is_gone(owner)]


def free_expired(connection: Connection, now: int, lease_millis: int, is_gone: Callable[[str], bool]) -> None:
    """Give back what these owners hold."""
    for subscription, owner in expired(connection, now, lease_millis, is_gone):
        release(connection, subscription, owner)


def is_full(connection: Connection, topic: str, limit: int) -> bool:
    """Whether a subscription of the topic that somebody has open has `limit` messages outstanding.

    One that nobody has open does not count: its consumer may never come back, and must not stop everybody else.
    """
    query = "SELECT id FROM subscriptions WHERE topic=? AND id IN (SELECT subscription FROM owners)"
    ids = connection.execute(query, (topic,)).fetchall()
    return any(connection.execute(_FULL, (subscription, limit - 1)).fetchone() for (subscription,) in ids)


def put(connection: Connection, topic: str, messages: Sequence[Message], now: int) -> None:
    """Append the messages for every subscription of the topic; without one they are not kept."""
    ids = connection.execute("SELECT id FROM subscriptions WHERE topic=?", (topic,)).fetchall()
    if not ids:
        return
    for message in messages:
        number = connection.execute(_PUT, (now, message.data, to_json(dict(message.attributes)))).lastrowid
        rows = [(number, subscription) for (subscription,) in ids]
        connection.executemany("INSERT INTO deliveries (message, subscription) VALUES (?, ?)", rows)


def take(connection: Connection, subscription: int, owner: str, limit: int, lease_until: int) -> list[Delivery]:
    """The oldest messages nobody holds, at most `limit`; `owner` holds them from now on, under a fresh lease.

    Without any it writes nothing: other processes look again whenever the file changes.
    """
    rows = connection.execute(_NEXT, (subscription, limit)).fetchall()
    if rows:
        renew(connection, [(owner, subscription)], lease_until)
    connection.executemany(_TAKE, [(owner, attempt, number, subscription) for number, attempt, _, _ in rows])
    return [
        Delivery(Message(data, from_json(attributes, dict[str, str])), f"{number}.{attempt}", attempt)
        for number, attempt, data, attributes in rows
    ]


def remove(connection: Connection, subscription: int, deliveries: Sequence[Delivery]) -> int:
    """Never deliver these again, whoever holds them now; returns how many were there."""
    numbers = [_split(delivery)[0] for delivery in deliveries]
    statement = "DELETE FROM deliveries WHERE message=? AND subscription=?"
    removed = connection.executemany(statement, [(number, subscription) for number in numbers]).rowcount
    connection.executemany(_FORGET, [(number,) for number in numbers])
    return removed


def give_back(connection: Connection, subscription: int, owner: str, deliveries: Sequence[Delivery]) -> None:
    """Let these be pulled again, those that `owner` still holds."""
    keys = map(_split, deliveries)
    rows = [(number, subscription, owner, attempt) for number, attempt in keys]
    connection.executemany(_GIVE_BACK, rows)


def release(connection: Connection, subscription: int, owner: str) -> None:
    """Let everything be pulled again that `owner` holds, and end its lease."""
    connection.execute(_GIVE_ALL_BACK, (subscription, owner))
    connection.execute("DELETE FROM owners WHERE owner=?", (owner,))


def purge(connection: Connection, published_before: int) -> int:
    """Drop messages that waited too long, some at a time; returns how many."""
    numbers = connection.execute(_OLD, (_PURGE_BATCH, published_before)).fetchall()
    connection.executemany("DELETE FROM deliveries WHERE message=?", numbers)
    connection.executemany("DELETE FROM messages WHERE id=?", numbers)
    return len(numbers)


def _split(delivery: Delivery) -> tuple[int, int]:
    number, attempt = delivery.ack_id.split(".")
    return int(number), int(attempt)
