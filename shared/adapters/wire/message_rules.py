"""Messages in, the rules every bus keeps out: how large one may be, and what a rejected one becomes."""

from collections.abc import Sequence

from shared.errors import InvalidMessage
from shared.messages.catalog import CONTRACTS
from shared.ports import Message

MAX_BYTES = 10_000_000
"""Largest message, body and attributes together (the limit of Google Pub/Sub, so that no bus promises more)."""

_MAX_REASON_BYTES = 1_024  # the longest attribute value of Google Pub/Sub

_DEAD_LETTERS = {contract.topic: contract.dead_letter for contract in CONTRACTS}


def check_sizes(topic: str, messages: Sequence[Message]) -> None:
    """Pass when every message can be carried.

    Raises:
        InvalidMessage: One is larger than `MAX_BYTES`.
    """
    for message in messages:
        attributes = sum(len(name.encode()) + len(value.encode()) for name, value in message.attributes.items())
        size = len(message.data) + attributes
        if size > MAX_BYTES:
            raise InvalidMessage(f"a message for {topic!r} has {size:,} bytes; a bus carries at most {MAX_BYTES:,}")


def dead_letter(topic: str) -> str | None:
    """Topic of what no consumer of `topic` could handle; None where such a message is dropped."""
    return _DEAD_LETTERS.get(topic)


def rejected(message: Message, topic: str, reason: str) -> Message:
    """The message as it goes to the dead letters: with the attributes ``reason`` and ``source_topic``."""
    short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    return Message(message.data, {**message.attributes, "reason": short, "source_topic": topic})
