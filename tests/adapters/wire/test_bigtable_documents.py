"""A document is written over the version that was expected, or not at all."""

import asyncio

import pytest
from google.cloud.bigtable.data import RowRange

from shared.adapters.wire.bigtable_documents import Stored, put, read, read_bodies, read_range, read_versions
from shared.adapters.wire.bigtable_schema import POSITIONS


async def test_a_body_comes_back_with_its_version(store):
    client = store._client
    assert await put(client, POSITIONS, b"a", b"one", expected=0, version=1)
    assert await put(client, POSITIONS, b"a", b"two", expected=1, version=3)
    assert await read_bodies(client, POSITIONS, [b"a", b"b"]) == {b"a": b"two"}
    assert await read_versions(client, POSITIONS, [b"a", b"b"]) == {b"a": 3}
    assert await read(client, POSITIONS, [b"a", b"b"]) == {b"a": Stored(3, b"two")}


async def test_a_range_has_its_first_documents_in_order(store):
    client = store._client
    for key in (b"b2", b"a", b"b1", b"b3", b"c"):
        await put(client, POSITIONS, key, key, expected=0, version=1)
    found = await read_range(client, POSITIONS, RowRange(b"b", b"c"), 2)
    assert list(found.items()) == [(b"b1", Stored(1, b"b1")), (b"b2", Stored(1, b"b2"))]


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_another_version_than_the_newest_is_refused(store, expected):
    client = store._client
    await put(client, POSITIONS, b"a", b"one", expected=0, version=1)
    await put(client, POSITIONS, b"a", b"two", expected=1, version=2)
    assert not await put(client, POSITIONS, b"a", b"three", expected=expected, version=expected + 1)
    assert await read_bodies(client, POSITIONS, [b"a"]) == {b"a": b"two"}


async def test_of_many_writers_one_wins_each_version(store, other):
    for version in range(5):
        puts = [
            put(each._client, POSITIONS, b"a", b"x", expected=version, version=version + 1)
            for each in (store, other) * 3
        ]
        assert sum(await asyncio.gather(*puts)) == 1
