"""The whole boundary of the platform on one page: what the core and the services may ask of the world.

Every port has adapters in ``shared/adapters/<kind>/<technology>.py`` and one contract suite that runs over all of them.
Times are int milliseconds UTC. Methods raise `Unavailable` when the other side is away, and nothing else unless said.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from shared.domain.book import Book, BookKey
from shared.domain.candle import Candle, FormingCandle
from shared.domain.chart import ChartSpec
from shared.domain.feed import FeedEvent
from shared.domain.instrument import Instrument
from shared.domain.outbox_entry import OutboxEntry
from shared.domain.signal import Signal
from shared.domain.timeframe import Timeframe


class Clock(Protocol):
    """The only way to know what time it is (law: time is an argument)."""

    def now(self) -> int:
        """Wall clock in ms UTC. May jump; never used to order events."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring durations of the local machine."""
        ...

    async def sleep(self, millis: int) -> None:
        """Return after `millis` of this clock have passed; at once when not positive."""
        ...


# --- bus -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes on a topic. `attributes` say what they are (``type``, ``version``, ``id`` ...) without opening them."""

    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message handed to a consumer. `ack_id` names this delivery; `attempt` counts from 1 (1 where unknown)."""

    message: Message
    ack_id: str
    attempt: int = 1


class Subscription(Protocol):
    """A consumer's place on a topic. At least once, in no promised order; consumers are idempotent.

    What was delivered and not acknowledged is held: the adapter keeps it from being delivered again while this
    subscription lives, and gives it back when the process dies or `release` is called.
    """

    async def pull(self, limit: int = 100) -> list[Delivery]:
        """Wait until at least one message is there, then return up to `limit` of them."""
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """The effects of these are durable: never deliver them again. An unknown or repeated one does no harm."""
        ...

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver these again soon, here or elsewhere, with `attempt` one higher."""
        ...

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """This one can never be handled: move it to the topic's dead letters with the reason, or drop it where the
        catalog names no dead-letter topic."""
        ...

    async def release(self) -> None:
        """Hand everything held back at once, so that a successor has it; then no more is pulled here: a later pull, or
        one that waits now, raises `Unavailable`."""
        ...


class Bus(Protocol):
    """Carries messages between services."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when the bus has all of them as durably as it can; waits while consumers of this process are too far
        behind (a broker that keeps the backlog waits for nobody else).

        Raises:
            InvalidMessage: A message is larger than the bus carries (10,000,000 bytes).
        """
        ...

    async def subscribe(self, topic: str, subscription: str) -> Subscription:
        """Open the named subscription of a topic, creating it where needed. It receives what is published after its
        creation. Several processes that open the same name share its messages."""
        ...

    async def close(self) -> None:
        """Flush and let go; held deliveries are released."""
        ...


# --- stores ----------------------------------------------------------------------------------------------------------


