"""The account on paper as a story told by hand, and what holds for any log."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.signal import Side, SignalKind, signal_id
from shared.engine.paper_account import PaperRules, Skip, paper_account, position_share
from shared.engine.statistics import net_pct
from tests.makers import MINUTE, START, make_signal

ENTRY, UPDATE, EXIT = SignalKind
DAY = 86_400_000
RULES = PaperRules(equity=10_000.0, fee=0.0, slippage=0.0)


def position(number, symbol="BTCUSDT", pnl=None, lasts=10, **fields):
    """Lines of one position that opens `number` minutes after START, and ends when `pnl` is given."""
    open_time = START + number * MINUTE
    lines = [make_signal(open_time=open_time, symbol=symbol, **fields)]
    if pnl is not None:
        end = lines[0].time + lasts * MINUTE
        lines.append(make_signal(EXIT, open_time=open_time, symbol=symbol, time=end, pnl_pct=pnl, **fields))
    return lines


def test_a_position_is_sized_by_its_stop_and_its_result_is_net_of_costs():
    rules = PaperRules(equity=10_000.0)
    account = paper_account(position(0, pnl=1.5), rules)
    (sized,) = account.sized
    assert sized.value == pytest.approx(10_000 * 0.005 / 0.007)
    assert sized.result == pytest.approx(sized.value * net_pct(1.5, 0.0006, 0.0002) / 100)
    assert account.equity == pytest.approx(10_000 + sized.result)
    assert (account.open, account.open_risk, account.max_drawdown) == (0, 0, 0)


@pytest.mark.parametrize(
    ("stop_loss", "share"), [(99.3, 0.005 / 0.007), (99.5, 1.0), (99.9, 1.0), (100.0, 1.0), (90.0, 0.05)]
)
def test_a_share_is_risk_over_distance_and_at_most_the_whole_equity(stop_loss, share):
    assert position_share(100.0, stop_loss, 0.005) == pytest.approx(share)


def test_all_open_positions_together_cost_at_most_the_whole_risk():
    names = ("AUSDT", "BUSDT", "CUSDT", "DUSDT")
    lines = [line for name in names for line in position(0, name)]
    account = paper_account(lines, replace(RULES, max_risk=0.0125))
    assert [round(sized.value * 0.007) for sized in account.sized] == [50, 50, 25, 0]
    assert account.sized[-1].skip is Skip.NO_RISK_LEFT
    assert account.open_risk == pytest.approx(125.0)


def test_a_stop_that_was_moved_to_the_entry_frees_its_risk():
    moved = make_signal(UPDATE, time=START + 2 * MINUTE, stop_loss=100.0)
    lines = [*position(0), moved, *position(10, "ETHUSDT")]
    account = paper_account(lines, replace(RULES, max_risk=0.005))
    assert [sized.skip for sized in account.sized] == [None, None]
    assert account.open_risk == pytest.approx(50.0)
    assert paper_account(position(0) + position(10, "ETHUSDT"), replace(RULES, max_risk=0.005)).sized[1].skip


def test_no_more_positions_than_allowed_are_open_at_once_and_an_exit_makes_room_for_an_entry_at_its_time():
    first, second = position(0, pnl=0.0, lasts=5), position(5, side=Side.SHORT, stop_loss=100.7)
    assert first[-1].time == second[0].time
    account = paper_account([*second, *first, *position(2, "ETHUSDT")], replace(RULES, max_open=1))
    assert [sized.skip for sized in account.sized] == [None, Skip.MAX_OPEN, None]


def test_a_bad_day_ends_its_entries_and_the_next_day_begins_anew():
    losses = [line for number in range(0, 80, 20) for line in position(number, pnl=-0.7)]
    later, tomorrow = position(200), position(DAY // MINUTE)
    account = paper_account([*losses, *later, *tomorrow], replace(RULES, drawdown_pause=0.0149))
    assert [sized.skip for sized in account.sized] == [None, None, None, Skip.PAUSED, Skip.PAUSED, None]
    assert account.pauses == (START + 51 * MINUTE,)
    assert account.max_drawdown == pytest.approx(1 - 0.995**3)
    without = paper_account([*losses, *later], replace(RULES, drawdown_pause=0.0))
    assert (without.pauses, {sized.skip for sized in without.sized}) == ((), {None})


def test_the_size_the_gate_gave_is_taken_over():
    (whole,) = paper_account(position(0), RULES).sized
    (half,) = paper_account(position(0, decision={"macro": {"size": 0.5}}), RULES).sized
    assert half.value == pytest.approx(whole.value / 2)


SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


@st.composite
def stories(draw):
    """Positions of some symbols, one after the other on each, spread over days; the last ones may be open."""
    lines = []
    for symbol in SYMBOLS:
        number = draw(st.integers(0, 300))
        for _ in range(draw(st.integers(0, 6))):
            side = draw(st.sampled_from(Side))
            distance = draw(st.floats(0.05, 5.0))
            stop = 100 - distance if side is Side.LONG else 100 + distance
            won = draw(st.booleans())
            lasts = draw(st.integers(1, 900))
            pnl = draw(st.one_of(st.none(), st.just(1.5 if won else -distance)))
            lines += position(number, symbol, pnl, lasts, side=side, stop_loss=stop)
            if pnl is None:
                break
            number += lasts + draw(st.integers(1, 900))
    return lines


RULE_SETS = st.builds(
    PaperRules,
    risk=st.floats(0.0, 0.05),
    max_risk=st.floats(0.0, 0.1),
    max_open=st.integers(1, 3),
    drawdown_pause=st.floats(0.0, 0.2),
)


@given(stories(), RULE_SETS)
def test_no_rule_is_ever_broken(lines, rules):
    lines = sorted(lines, key=lambda line: line.time)
    for count in range(len(lines) + 1):
        account = paper_account(lines[:count], rules)
        held = [sized for sized in account.sized if sized.skip is None and sized.result is None]
        assert account.open == len(held) <= rules.max_open
        assert account.equity > 0
        assert 0 <= account.max_drawdown < 1
        results = [sized.result for sized in account.sized if sized.result is not None]
        assert account.equity == pytest.approx(rules.equity + sum(results))
        if count and lines[count - 1].kind is ENTRY and held and held[-1].time == lines[count - 1].time:
            assert account.open_risk <= rules.max_risk * account.equity * (1 + 1e-9)


@given(stories(), RULE_SETS)
def test_every_signal_is_judged_once_and_none_is_made_or_unmade(lines, rules):
    account = paper_account(lines, rules)
    assert sorted(sized.signal_id for sized in account.sized) == sorted({line.signal_id for line in lines})
    for sized in account.sized:
        assert (sized.skip is not None) <= (sized.value == 0 and sized.result is None)
        assert sized.value <= rules.equity * 10
        if sized.skip is Skip.PAUSED:
            assert any(pause <= sized.time and pause // DAY == sized.time // DAY for pause in account.pauses)


@given(stories(), RULE_SETS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_the_lines_do_not_count(lines, rules, random):
    marked = [replace(line, revision=line.revision + 1, data_revised=(START,)) for line in lines]
    mixed = [*lines, *lines, *marked]
    random.shuffle(mixed)
    assert paper_account(mixed, rules) == paper_account(lines, rules)


def test_the_story_maker_makes_ids_as_the_platform_does():
    (line,) = position(3, "ETHUSDT")
    assert line.signal_id == signal_id("rsi_divergence", "ETHUSDT", START + 3 * MINUTE, Side.LONG)
