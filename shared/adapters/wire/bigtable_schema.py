"""A place in Bigtable in, its tables and column families out, made where they are missing.

Every family keeps one version. No family has an age limit: cells carry event times, so what is backfilled would be
gone at once.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import grpc
from google.api_core.exceptions import AlreadyExists
from google.cloud.bigtable_admin_v2.services.bigtable_table_admin import BaseBigtableTableAdminAsyncClient
from google.cloud.bigtable_admin_v2.services.bigtable_table_admin.transports import (
    BigtableTableAdminGrpcAsyncIOTransport,
)
from google.cloud.bigtable_admin_v2.types import ColumnFamily, GcRule, ModifyColumnFamiliesRequest, Table

from shared.domain.timeframe import Timeframe

CANDLE: Final = "c"
FORMING: Final = "f"
SPAN: Final = "s"
DOCUMENT: Final = "d"
LINE: Final = "l"
OPEN: Final = "u"

POSITIONS: Final = "live-positions"
SIGNALS: Final = "signals"
OUTBOX: Final = "outbox"
DOCUMENTS: Final = "documents"


def candle_table(timeframe: Timeframe) -> str:
    """Name of the table of a timeframe."""
    return f"market-data-{timeframe}"


TABLES: Final = {
    **{candle_table(timeframe): (CANDLE, FORMING, SPAN) for timeframe in Timeframe},
    POSITIONS: (DOCUMENT,),
    SIGNALS: (LINE,),
    OUTBOX: (DOCUMENT, OPEN),
    DOCUMENTS: (DOCUMENT,),
}
"""Families of each table."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables are. `emulator_host` (``host:port``) is empty in the cloud."""

    project: str
    instance: str
    emulator_host: str = ""
    table_prefix: str = ""

    def __str__(self) -> str:
        """For people: project and instance, and the emulator's address."""
        where = f"{self.project}/{self.instance}"
        return f"{where} on the emulator at {self.emulator_host}" if self.emulator_host else where


async def make_tables(place: Place) -> None:
    """Create what is missing; what is there stays. Safe to repeat, and for several processes at once."""
    client = _admin(place)
    try:
        async with asyncio.TaskGroup() as group:
            for name, families in TABLES.items():
                group.create_task(_make_table(client, place, place.table_prefix + name, families))
    finally:
        await client.transport.close()  # type: ignore[no-untyped-call]


def _admin(place: Place) -> BaseBigtableTableAdminAsyncClient:
    if not place.emulator_host:
        return BaseBigtableTableAdminAsyncClient()
    # This client does not know BIGTABLE_EMULATOR_HOST.
    channel = grpc.aio.insecure_channel(place.emulator_host)
    return BaseBigtableTableAdminAsyncClient(transport=BigtableTableAdminGrpcAsyncIOTransport(channel=channel))


async def _make_table(
    client: BaseBigtableTableAdminAsyncClient, place: Place, name: str, families: Iterable[str]
) -> None:
    parent = f"projects/{place.project}/instances/{place.instance}"
    one_version = GcRule(max_num_versions=1)  # type: ignore[no-untyped-call]
    wanted = {family: ColumnFamily(gc_rule=one_version) for family in families}
    try:
        await client.create_table(parent=parent, table_id=name, table=Table(column_families=wanted))
    except AlreadyExists:
        path = f"{parent}/tables/{name}"
        stored = await client.get_table(name=path)
        change = ModifyColumnFamiliesRequest.Modification
        missing = [change(id=id_, create=made) for id_, made in wanted.items() if id_ not in stored.column_families]
        if missing:
            await client.modify_column_families(name=path, modifications=missing)