@runtime_checkable
class CandleStore(Protocol):
    """Candles by instrument, timeframe and open time."""

    async def write(self, candles: Sequence[Candle]) -> list[Candle]:
        """Store candles that are over; returns those that changed the store (see `Candle.supersedes`). A forming view
        of the same candle gives way."""
        ...

    async def write_forming(self, candles: Sequence[FormingCandle]) -> None:
        """Store views of candles that are not over, one for each instrument and timeframe: one that is not older
        replaces the stored one."""
        ...

    async def read(self, instrument: Instrument, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """Candles with ``start <= open_time < end``, ascending."""
        ...

    async def read_latest(
        self, instruments: Sequence[Instrument], timeframe: Timeframe, limit: int
    ) -> dict[Instrument, list[Candle]]:
        """The newest `limit` candles of each instrument, ascending; an empty list where there are none."""
        ...

    async def read_forming(
        self, instruments: Sequence[Instrument], timeframe: Timeframe
    ) -> dict[Instrument, FormingCandle]:
        """The forming view of each instrument that has one newer than its last stored candle."""
        ...

    async def instruments(self, timeframe: Timeframe) -> list[Instrument]:
        """Every instrument with at least one candle, sorted."""
        ...


class Ledger(Protocol):
    """Books of the logic engine and the signals they said."""

    async def load_books(self, keys: Sequence[BookKey]) -> dict[BookKey, Book]:
        """The stored books among `keys`; an unknown key is absent."""
        ...

    async def commit(self, books: Sequence[Book]) -> None:
        """Store each book as version + 1, and append its unpublished signals to the signal log (once: a line is
        known by signal id and revision). A stored version that is not ``book.version`` raises.

        Each book is stored wholly, its lines already in the log, or not at all. A call that contradicts what is stored
        leaves nothing of itself; only where the process dies, another writer comes while it runs, or the store stops
        answering may some books of a call be stored and others not, and lines be logged without their book.

        Raises:
            Conflict: Another writer was first; load again.
        """
        ...

    async def signals(self, limit: int, symbol: str | None = None) -> list[Signal]:
        """The newest `limit` lines of the log, ascending by time."""
        ...

    async def history(self, signal_id: str) -> list[Signal]:
        """All lines of one signal, ascending by revision; empty when it is unknown."""
        ...


class OutboxStore(Protocol):
    """The notifier's durable memory."""

    async def load(self, chat: str, signal_id: str) -> OutboxEntry | None:
        """The entry, or None."""
        ...

    async def save(self, entry: OutboxEntry) -> OutboxEntry:
        """Store the entry as version + 1 (version 0 = it must not exist yet) and return it with the new version.

        Raises:
            Conflict: The stored version is another one.
        """
        ...

    async def unfinished(self) -> list[OutboxEntry]:
        """Every entry that is not finished, ascending by the time of the head of its queue."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A small JSON text that one service remembers under a name: who holds a lease, which outage was announced.

    Attributes:
        collection: What kind it is; the part of the platform that owns it.
        key: Its name there, up to 512 UTF-8 bytes.
        data: JSON, up to 1 MB.
        version: Counts the writes; 0 = it must not exist yet.
    """

    collection: str
    key: str
    data: bytes
    version: int = 0


class DocumentStore(Protocol):
    """What services remember besides candles, books and outbox entries. Writes are conditional; nothing is deleted."""

    async def load_document(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    async def save_document(self, document: Document) -> Document:
        """Store it as version + 1 and return it with the new version.

        Raises:
            Conflict: The stored version is another one.
        """
        ...

    async def documents(self, collection: str, limit: int, prefix: str = "") -> list[Document]:
        """The first `limit` documents of a collection whose key begins with `prefix`, ascending by key."""
        ...


class Store(CandleStore, Ledger, OutboxStore, DocumentStore, Protocol):
    """What one technology offers under one name. A service asks for the narrow port it needs."""

    async def close(self) -> None:
        """Write what is pending and let go."""
        ...


# --- market ----------------------------------------------------------------------------------------------------------


class TradeFeed(Protocol):
    """An exchange's live trades."""

    @property
    def exchange(self) -> str:
        """Venue and product, as candles carry it: ``bybit-linear``."""
        ...

    def events(self, symbols: Sequence[str]) -> AsyncIterator[FeedEvent]:
        """Connect, and go on for ever: after a `FeedDisconnected` it reconnects by itself with growing pauses."""
        ...


@runtime_checkable
class MarketHistory(Protocol):
    """An exchange's past, by request."""

    @property
    def exchange(self) -> str:
        """Venue and product, as candles carry it."""
        ...

    async def candles(self, symbol: str, timeframe: Timeframe, start: int, end: int) -> list[Candle]:
        """Candles with ``start <= open_time < end`` that are over, ascending, `source` ``exchange``, as the venue has
        them: a minute that the venue does not list is absent.

        Raises:
            Refused: The venue does not know the symbol, or refuses this address.
        """
        ...

    async def symbols(self) -> frozenset[str]:
        """Symbols that trade at the venue now."""
        ...


# --- people ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button: what it shows, and what comes back when it is pressed (at most 64 bytes)."""

    text: str
    data: str


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """Somebody pressed a button. `press_id` is what `Notifier.answer` wants back."""

    press_id: str
    chat: str
    message_id: int
    data: str


class Notifier(Protocol):
    """A way to people. Texts are Telegram HTML.

    Sends raise `Uncertain` when the request was written and no answer came, and `Refused` with one of the reasons
    ``not_found`` (the message is gone), ``not_editable``, ``bad_markup``, ``forbidden``, ``bad_request``.
    """

    async def send(self, chat: str, text: str, buttons: Sequence[Button]) -> int:
        """Send a message; returns its id."""
        ...

    async def edit(self, chat: str, message_id: int, text: str, buttons: Sequence[Button]) -> None:
        """Replace a message's text and buttons. Replacing with the same is success."""
        ...

    async def send_photo(self, chat: str, png: bytes, caption: str, reply_to: int | None) -> int:
        """Send a picture, as a reply where `reply_to` is given; returns its message id."""
        ...

    @property
    def can_peek(self) -> bool:
        """Whether `peek` works: it needs a chat of the operator's (see the adapter's options)."""
        ...

    async def peek(self, chat: str, message_id: int) -> str | None:
        """Plain text of a message that stands in the chat (a picture's caption); None where there is none. Nobody in
        the chat notices.

        Raises:
            Refused: This message may not be looked at, or nothing may (``forbidden``).
        """
        ...

    async def answer(self, press_id: str, text: str) -> None:
        """Answer a button press; a press that is too old is ignored."""
        ...

    def presses(self) -> AsyncIterator[ButtonPress]:
        """Button presses, for ever; survives outages."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class ChartRenderer(Protocol):
    """Draws charts outside the event loop."""

    async def render(self, spec: ChartSpec) -> bytes:
        """A PNG picture.

        Raises:
            Unavailable: It took too long or the worker died; the next call has a fresh one.
        """
        ...

    async def close(self) -> None:
        """End the workers."""
        ...
