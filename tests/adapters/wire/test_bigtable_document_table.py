"""Rows of documents: collections keep apart, whatever their names, and a row is found by its readable key."""

from google.cloud.bigtable.data import ReadRowsQuery

from shared.adapters.wire.bigtable_document_table import listing, load, save
from shared.adapters.wire.bigtable_schema import DOCUMENTS
from shared.ports import Document


async def test_collections_whose_names_run_into_their_keys_keep_apart(store):
    client = store._client
    saved = [
        await save(client, Document(collection, key, f"{collection} {key}".encode()))
        for collection, key in (("a", "b#c"), ("a#b", "c"), ("a", "b"), ("a#b", "#"))
    ]
    assert [await load(client, each.collection, each.key) for each in saved] == saved
    assert await listing(client, "a", 9, "") == [saved[2], saved[0]]
    assert await listing(client, "a#b", 9, "") == [saved[3], saved[1]]


async def test_a_row_is_named_as_people_would_look_for_it(store):
    client = store._client
    await save(client, Document("leases", "aggregator/trades ä", b"{}"))
    rows = []
    await client.read(DOCUMENTS, [ReadRowsQuery()], lambda row: rows.append(row.row_key))
    assert rows == ["leases#aggregator/trades ä".encode()]
