"""What only the Redis store does: one slot of a cluster, an end for what is finished, a password that nobody sees."""

import asyncio
import traceback
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.redis import Options, create
from shared.domain.outbox_entry import FINISHED, OutboxEntry, OutboxState, line_of
from shared.errors import ConfigurationError, Conflict, Unavailable
from tests.adapters.contract import redis_server
from tests.makers import make_signal

SECRET = "planted-pass"
ENTRY = OutboxEntry("@news", "a/b", queue=(line_of(make_signal()),))


@pytest.fixture
def options(tmp_path):
    return Options(url=redis_server.session().url, prefix=str(tmp_path), sent_ttl=90)


@pytest.fixture
async def store(options):
    store = create(options, ManualClock())
    yield store
    await store.close()


@pytest.fixture
async def other(options):
    """A second process' view of the same entries."""
    other = create(options, ManualClock())
    yield other
    await other.close()


@pytest.fixture
async def redis():
    client = Redis.from_url(redis_server.session().url)
    yield client
    await client.aclose()


async def keys(redis, options) -> dict[str, int]:
    """Every key of the store, and the seconds it has left (-1: for ever)."""
    return {key.decode(): await redis.ttl(key) async for key in redis.scan_iter(f"{{{options.prefix}}}*")}


async def test_of_two_processes_that_race_one_makes_the_transition(store, other):
    saved = await store.save(ENTRY)
    sending = replace(saved, state=OutboxState.SENDING)
    for _ in range(20):
        results = await asyncio.gather(store.save(sending), other.save(sending), return_exceptions=True)
        assert sorted(type(result) for result in results if isinstance(result, Exception)) == [Conflict]
        (won,) = [result for result in results if isinstance(result, OutboxEntry)]
        sending = won
    assert await other.load("@news", "a/b") == sending


@pytest.mark.parametrize("state", OutboxState)
async def test_only_what_is_finished_expires_and_not_when_it_comes_alive_again(store, redis, options, state):
    saved = await store.save(replace(ENTRY, state=state))
    lives = {key: left for key, left in (await keys(redis, options)).items() if not key.endswith(":unfinished")}
    finished = state in FINISHED
    (left,) = lives.values()
    assert 0 < left <= 90 if finished else left == -1
    await store.save(replace(saved, state=OutboxState.PENDING))
    assert set((await keys(redis, options)).values()) == {-1}


async def test_all_keys_of_a_store_live_in_one_slot_of_a_cluster(store, redis, options):
    for number in range(5):
        await store.save(OutboxEntry(f"chat{number}", f"{{x{number}}}"))
    found = await keys(redis, options)
    assert len(found) == 6
    assert len({key_slot(key.encode()) for key in found}) == 1


async def test_chats_and_signals_with_separators_are_apart(store):
    one, two = await store.save(OutboxEntry("a:b", "c")), await store.save(OutboxEntry("a", "b:c"))
    assert await store.load("a:b", "c") == one
    assert await store.load("a", "b:c") == two


async def test_an_entry_that_finishes_while_the_unfinished_are_read_is_left_out(store, monkeypatch):
    saved = await store.save(ENTRY)
    unfinished_keys = store._unfinished_keys

    async def with_gap():
        names = await unfinished_keys()
        await store.save(replace(saved, state=OutboxState.SENT))
        return names

    monkeypatch.setattr(store, "_unfinished_keys", with_gap)
    assert await store.unfinished() == []


async def test_a_server_that_is_away_is_unavailable_and_one_that_is_back_is_used_without_the_password_in_sight():
    server = redis_server.start(SECRET)
    store = create(Options(url=server.url, timeout=1.0), ManualClock())
    try:
        await store.save(ENTRY)
        server.stop()
        for call in (store.save(ENTRY), store.load("@news", "a"), store.unfinished()):
            with pytest.raises(Unavailable, match=server.address) as caught:
                await call
            assert SECRET not in "".join(traceback.format_exception(caught.value))
        server.start()
        assert await store.save(ENTRY) == replace(ENTRY, version=1)  # nothing was on disk here
    finally:
        await store.close()
        server.close()


async def test_a_wrong_password_is_a_fault_of_the_operator_and_the_right_one_may_stand_apart():
    server = redis_server.start(SECRET)
    try:
        for password, fault in (("", "refuses this user"), (f"{SECRET}-x", "REDIS_STORE__PASSWORD")):
            store = create(Options(url=f"redis://{server.address}", password=password), ManualClock())
            with pytest.raises(ConfigurationError, match=fault) as caught:
                await store.unfinished()
            assert SECRET not in str(caught.value)
            await store.close()
        store = create(Options(url=f"redis://{server.address}", password=SECRET), ManualClock())
        assert await store.unfinished() == []
        await store.close()
    finally:
        server.close()


async def test_a_server_that_refuses_writes_is_unavailable(store, redis):
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(Unavailable, match="maxmemory"):
            await store.save(ENTRY)
    finally:
        await redis.config_set("maxmemory", "0")
    assert await store.unfinished() == []


def test_secrets_are_not_shown():
    options = Options(url=f"redis://:{SECRET}@host", password=SECRET)
    assert SECRET not in f"{options!r} {options.model_dump_json()}"


@pytest.mark.parametrize("url", ["http://host", "host:6379", "redis://host:port"])
def test_what_is_no_address_of_redis_is_refused(url):
    with pytest.raises(ConfigurationError, match=r"redis_store\.url is not an address of Redis"):
        create(Options(url=url), ManualClock())
