"""Accounts of candles in, what a program and what a person reads of them out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.cli.parts.output import table
from shared.domain.signal import Signal
from shared.engine.why_not import Account
from shared.strategies.explanation import Explanation, Gate

_VERDICTS = {True: "yes", False: "NO", None: "-"}
_COLUMNS = ["", "gate", "value", "threshold", "asks"]


def utc(time: int) -> str:
    """A time (ms UTC) for people."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def plain_account(account: Account, signal: Signal | None) -> dict[str, Any]:
    """For programs: the decision record of the signal where there is one, the gates anyway."""
    return {
        "open_time": account.candle.open_time,
        "time": utc(account.candle.open_time),
        "entry": signal is not None or account.entry is not None,
        "signal_id": signal.signal_id if signal else None,
        "decision": signal.decision if signal else None,
        "sides": [{"side": side.side.value, "gates": _plain(side.gates)} for side in account.sides],
        "book": _plain(account.book),
    }


def account_text(strategy: str, account: Account, signal: Signal | None) -> str:
    """For people: the decision record where there is one, else every gate."""
    where = f"{account.candle.symbol} {strategy}, candle of {utc(account.candle.open_time)} UTC"
    if signal is not None:
        gates = [Gate(**gate, words="") for gate in signal.decision.get("gates", ())]
        macro = signal.decision.get("macro")
        told = [f"macro: {macro['words']}"] if macro else []
        head = f"{where}: {signal.side} signal {signal.signal_id}"
        return "\n".join([head, str(signal.decision.get("why", "")), _table(gates, _COLUMNS[:-1]), *told])
    found = account.entry
    blocks = [f"{where}: {f'{found.side} entry' if found else 'no entry'}"]
    blocks += [f"{side.side}\n{_table(side.gates, _COLUMNS)}" for side in account.sides]
    return "\n".join([*blocks, "any entry", _table(account.book, _COLUMNS)])


def plain_miss(account: Account, side: Explanation, gate: Gate) -> dict[str, Any]:
    """A near miss for programs and for a table: the one gate that failed."""
    time = account.candle.open_time
    return {"open_time": time, "time": utc(time), "side": side.side.value, **gate._asdict()}


def misses_text(strategy: str, misses: Sequence[dict[str, Any]]) -> str:
    """Near misses for people."""
    if not misses:
        return f"{strategy}: no near miss"
    rows = [{**miss, "value": _number(miss["value"]), "threshold": _number(miss["threshold"])} for miss in misses]
    return f"{strategy}: {len(misses)} near misses\n" + table(
        rows, ["time", "side", "name", "value", "threshold", "words"]
    )


def _plain(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    return [gate._asdict() for gate in gates]


def _table(gates: Sequence[Gate], columns: list[str]) -> str:
    rows = [
        {
            "": _VERDICTS[gate.passed],
            "gate": gate.name,
            "value": _number(gate.value),
            "threshold": _number(gate.threshold),
            "asks": gate.words,
        }
        for gate in gates
    ]
    return table(rows, columns)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.8g}"
