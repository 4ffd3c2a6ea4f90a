"""The lines of a log are counted as positions: each once, doubtful ones too, and grouped by what people ask for."""

import pytest

from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine.statistics import record
from shared.engine.track_record import GROUPS, Costs, closed_positions, grouped, track_record
from tests.makers import MINUTE, START, make_signal

FREE = Costs(0.0, 0.0)
HOUR = 60 * MINUTE


def position(number, gain=1.5, **fields):
    """Entry and exit of one signal, opened so many hours after the start."""
    open_time = START + number * HOUR
    shared = {name: fields[name] for name in ("symbol", "side", "strategy") if name in fields}
    lost = gain < 0
    reason = ExitReason.STOP_LOSS if lost else ExitReason.TAKE_PROFIT
    return [
        make_signal(open_time=open_time, **shared),
        make_signal(SignalKind.EXIT, open_time, pnl_pct=gain, revision=1, reason=reason, **fields),
    ]


def test_open_positions_and_repeated_exits_are_not_counted():
    lines = [
        *position(0, 1.5),
        *position(1, -0.7)[:1],
        make_signal(SignalKind.EXIT, START, pnl_pct=1.5, revision=2, data_revised=(START,)),
    ]
    (closed,) = closed_positions(lines)
    assert (closed.gain_pct, closed.data_revised) == (1.5, True)


def test_positions_are_ordered_by_their_exits():
    lines = [*position(2), *position(0), *position(1)]
    assert [closed.entry_time for closed in closed_positions(lines)] == [
        START + number * HOUR + MINUTE for number in range(3)
    ]


def test_doubtful_results_are_part_of_the_record_and_told_apart():
    positions = closed_positions([*position(0, -0.7, ambiguous=True), *position(1, 1.5, data_revised=(START,))])
    shown = track_record("all", positions, FREE)
    assert (shown.record.count, shown.ambiguous, shown.data_revised) == (2, 1, 1)
    assert shown.record == record([-0.7, 1.5])


def test_costs_turn_a_small_gain_into_a_loss():
    positions = closed_positions(position(0, 0.1))
    assert track_record("all", positions, FREE).record.wins == 1
    assert track_record("all", positions, Costs(0.0006, 0.0002)).record.losses == 1


def test_drawdown_and_duration_are_told():
    positions = closed_positions([*position(0, 10.0), *position(1, -50.0), *position(2, 10.0)])
    shown = track_record("all", positions, FREE)
    assert shown.max_drawdown == pytest.approx(0.5)
    assert shown.mean_duration == 5 * MINUTE


def test_nothing_gives_an_empty_record():
    shown = track_record("all", [], FREE)
    assert (shown.record.count, shown.max_drawdown, shown.mean_duration) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("symbol", ["BTCUSDT", "ETHUSDT"]),
        ("side", ["LONG", "SHORT"]),
        ("strategy", ["rsi_divergence", "rsi_threshold"]),
        ("hour", ["00:00", "23:00"]),
        ("month", ["2026-01", "2026-02"]),
    ],
)
def test_each_group_has_its_own_record(by, names):
    lines = [
        *position(0, 1.5),
        *position(24, 1.5),
        *position(24 * 31 + 23, -0.7, symbol="ETHUSDT", side=Side.SHORT, strategy="rsi_threshold"),
    ]
    groups = grouped(closed_positions(lines), by, FREE)
    assert [(group.name, group.record.wins, group.record.losses) for group in groups] == [
        (names[0], 2, 0),
        (names[1], 0, 1),
    ]
    assert by in GROUPS
