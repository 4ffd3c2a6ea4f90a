"""Requests to Google Pub/Sub in plain values in; its answers, or the platform's errors, out.

Protocol: https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1, through Google's generated asynchronous
clients. Nothing is retried here: each caller knows better when to ask again.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Protocol, TypeVar

import google.auth
import grpc.aio
from google.api_core import exceptions
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from shared.errors import ConfigurationError, InvalidMessage, Unavailable
from shared.ports import Message

ACK_DEADLINE_SECONDS = 10
"""Lease of a message that has just been pulled: the least that Pub/Sub allows."""

# gRPC refuses answers above 4 MB unless told otherwise. The pings find a connection that died without a word, and a
# server that comes back is found within two seconds (https://grpc.github.io/grpc/core/group__grpc__arg__keys.html).
_CHANNEL = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
_BAD = (exceptions.InvalidArgument,)
_REFUSALS = (exceptions.PermissionDenied, exceptions.Unauthenticated)

_Answer = TypeVar("_Answer")
_Answer_co = TypeVar("_Answer_co", covariant=True)


class _Method(Protocol[_Answer_co]):
    """A call of a generated client."""

    def __call__(self, request: Any, *, retry: None, timeout: float) -> Awaitable[_Answer_co]: ...


class Missing(ConfigurationError):
    """A topic or subscription is not there. The text names the command that creates it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a pull brings it. `ack_id` is the broker's; `attempt` is 1 where it does not count."""

    message: Message
    ack_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class SubscriptionPlan:
    """A subscription as it is to be created. `dead_letter` is the topic that gets a message after `max_attempts`."""

    name: str
    topic: str
    retention_seconds: int
    dead_letter: str | None = None
    max_attempts: int = 100


def find_credentials() -> Credentials:
    """Google's application default credentials. May wait some seconds for a metadata server.

    Raises:
        ConfigurationError: There are none.
    """
    try:
        credentials, _ = google.auth.default(scopes=PublisherGrpcAsyncIOTransport.AUTH_SCOPES)
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            "no Google credentials were found: run 'gcloud auth application-default login', or set "
            "PUBSUB_EMULATOR_HOST to use an emulator"
        ) from error
    found: Credentials = credentials
    return found


