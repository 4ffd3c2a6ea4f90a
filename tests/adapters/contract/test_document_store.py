"""What every document store promises (`shared.ports.DocumentStore`), asked of each adapter in the folder."""

import asyncio
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import Conflict, InvalidInput, Unavailable
from shared.ports import Document, DocumentStore
from tests.adapters.contract.subjects import create_store, names

KEYS = ("", "a", "a b", "a#b", "a%2Fb", "a/b", "a/b/c", "a\0b", "a\x7f", "aÿ", "aﬀ", "a😀", "b", "ä/ö", "日本/é")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@pytest.fixture(params=names("stores", port=DocumentStore))
async def store(request, tmp_path):
    store = create_store(request.param, tmp_path)
    yield store
    await store.close()


def document(key: str = "aggregator/trades", data: bytes = b'{"holder":"one"}', version: int = 0) -> Document:
    return Document("leases", key, data, version)


async def test_a_document_comes_back_as_it_was_saved(store):
    saved = await store.save_document(document())
    assert saved == replace(document(), version=1)
    assert await store.load_document("leases", "aggregator/trades") == saved
    assert await store.load_document("outages", "aggregator/trades") is None
    assert await store.load_document("leases", "aggregator") is None


async def test_each_save_is_one_version_higher_and_replaces_the_data(store):
    saved = await store.save_document(document())
    for number in range(2, 5):
        saved = await store.save_document(replace(saved, data=b"%d" % number))
    assert (saved.version, saved.data) == (4, b"4")
    assert await store.load_document(saved.collection, saved.key) == saved
    assert await store.documents("leases", 9) == [saved]


@pytest.mark.parametrize("version", [0, 2, 5])
async def test_a_save_with_another_version_conflicts_and_changes_nothing(store, version):
    saved = await store.save_document(document())
    with pytest.raises(Conflict, match="leases/aggregator/trades is at version 1"):
        await store.save_document(document(data=b'{"holder":"two"}', version=version))
    assert await store.load_document(saved.collection, saved.key) == saved


async def test_a_new_document_must_have_version_zero(store):
    with pytest.raises(Conflict, match="is at version 0, not 1"):
        await store.save_document(document(version=1))
    assert await store.documents("leases", 9) == []


async def test_of_several_writers_one_wins_each_version(store):
    saved = None
    for version in range(3):
        wanted = [document(data=b"%d" % writer, version=version) for writer in range(4)]
        results = await asyncio.gather(*map(store.save_document, wanted), return_exceptions=True)
        (saved,) = [result for result in results if isinstance(result, Document)]
        assert sum(isinstance(result, Conflict) for result in results) == 3
    assert await store.load_document("leases", "aggregator/trades") == saved


async def test_any_text_is_a_key_and_a_prefix(store):
    saved = {key: await store.save_document(document(key, key.encode())) for key in KEYS}
    for key in KEYS:
        assert await store.load_document("leases", key) == saved[key]
    for prefix in (*KEYS, "a/", "日"):
        expected = [saved[key] for key in sorted(KEYS) if key.startswith(prefix)]
        assert await store.documents("leases", len(KEYS), prefix) == expected


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(texts, unique=True, max_size=6), prefix=texts, limit=st.integers(0, 4))
async def test_a_listing_is_the_first_keys_with_the_prefix(store, keys, prefix, limit):
    collection = uuid.uuid4().hex
    for key in keys:
        await store.save_document(Document(collection, key, b"1"))
    found = [each.key for each in await store.documents(collection, limit, prefix)]
    assert found == sorted(key for key in keys if key.startswith(prefix))[:limit]


async def test_a_listing_is_of_one_collection_and_has_an_end(store):
    for collection in ("lease", "leases", "leases#", "leasest"):
        for number in (3, 1, 2):
            await store.save_document(Document(collection, f"k/{number}", b"%d" % number))
    assert [each.key for each in await store.documents("leases", 2)] == ["k/1", "k/2"]
    assert {each.collection for each in await store.documents("leases", 9, "k/")} == {"leases"}
    assert await store.documents("leases", 0) == []
    assert await store.documents("none", 9) == []


async def test_what_is_too_large_is_refused_by_name_and_nothing_is_stored(store):
    largest = document("k" * 512, bytes(1_000_000))
    saved = await store.save_document(largest)
    assert await store.load_document("leases", largest.key) == saved
    with pytest.raises(InvalidInput, match="leases/big has 1,000,001 bytes"):
        await store.save_document(document("big", bytes(1_000_001)))
    with pytest.raises(InvalidInput, match="'leases' has 514 bytes, at most 512"):
        await store.save_document(document("ä" * 257))
    assert await store.documents("leases", 9) == [saved]


@pytest.mark.parametrize("name", names("stores", durable=True, port=DocumentStore))
async def test_documents_survive_the_process_and_say_so_when_closed(name, tmp_path):
    store = create_store(name, tmp_path)
    saved = await store.save_document(document())
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.load_document(saved.collection, saved.key)
    store = create_store(name, tmp_path)
    assert await store.documents("leases", 9) == [saved]
    with pytest.raises(Conflict):
        await store.save_document(document())
    await store.close()


@pytest.mark.parametrize("name", names("stores", durable=True, port=DocumentStore))
async def test_of_two_processes_one_writes(name, tmp_path):
    one, other = create_store(name, tmp_path), create_store(name, tmp_path)
    saved = await one.save_document(document())
    wanted = [replace(saved, data=b"one"), replace(saved, data=b"other")]
    results = await asyncio.gather(one.save_document(wanted[0]), other.save_document(wanted[1]), return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, Document)]
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert await one.load_document("leases", saved.key) == await other.load_document("leases", saved.key) == won
    await one.close()
    await other.close()
