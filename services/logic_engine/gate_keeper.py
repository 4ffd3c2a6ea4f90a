"""Macro biases in, the memory of each instrument's gate out, kept in documents.

Order of effects: a memory is stored by a conditional write, then the bias is acknowledged. A bias that comes again, or
late, changes nothing.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from shared.domain.instrument import Instrument
from shared.domain.macro_bias import MacroBias
from shared.engine.bias_gate import START, GateLimits, GateState, step
from shared.errors import Conflict
from shared.messages.codec import from_json, to_json
from shared.ports import Document, DocumentStore

COLLECTION = "macro_bias"

logger = logging.getLogger(__name__)


class GateKeeper:
    """Remembers the gates of `instruments`; biases of others are none of its business.

    Args:
        documents: Where the memories are kept, one document for each instrument.
        instruments: Whose entries are gated.
        limits: When a direction becomes active, and when it is released.
    """

    def __init__(self, documents: DocumentStore, instruments: Iterable[Instrument], limits: GateLimits) -> None:
        self._documents = documents
        self._limits = limits
        self._known: dict[Instrument, Document | None] = dict.fromkeys(instruments)

    @property
    def limits(self) -> GateLimits:
        """By which it judges."""
        return self._limits

    def state(self, instrument: Instrument) -> GateState:
        """The newest memory known here; the empty one before `load`."""
        document = self._known.get(instrument)
        return START if document is None else _read(document)

    async def load(self) -> None:
        """Read what is stored of instruments that are not known yet.

        Raises:
            Unavailable: The store is away; call again.
        """
        for instrument, document in self._known.items():
            if document is None:
                stored = await self._stored(instrument)
                # A bias may have been taken while this was read: then that is newer.
                self._known[instrument] = self._known[instrument] or stored

    async def take(self, bias: MacroBias) -> None:
        """Take a bias; its effect is stored when this returns.

        Raises:
            Unavailable: The store is away; call again.
        """
        while bias.instrument in self._known:
            document = self._known[bias.instrument] or await self._stored(bias.instrument)
            self._known[bias.instrument] = document
            before = _read(document)
            after = step(before, bias, self._limits)
            if after is before:
                return
            values = after._asdict() | {"active": after.active.value}
            try:
                self._known[bias.instrument] = await self._documents.save_document(
                    replace(document, data=to_json(values))
                )
            except Conflict as conflict:
                logger.warning("another writer was first, reading again", extra={"reason": str(conflict)})
                self._known[bias.instrument] = None
            else:
                _tell(bias, before, after)
                return

    async def _stored(self, instrument: Instrument) -> Document:
        key = "/".join(instrument)
        return await self._documents.load_document(COLLECTION, key) or Document(COLLECTION, key, b"{}")


def _read(document: Document) -> GateState:
    return GateState.of(from_json(document.data, dict))


def _tell(bias: MacroBias, before: GateState, after: GateState) -> None:
    if before.active is not after.active:
        about = {"trace": bias.bias_id, "symbol": bias.symbol, "before": before.active, "after": after.active}
        logger.info("macro direction", extra=about)
