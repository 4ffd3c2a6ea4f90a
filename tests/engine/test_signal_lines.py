from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.book import BookKey
from shared.domain.candle import Look
from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine.exits import Turn
from shared.engine.signal_lines import entry_line, evidence_from, position_of, revised_line, turn_line
from shared.strategies import rsi_divergence, rsi_threshold
from shared.strategies.strategy import Entry
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_signal
from tests.strategies.markets import walk

KEY = BookKey("rsi_divergence", EXCHANGE, SYMBOL)
ENTRY = Entry(Side.SHORT, 100.0, 98.5, 100.7, {"why": "because"})


def test_an_entry_is_said_at_the_end_of_its_candle():
    line = entry_line(KEY, make_candle(START), ENTRY)
    assert line.kind is SignalKind.ENTRY
    assert line.signal_id == f"rsi_divergence/BTCUSDT/{START}/SHORT"
    assert (line.revision, line.time, line.open_time) == (0, START + MINUTE, START)
    assert (line.price, line.take_profit, line.stop_loss) == (100.0, 98.5, 100.7)
    assert line.decision == {"why": "because"}


def test_an_exit_belongs_to_its_entry_and_tells_what_decided():
    position = position_of(entry_line(KEY, make_candle(START), ENTRY))
    look = Look(START + 3 * MINUTE + 15_000, Decimal("100.9"), Decimal("99.5"))
    turn = Turn(ExitReason.STOP_LOSS, 100.7, ambiguous=False, look=look, gain_pct=-0.7)
    line = turn_line(KEY, position, make_candle(START + 3 * MINUTE), turn, {"why": "because"})
    assert line.kind is SignalKind.EXIT
    assert (line.signal_id, line.revision) == (position.signal_id, 1)
    assert (line.time, line.entry_time, line.open_time) == (look.end, START + MINUTE, START + 3 * MINUTE)
    assert (line.price, line.entry_price, line.pnl_pct, line.reason) == (100.7, 100.0, -0.7, ExitReason.STOP_LOSS)
    assert line.decision == {
        "why": "because",
        "entry": 100.0,
        "exit_look": {"end": look.end, "high": 100.9, "low": 99.5},
        "duration": 2 * MINUTE + 15_000,
    }


def test_a_target_on_the_way_is_an_update_that_names_the_stop_as_it_is_now():
    position = replace(position_of(entry_line(KEY, make_candle(START), ENTRY)), filled=1, stop=100.0)
    look = Look(START + 2 * MINUTE, Decimal("99.9"), Decimal("99.4"))
    line = turn_line(KEY, position, make_candle(START + MINUTE), Turn(None, 99.5, False, look, 0.5), {})
    assert (line.kind, line.reason, line.revision, line.price) == (SignalKind.UPDATE, None, 1, 99.5)
    assert (line.stop_loss, line.pnl_pct, line.decision["targets_reached"]) == (100.0, 0.5, 1)


EVIDENCE = {
    "pivots": [{"open_time": START + 40 * MINUTE}, {"open_time": START + 57 * MINUTE}],
    "spike": {"open_time": START + 58 * MINUTE},
    "parameters": {"pivot_left": 5, "volume_period": 20},
}


@pytest.mark.parametrize(
    ("decision", "first"),
    [
        (EVIDENCE, 35),
        (EVIDENCE | {"spike": {"open_time": START + 50 * MINUTE}}, 30),
        (EVIDENCE | {"pivots": []}, 38),
        ({"why": "because"}, 60),
    ],
)
def test_the_evidence_begins_with_the_oldest_candle_the_record_speaks_of(decision, first):
    assert evidence_from(make_signal(open_time=START + 60 * MINUTE, decision=decision)) == START + first * MINUTE


def test_recorded_strategies_name_their_evidence():
    for strategy, oldest in ((rsi_divergence, 5 + 5 + 2), (rsi_threshold, 20)):
        settings = {"oversold": 45, "overbought": 55, "volume_factor": 0.5}
        machine, found = strategy.create(settings), []
        for candle in walk(3, 2_000):
            entry = machine.on_candle(candle)
            if entry is not None:
                found.append(entry_line(KEY, candle, entry))
        assert found
        assert min((line.open_time - evidence_from(line)) // MINUTE for line in found) >= oldest
        assert max((line.open_time - evidence_from(line)) // MINUTE for line in found) <= 60 + 5 + 2


def test_a_marked_line_repeats_the_newest_one_under_the_next_revision():
    entry = make_signal(open_time=START + 60 * MINUTE, decision=EVIDENCE)
    end = make_signal(SignalKind.EXIT, open_time=START + 60 * MINUTE, revision=1)
    changed = [START + n * MINUTE for n in (61, 60, 35, 34)]
    line = revised_line([entry, end], changed)
    assert line == replace(end, revision=2, data_revised=(START + 35 * MINUTE, START + 60 * MINUTE))
    assert revised_line([entry, end, line], changed) == line
    assert revised_line([entry, end], [START + 34 * MINUTE, START + 61 * MINUTE]) is None
    more = revised_line([entry, end, line], [START + 40 * MINUTE])
    assert (more.revision, more.data_revised) == (3, (START + 35 * MINUTE, START + 40 * MINUTE, START + 60 * MINUTE))
