"""A folder in, its Bigtable store out: an instance of its own on the test session's emulator."""

from pathlib import Path

from shared.adapters.clock.manual import ManualClock
from shared.adapters.stores.bigtable import BigtableStore, Options, create
from tests.adapters.contract import bigtable_emulator


def open_store(folder: Path, emulator: bigtable_emulator.Emulator | None = None, **options) -> BigtableStore:
    """The store, as its settings would create it."""
    address = (emulator or bigtable_emulator.session()).address
    return create(Options(emulator_host=address, instance=folder.name, **options), ManualClock())
