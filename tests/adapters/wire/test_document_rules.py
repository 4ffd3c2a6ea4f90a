"""Which keys and sizes are refused, and that a key range is exactly its prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.document_rules import behind, check_size, check_version, key_bytes
from shared.errors import Conflict, InvalidInput
from shared.ports import Document

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(texts, texts)
def test_the_range_of_a_prefix_holds_what_begins_with_it_and_nothing_else(prefix, key):
    start = key_bytes("c", prefix)
    for candidate in (key, prefix + key):
        assert (start <= key_bytes("c", candidate) < behind(start)) == candidate.startswith(prefix)


@given(texts, texts)
def test_bytes_stand_in_the_order_of_the_letters(one, other):
    assert (key_bytes("c", one) < key_bytes("c", other)) == (one < other)


def test_what_is_too_much_is_named_with_its_size():
    assert len(key_bytes("leases", "ä" * 256)) == 512
    with pytest.raises(InvalidInput, match="a key of 'leases' has 514 bytes, at most 512"):
        key_bytes("leases", "ä" * 257)
    with pytest.raises(InvalidInput, match=r"a key of 'leases' is no text: '\\ud800'"):
        key_bytes("leases", "\ud800")
    check_size(Document("c", "k", bytes(1_000_000)))
    with pytest.raises(InvalidInput, match="document c/k has 1,000,001 bytes, at most 1,000,000"):
        check_size(Document("c", "k", bytes(1_000_001)))


def test_another_version_than_the_stored_one_conflicts():
    check_version(Document("c", "k", b"", 3), 3)
    with pytest.raises(Conflict, match="document c/k is at version 4, not 3; load it again"):
        check_version(Document("c", "k", b"", 3), 4)
