"""Results of a backtest in, its files out: every one of them is whole, or as it was before."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from shared.backtest.account import Account
from shared.backtest.run import Result
from shared.errors import InvalidInput

TRADES = (
    "signal_id,symbol,side,entry_time,entry_price,take_profit,stop_loss,exit_time,exit_price,reason,pnl_pct,ambiguous"
)
EQUITY = "time,equity,drawdown"


def prepare(folder: Path) -> None:
    """Make the folder, and see that files can be written to it, before anything long begins.

    Raises:
        InvalidInput: It cannot be made or written to.
    """
    probe = folder / f".{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InvalidInput(f"--out {folder} cannot be written: {error.strerror}; choose another folder") from None


def write_all(folder: Path, contents: Mapping[str, str]) -> None:
    """Write texts by file name: all of them beside their places first, then each takes its place.

    Raises:
        InvalidInput: Something cannot be written; then no file has changed, unless the disk failed while renaming.
    """
    partial = {folder / name: folder / f".{name}.{os.getpid()}.partial" for name in contents}
    try:
        for (place, beside), text in zip(partial.items(), contents.values(), strict=True):
            if place.is_dir():
                raise InvalidInput(f"{place} is a directory: choose another --out")
            with beside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for place, beside in partial.items():
            beside.replace(place)
    except OSError as error:
        raise InvalidInput(f"--out {folder} cannot be written: {error.strerror}; choose another folder") from None
    finally:
        for beside in partial.values():
            beside.unlink(missing_ok=True)


def trades_csv(results: Iterable[Result]) -> str:
    """Rows as `TRADES` says, ascending by exit; ``pnl_pct`` before costs, as in exit signals."""
    rows = [
        f"{p.signal_id},{p.symbol},{p.side},{p.entry_time},{p.entry_price!r},{p.take_profit!r},{p.stop_loss!r},"
        f"{p.exit_time},{p.exit_price!r},{p.reason},{p.gain_pct:.4f},{int(p.ambiguous)}"
        for p in (result.position for result in results)
    ]
    return "\n".join([TRADES, *rows, ""])


def equity_csv(account: Account) -> str:
    """Rows as `EQUITY` says: close time (ms UTC), equity (1 at the beginning), drawdown (share of the highest)."""
    values = zip(account.equity.tolist(), account.drawdown.tolist(), strict=True)
    times = range(account.start, account.start + account.step * len(account.equity), account.step)
    rows = [f"{time},{equity:.10g},{fall:.6f}" for time, (equity, fall) in zip(times, values, strict=True)]
    return "\n".join([EQUITY, *rows, ""])
