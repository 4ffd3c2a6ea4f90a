"""Errors of Google's client in, errors of the platform out. What the calls carry is tested against the emulator."""

import pytest
from google.api_core import exceptions

from shared.adapters.wire.pubsub_api import Missing, PubSubApi
from shared.errors import ConfigurationError, InvalidMessage, Unavailable
from shared.ports import Message


class Client:
    """Fails every call in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.pull = self.publish = self.acknowledge = self.create_topic = self._fail

    async def _fail(self, _, **__) -> None:
        raise self._error


def api(error: Exception) -> PubSubApi:
    api = PubSubApi("mine", "127.0.0.1:1", None, 5)
    api.__dict__ |= {"_publisher": Client(error), "_subscriber": Client(error)}
    return api


@pytest.mark.parametrize(
    ("error", "raised", "text"),
    [
        (exceptions.ServiceUnavailable("x"), Unavailable, r"127\.0\.0\.1:1 cannot take acknowledgements of 's' now"),
        (exceptions.DeadlineExceeded("x"), Unavailable, "check that it is reachable"),
        (exceptions.ResourceExhausted("quota"), Unavailable, "quota"),
        (exceptions.PermissionDenied("no"), ConfigurationError, "project 'mine' will not .* role"),
        (exceptions.Unauthenticated("who"), ConfigurationError, "who"),
        (exceptions.NotFound("no s"), Missing, "no s.*'mine'.*tracker bootstrap"),
    ],
)
async def test_a_failure_says_who_must_act(error, raised, text):
    with pytest.raises(raised, match=text):
        await api(error).acknowledge("s", ["1"])


async def test_a_pull_that_finds_nothing_is_empty_but_an_absent_broker_is_not():
    assert await api(exceptions.DeadlineExceeded("x")).pull("s", 1, 1) == []
    with pytest.raises(Unavailable):
        await api(exceptions.ServiceUnavailable("x")).pull("s", 1, 1)


async def test_what_the_broker_does_not_take_is_an_invalid_message():
    with pytest.raises(InvalidMessage, match="too long"):
        await api(exceptions.InvalidArgument("too long")).publish("t", [Message(b"x")])


async def test_a_topic_that_exists_is_no_fault_and_a_bad_name_is_one():
    await api(exceptions.AlreadyExists("x")).create_topic("t")
    with pytest.raises(ConfigurationError, match="choose another name"):
        await api(exceptions.InvalidArgument("x")).create_topic("t")
