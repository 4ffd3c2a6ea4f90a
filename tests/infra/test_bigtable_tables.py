"""The tables of ``infra/catalog.json`` and who may touch them, against the timeframes and the ports of the services."""

from collections import defaultdict

import pytest

from shared.domain.timeframe import Timeframe
from tests.infra.declared import CLOUD_SERVICES, catalog

MARKET_DATA = {f"market-data-{timeframe.value}" for timeframe in Timeframe}
READER, USER = "roles/bigtable.reader", "roles/bigtable.user"

# What each service asks of its ports: the narrowest role for each table that it works on.
EXPECTED = {
    "ingestor": {},
    "aggregator": dict.fromkeys(MARKET_DATA, USER),
    "backfiller": dict.fromkeys(MARKET_DATA, USER),
    "logic_engine": dict.fromkeys(MARKET_DATA, READER) | {"live-positions": USER, "signals": USER},
    "telegram_notifier": dict.fromkeys(MARKET_DATA, READER) | {"signals": READER, "outbox": USER},
}


def granted():
    rights = defaultdict(dict)
    for grant in catalog()["table_grants"]:
        rights[grant["service"]][grant["table"]] = grant["role"]
    return rights


@pytest.mark.parametrize("service", CLOUD_SERVICES)
def test_a_service_may_do_what_it_must_and_no_more(service):
    assert granted()[service] == EXPECTED[service]


def test_every_timeframe_has_its_table():
    names = {table["name"] for table in catalog()["tables"]}
    assert names == MARKET_DATA | {"live-positions", "signals", "outbox"}


@pytest.mark.parametrize("table", catalog()["tables"], ids=lambda table: table["name"])
def test_every_family_says_what_may_be_forgotten(table):
    assert table["families"], "a table without a family can hold nothing"
    for family in table["families"]:
        assert family["gc"]["rules"], "without a rule Bigtable keeps every version for ever"
