"""Outbox entries in, the same out, from Redis: the notifier's memory where several machines share it.

One key per entry holds its JSON; a sorted set names those that are not finished. Every transition is one Lua script,
which Redis runs alone (https://redis.io/docs/latest/develop/programmability/eval-intro/): it compares the version,
writes the entry and moves its name. All keys carry the prefix as hash tag, so that in a cluster they live on one node.
Finished entries expire; the server must persist (``appendonly yes``) and must not evict (``maxmemory-policy
noeviction``).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from shared.domain.outbox_entry import FINISHED, OutboxEntry
from shared.errors import ConfigurationError, Conflict, Unavailable
from shared.messages.codec import from_json, to_json
from shared.ports import Clock

_Result = TypeVar("_Result")

_SAVED: Final = -1

# KEYS: entry, unfinished. ARGV: expected version, JSON, time of the head of the queue, seconds to live (0: unfinished).
_SAVE: Final = """
local stored = redis.call('GET', KEYS[1])
local version = stored and cjson.decode(stored).version or 0
if version ~= tonumber(ARGV[1]) then return version end
if ARGV[4] == '0' then
    redis.call('SET', KEYS[1], ARGV[2])
    redis.call('ZADD', KEYS[2], ARGV[3], KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
    redis.call('ZREM', KEYS[2], KEYS[1])
end
return -1
"""


class Options(BaseModel):
    """Where Redis is.

    Attributes:
        url: ``redis://user:password@host:port/database``; ``rediss://`` for TLS.
        password: Replaces the one in `url`, so that it can come from a secret of its own.
        prefix: Begins every key, for several homes in one database.
        sent_ttl: Seconds for which a finished entry is kept; a signal that comes again later is told anew.
        timeout: Seconds after which a call that is not answered is `Unavailable`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    password: SecretStr = SecretStr("")
    prefix: str = Field(default="tracker", min_length=1, pattern="^[^{}]+$")
    sent_ttl: int = Field(default=30 * 86_400, gt=0)
    timeout: float = Field(default=5.0, gt=0)


class RedisStore:
    """The notifier's durable memory (`shared.ports.OutboxStore`); it offers no other store."""

    def __init__(self, client: Redis, prefix: str, sent_ttl: int) -> None:
        self._client = client
        self._prefix = "{" + prefix + "}:outbox"
        self._sent_ttl = sent_ttl
        self._save = client.register_script(_SAVE)
        given = client.connection_pool.connection_kwargs
        self._where = given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"

    async def load(self, chat: str, signal_id: str) -> OutboxEntry | None:
        """The entry, or None."""
        body = await self._ask(lambda: self._client.get(self._key(chat, signal_id)))
        return None if body is None else from_json(body, OutboxEntry)

    async def save(self, entry: OutboxEntry) -> OutboxEntry:
        """Store the entry as version + 1. It is sent once: where `Unavailable` comes back, it may have been stored.

        Raises:
            Conflict: The stored version is another one.
        """
        saved = replace(entry, version=entry.version + 1)
        keys = [self._key(entry.chat, entry.signal_id), f"{self._prefix}:unfinished"]
        seconds = self._sent_ttl if saved.state in FINISHED else 0
        head_time = saved.queue[0].time if saved.queue else 0
        arguments: list[int | bytes] = [entry.version, to_json(saved), head_time, seconds]
        stored = await self._ask(lambda: self._save(keys=keys, args=arguments))
        if stored != _SAVED:
            names = f"{entry.chat}/{entry.signal_id}"
            raise Conflict(f"outbox entry {names} is at version {stored}, not {entry.version}; load it again")
        return saved

    async def unfinished(self) -> list[OutboxEntry]:
        """Every entry that is not finished, ascending by the time of the head of its queue."""
        keys = await self._ask(self._unfinished_keys)
        bodies = await self._ask(lambda: self._client.mget(keys)) if keys else []
        entries = [from_json(body, OutboxEntry) for body in bodies if body is not None]
        waiting = [entry for entry in entries if entry.state not in FINISHED]  # one may have ended in between
        return sorted(waiting, key=lambda entry: (_head_time(entry), entry.chat, entry.signal_id))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _unfinished_keys(self) -> list[bytes]:
        keys: Any = await self._client.zrange(f"{self._prefix}:unfinished", 0, -1)  # without scores: names alone
        return list(keys)

    def _key(self, chat: str, signal_id: str) -> str:
        return f"{self._prefix}:{quote(chat, safe='@')}:{quote(signal_id, safe='')}"

    async def _ask(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        try:
            return await call()
        except (AuthenticationError, NoPermissionError) as error:
            raise ConfigurationError(
                f"Redis at {self._where} refuses this user: {error}; set TRACKER__REDIS_STORE__PASSWORD"
            ) from None
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis at {self._where} cannot answer now ({error}); it is asked again") from error


def create(options: Options, clock: Clock) -> RedisStore:
    """The store; it connects at its first call.

    Raises:
        ConfigurationError: The address is none of Redis.
    """
    del clock
    given: dict[str, Any] = {"password": secret} if (secret := options.password.get_secret_value()) else {}
    try:
        client = Redis.from_url(
            options.url.get_secret_value(),
            socket_timeout=options.timeout,
            socket_connect_timeout=options.timeout,
            # The library must not repeat a transition whose answer was lost: it would conflict with itself.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigurationError(
            f"redis_store.url is not an address of Redis ({error}); write redis://host:6379/0"
        ) from None
    client.connection_pool.connection_kwargs.update(given)
    return RedisStore(client, options.prefix, options.sent_ttl)


def _head_time(entry: OutboxEntry) -> int:
    return entry.queue[0].time if entry.queue else 0
