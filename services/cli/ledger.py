"""``tracker ledger verify``: every signal has its receipts and nobody has edited them, on the store configured."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from services.cli.parts.output import json_option, read_settings, settings_option, show
from services.wiring import Wiring
from shared.domain.book import Book, BookKey
from shared.domain.signal import Signal
from shared.engine.ledger_audit import LedgerAudit, audit
from shared.runtime.settings import Settings

_ALL = 1_000_000
_SHOWN = 20


@click.group()
def ledger() -> None:
    """The record of everything that was said."""


@ledger.command(epilog="Example: tracker ledger verify --json")
@click.option("--noted", multiple=True, metavar="HASH", help="A hash that was noted before; may be repeated.")
@settings_option
@json_option
@click.pass_context
def verify(context: click.Context, noted: tuple[str, ...], settings_file: Path | None, *, as_json: bool) -> None:
    """Prove that no signal is lost, doubled, impossible or edited; exit code 1 names what is.

    What still waits for its chat is listed and is no fault. Note the hashes of the books elsewhere (--json: heads):
    with --noted not even who owns the store can rewrite what was said up to them.
    """
    found = asyncio.run(_audit(read_settings(settings_file), noted))
    show(asdict(found) | {"sound": found.is_sound}, as_json=as_json, text=_text(found))
    if not found.is_sound:
        context.exit(1)


async def _audit(settings: Settings, noted: Sequence[str]) -> LedgerAudit:
    wiring = Wiring(settings)
    try:
        lines = await wiring.store.signals(_ALL)
        chats = settings.telegram_notifier.chats
        names = dict.fromkeys(line.signal_id for line in lines)
        entries = {(chat, name): await wiring.outbox.load(chat, name) for chat in chats for name in names}
        known = {place: entry for place, entry in entries.items() if entry is not None}
        return audit(lines, await _books(wiring, lines), known, chats, noted)
    finally:
        await wiring.close()


async def _books(wiring: Wiring, lines: Iterable[Signal]) -> list[Book]:
    """The books of all lines, and those of the settings: a book tells of lines that are gone."""
    settings = wiring.settings
    keys = {BookKey(line.strategy, line.exchange, line.symbol) for line in lines}
    keys |= {
        BookKey(strategy, settings.exchange, symbol) for strategy in wiring.strategies() for symbol in settings.symbols
    }
    return list((await wiring.store.load_books(sorted(keys))).values())


def _text(found: LedgerAudit) -> str:
    verdict = "sound" if found.is_sound else "NOT SOUND"
    rows = [
        f"{found.signals} signals in {found.lines} lines, {found.open} open: {verdict}",
        f"told {found.told}, expired {found.expired}, waiting {len(found.waiting)}",
        f"lost {len(found.lost)}, doubled {len(found.doubled)}, broken {len(found.broken)}",
        f"hash chain {'BROKEN' if found.forged else 'intact'}: {found.chained} lines in {len(found.heads)} books"
        + (f", {len(found.unchained)} from before it" if found.unchained else ""),
    ]
    for name in ("lost", "doubled", "broken", "forged", "unchained", "waiting"):
        faults: list[str] = getattr(found, name)
        rows += [f"{name}: {fault}" for fault in faults[:_SHOWN]]
        if len(faults) > _SHOWN:
            rows.append(f"{name}: and {len(faults) - _SHOWN} more (see --json)")
    return "\n".join(rows)
