"""Who may touch which table in ``infra/catalog.json``, against what each service asks of its ports."""

from collections import defaultdict

import pytest

from services.wiring import _NEEDS
from shared.adapters.wire.bigtable_schema import DOCUMENTS, OUTBOX, POSITIONS, SIGNALS, TABLES, candle_table
from shared.domain.timeframe import Timeframe
from tests.infra.declared import CLOUD_SERVICES, catalog

MARKET_DATA = tuple(candle_table(timeframe) for timeframe in Timeframe)
READER, USER = "roles/bigtable.reader", "roles/bigtable.user"

# The narrowest role for each table that a service works on.
EXPECTED = {
    "ingestor": {},
    "aggregator": dict.fromkeys(MARKET_DATA, USER) | {DOCUMENTS: USER},
    "backfiller": dict.fromkeys(MARKET_DATA, USER) | {DOCUMENTS: USER},
    "logic_engine": dict.fromkeys(MARKET_DATA, READER) | {POSITIONS: USER, SIGNALS: USER, DOCUMENTS: USER},
    # Reads minutes of our own where Kraken is away, and remembers nothing.
    "macro_engine": {candle_table(Timeframe.M1): READER},
    "telegram_notifier": dict.fromkeys(MARKET_DATA, READER) | {SIGNALS: READER, OUTBOX: USER, DOCUMENTS: USER},
}


def granted():
    rights = defaultdict(dict)
    for grant in catalog()["table_grants"]:
        rights[grant["service"]][grant["table"]] = grant["role"]
    return rights


@pytest.mark.parametrize("service", CLOUD_SERVICES)
def test_a_service_may_do_what_it_must_and_no_more(service):
    assert granted()[service] == EXPECTED[service]


@pytest.mark.parametrize("service", CLOUD_SERVICES)
def test_only_a_service_that_has_a_store_reaches_a_table(service):
    assert bool(granted()[service]) == ("stores" in _NEEDS[service])


def test_every_table_has_its_writers_and_documents_are_everybodys_who_remembers_something():
    writers = defaultdict(set)
    for grant in catalog()["table_grants"]:
        if grant["role"] == USER:
            writers[grant["table"]].add(grant["service"])
    assert set(writers) == set(TABLES)
    assert {table: writers[table] for table in (POSITIONS, SIGNALS, OUTBOX, DOCUMENTS)} == {
        POSITIONS: {"logic_engine"},
        SIGNALS: {"logic_engine"},
        OUTBOX: {"telegram_notifier"},
        DOCUMENTS: {service for service in CLOUD_SERVICES if "stores" in _NEEDS[service]} - {"macro_engine"},
    }
