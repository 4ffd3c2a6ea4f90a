"""The id of an outage."""

from shared.domain.notice import stale_id


def test_an_outage_has_one_id_that_names_venue_and_beginning():
    assert stale_id("bybit-linear", 1_767_225_600_000) == "stale/bybit-linear/1767225600000"
