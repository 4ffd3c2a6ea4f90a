"""What every bus refuses, and what it makes of a message that nobody could handle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.message_rules import MAX_BYTES, check_sizes, dead_letter, rejected
from shared.errors import InvalidMessage
from shared.messages.catalog import CONTRACTS, SIGNALS, TRADES
from shared.ports import Message

FITS = bytes(MAX_BYTES)
REASON_BYTES = 1_024  # the longest attribute value of Google Pub/Sub


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message(b"")],
        [Message(FITS)],
        [Message(FITS), Message(FITS)],  # the limit is that of one message
        [Message(FITS[:-4], {"ä": "ö"})],
    ],
    ids=["none", "empty", "largest", "two of the largest", "largest with attributes"],
)
def test_what_fits_passes(messages):
    check_sizes("t", messages)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (Message(FITS + b"x"), "10,000,001"),
        (Message(FITS, {"n": ""}), "10,000,001"),
        (Message(FITS, {"": "v"}), "10,000,001"),
        (Message(FITS[:-3], {"ä": "ö"}), "10,000,001"),  # counted in bytes, not in letters
    ],
    ids=["body", "name of an attribute", "value of an attribute", "letters of two bytes"],
)
def test_one_that_is_too_large_is_refused_with_its_size_and_topic(message, size):
    with pytest.raises(InvalidMessage, match=f"'t' has {size} bytes; a bus carries at most 10,000,000"):
        check_sizes("t", [Message(b"small"), message])


def test_dead_letters_go_where_the_catalog_says():
    assert {contract.topic: dead_letter(contract.topic) for contract in CONTRACTS} == {
        contract.topic: contract.dead_letter for contract in CONTRACTS
    }
    assert dead_letter(SIGNALS.topic) == "trade-signals-micro-dead"
    assert dead_letter(TRADES.topic) is None


@pytest.mark.parametrize("topic", ["unknown", SIGNALS.dead_letter])
def test_what_is_in_no_contract_is_dropped(topic):
    assert dead_letter(topic) is None


def test_a_rejected_message_keeps_what_it_was_and_says_why_and_whence():
    message = Message(b"\x00{", {"type": "signal", "reason": "of an earlier rejection"})
    assert rejected(message, "t", "no JSON") == Message(
        b"\x00{", {"type": "signal", "reason": "no JSON", "source_topic": "t"}
    )
    assert message.attributes == {"type": "signal", "reason": "of an earlier rejection"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers(1, 200))
def test_a_reason_is_cut_to_what_an_attribute_carries_and_never_within_a_letter(text, times):
    reason = text * times
    said = rejected(Message(b""), "t", reason).attributes["reason"]
    assert reason.startswith(said)
    rest = reason[len(said) :]
    assert not rest or len((said + rest[0]).encode()) > REASON_BYTES >= len(said.encode())
