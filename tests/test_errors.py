"""The errors: few, all of one family, each with what its reader needs."""

import inspect

import pytest

from shared import errors
from shared.errors import Refused, TrackerError, Unavailable

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_caught_as_one_of_ours_and_of_no_other_kind(kind):
    assert issubclass(kind, TrackerError)
    # Flat on purpose: to catch one name never catches another one by accident.
    assert kind is TrackerError or kind.__bases__ == (TrackerError,)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_page_of_errors_names_each_of_them(kind):
    assert kind.__name__ in (errors.__doc__ or "")


def test_unavailable_says_how_long_to_wait_when_the_other_side_said_so():
    assert Unavailable("the exchange is away").retry_after is None
    error = Unavailable("too many requests", retry_after=3_000)
    assert (str(error), error.retry_after) == ("too many requests", 3_000)


def test_a_refusal_has_a_text_for_people_and_a_word_for_code():
    error = Refused("the bot was removed from the channel; add it again", "forbidden")
    assert str(error) == "the bot was removed from the channel; add it again"
    assert error.reason == "forbidden"
