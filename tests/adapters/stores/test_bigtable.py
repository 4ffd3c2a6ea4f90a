"""Settings of the Bigtable store: where it is, and that its tables can be made beforehand."""

import asyncio
import warnings

import pytest

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.bigtable import Options, bootstrap, create
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError, Unavailable
from tests.adapters.contract import bigtable_emulator
from tests.makers import EXCHANGE, SYMBOL, make_candle

BTC = Instrument(EXCHANGE, SYMBOL)
M1 = Timeframe.M1


async def test_bootstrap_makes_every_table_and_may_be_repeated(tmp_path):
    options = Options(emulator_host=bigtable_emulator.session().address, instance=tmp_path.name, table_prefix="test-")
    await bootstrap(options)
    await asyncio.gather(bootstrap(options), bootstrap(options))
    store = create(options, ManualClock())
    await store.write([make_candle()])
    await bootstrap(options)
    assert await store.read(BTC, M1, 0, 2**53) == [make_candle()]
    await store.close()


async def test_bootstrap_without_an_answer_is_unavailable():
    address = f"127.0.0.1:{bigtable_emulator.free_port()}"
    with pytest.raises(Unavailable, match=address):
        await bootstrap(Options(emulator_host=address, timeout=0.3))


async def test_the_standard_variables_name_project_and_emulator(tmp_path, monkeypatch):
    monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", bigtable_emulator.session().address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "standard")
    store = create(Options(instance=tmp_path.name), ManualClock())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await store.write([make_candle()])
    assert store._client._place.project == "standard"
    await store.close()


def test_without_project_and_emulator_the_cure_is_named(monkeypatch):
    monkeypatch.delenv("BIGTABLE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
        create(Options(), ManualClock())
