"""A folder in, the Bigtable store on the test session's emulator out: one for each of two processes."""

import pytest

from tests.adapters.wire.bigtable_store import open_store


@pytest.fixture
async def store(tmp_path):
    store = open_store(tmp_path)
    yield store
    await store.close()


@pytest.fixture
async def other(tmp_path):
    """A second process' view of the same tables."""
    other = open_store(tmp_path)
    yield other
    await other.close()