class PubSubApi:
    """One project on one host, over one connection, which is made by the first call."""

    def __init__(self, project: str, emulator_host: str, credentials: Credentials | None, seconds: float) -> None:
        """`credentials` None for an emulator, `emulator_host` empty for the real service; a request that has no answer
        after `seconds` raises `Unavailable`."""
        self.project = project
        self.host = emulator_host or PublisherGrpcAsyncIOTransport.DEFAULT_HOST
        self._credentials = credentials
        self._seconds = seconds

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when the broker has all of them: one request, at most 1,000 messages.

        Raises:
            InvalidMessage: The broker does not take one of them.
        """
        request = types.PublishRequest.pb()(
            topic=self._topic(topic),
            messages=[{"data": message.data, "attributes": dict(message.attributes)} for message in messages],
        )
        try:
            await self._call(
                f"take messages for topic {topic!r}", self._publisher.publish, _wrapped(request), passing=_BAD
            )
        except exceptions.InvalidArgument as error:
            raise InvalidMessage(f"Pub/Sub refuses a message for {topic!r}: {error.message}") from error

    async def pull(self, subscription: str, limit: int, seconds: float) -> list[Received]:
        """Up to `limit` messages, as soon as there are any; none when none has come for about `seconds`."""
        request = types.PullRequest(subscription=self._subscription(subscription), max_messages=limit)
        what = f"give messages of subscription {subscription!r}"
        try:
            answer = await self._call(
                what, self._subscriber.pull, request, seconds=seconds, passing=(exceptions.DeadlineExceeded,)
            )
        except exceptions.DeadlineExceeded:
            return []
        return [
            Received(Message(item.message.data, dict(item.message.attributes)), item.ack_id, item.delivery_attempt or 1)
            for item in types.PullResponse.pb(answer).received_messages
        ]

    async def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Never deliver these again."""
        request = {"subscription": self._subscription(subscription), "ack_ids": ack_ids}
        await self._call(f"take acknowledgements of {subscription!r}", self._subscriber.acknowledge, request)

    async def lease(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        """Deliver these again in `seconds` unless they are leased anew or acknowledged; at once with 0."""
        request = {
            "subscription": self._subscription(subscription),
            "ack_ids": ack_ids,
            "ack_deadline_seconds": seconds,
        }
        await self._call(f"extend leases of {subscription!r}", self._subscriber.modify_ack_deadline, request)

    async def create_topic(self, topic: str) -> None:
        """Create the topic if it is not there."""
        await self._create(f"topic {topic!r}", self._publisher.create_topic, {"name": self._topic(topic)})

    async def create_subscription(self, plan: SubscriptionPlan) -> None:
        """Create the subscription if it is not there: never expiring, unordered, with leases of 10 s."""
        request: dict[str, Any] = {
            "name": self._subscription(plan.name),
            "topic": self._topic(plan.topic),
            "ack_deadline_seconds": ACK_DEADLINE_SECONDS,
            "message_retention_duration": timedelta(seconds=plan.retention_seconds),
            "expiration_policy": {},
        }
        if plan.dead_letter is not None:
            request["dead_letter_policy"] = {
                "dead_letter_topic": self._topic(plan.dead_letter),
                "max_delivery_attempts": plan.max_attempts,
            }
        await self._create(f"subscription {plan.name!r}", self._subscriber.create_subscription, request)

    async def close(self) -> None:
        """Let go of the connection."""
        if "_channel" in self.__dict__:
            await self._channel.close()

    async def _create(self, what: str, method: _Method[Any], request: Mapping[str, Any]) -> None:
        try:
            await self._call(f"create {what}", method, request, passing=(exceptions.AlreadyExists, *_BAD))
        except exceptions.AlreadyExists:
            return
        except exceptions.InvalidArgument as error:
            raise ConfigurationError(f"Pub/Sub does not accept {what}: {error.message}; choose another name") from error

    async def _call(
        self,
        what: str,
        method: _Method[_Answer],
        request: Any,
        *,
        seconds: float | None = None,
        passing: tuple[type[Exception], ...] = (),
    ) -> _Answer:
        """The answer of `method`; errors in `passing` mean something to the caller and go through as they are."""
        try:
            return await method(request, retry=None, timeout=seconds or self._seconds)
        except passing:
            raise
        except exceptions.NotFound as error:
            raise Missing(
                f"Pub/Sub cannot {what}: {error.message}. Create what is missing in project {self.project!r}: "
                "run 'terraform apply' in infra/, or 'tracker bootstrap'"
            ) from error
        except _REFUSALS as error:
            raise ConfigurationError(
                f"Pub/Sub in project {self.project!r} will not {what}: {error.message}; "
                "give this service's account the publisher or subscriber role on it"
            ) from error
        except exceptions.GoogleAPICallError as error:
            raise Unavailable(
                f"Pub/Sub at {self.host} cannot {what} now ({error.message}): check that it is reachable"
            ) from error

    def _topic(self, name: str) -> str:
        return f"projects/{self.project}/topics/{name}"

    def _subscription(self, name: str) -> str:
        return f"projects/{self.project}/subscriptions/{name}"

    @cached_property
    def _channel(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self.host, options=_CHANNEL)
        channel: grpc.aio.Channel = PublisherGrpcAsyncIOTransport.create_channel(
            self.host, credentials=self._credentials, options=_CHANNEL
        )
        return channel

    @cached_property
    def _publisher(self) -> PublisherAsyncClient:
        return PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=self._channel))

    @cached_property
    def _subscriber(self) -> SubscriberAsyncClient:
        return SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=self._channel))


def _wrapped(request: Any) -> types.PublishRequest:
    """The same request as the client wants it. Built from plain protobuf it costs a third of the time."""
    wrapped: types.PublishRequest = types.PublishRequest.wrap(request)
    return wrapped
