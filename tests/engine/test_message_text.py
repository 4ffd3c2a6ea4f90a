from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.signal import ExitReason, Side, SignalKind
from shared.engine import message_text
from tests.engine.chart_lines import WHY, make_trade, make_walk
from tests.engine.telegram_html import MarkupError, visible
from tests.makers import MINUTE, START, make_signal

DECISION = {"why": "RSI 22.1 < 25 & volume 2.6x", "price_decimals": 1}
# Half of a surrogate pair and markup are what breaks things; plain letters would find nothing.
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["<b>", "</b>", "&amp;", "<", "&", "<br>", "&nbsp;", "_*[]()~`", "\ud83d", "\u202e", "\x00", "a\nb"]
)
PRICE = st.floats(min_value=1e-12, max_value=1e15, allow_nan=False)


def text_of(line, entry=None, **options):
    return visible(message_text.compose(line, entry, **options))


def test_an_entry_reads_like_this():
    line = make_signal(
        price=64_010.5, entry_price=64_010.5, take_profit=64_970.66, stop_loss=63_562.43, decision=DECISION
    )
    assert text_of(line) == (
        "🟢 LONG BTC/USDT\n\n"
        "Entry: 64,010.5\nTake Profit: 64,970.7 (+1.50\xa0%)\nStop: 63,562.4 (\N{MINUS SIGN}0.70\xa0%)\nR:R: 2.14\n\n"
        "RSI 22.1 < 25 & volume 2.6x\n\n"
        f"2026-01-01 00:01 UTC · 1m · rsi_divergence · {message_text.short_id(line.signal_id)}"
    )


def test_an_exit_puts_the_result_first_and_keeps_the_entry_below():
    entry, _, leave = make_trade(make_walk())
    lines = text_of(leave, entry).splitlines()
    assert lines[0] == "✅ Take profit +1.10\xa0% in 42\xa0min"
    assert lines[1] == "🟢 LONG BTC/USDT"
    assert lines[3].startswith("Entry: 63,")
    assert WHY in lines


@pytest.mark.parametrize(
    ("reason", "pnl", "first"),
    [
        (ExitReason.STOP_LOSS, -0.7, "❌ Stop loss \N{MINUS SIGN}0.70\xa0% in 5\xa0min"),
        (ExitReason.TRAILING_STOP, 0.4, "✅ Trailing stop +0.40\xa0% in 5\xa0min"),
        (ExitReason.TIME_STOP, -0.001, "❌ Time stop 0.00\xa0% in 5\xa0min"),
    ],
)
def test_each_way_out_has_its_words(reason, pnl, first):
    leave = make_signal(SignalKind.EXIT, reason=reason, pnl_pct=pnl)
    assert text_of(leave).splitlines()[0] == first


def test_an_ambiguous_exit_says_so():
    leave = make_signal(SignalKind.EXIT, reason=ExitReason.STOP_LOSS, pnl_pct=-0.7)
    assert "Both levels" not in text_of(leave)
    assert "Both levels were touched" in text_of(replace(leave, ambiguous=True))


def test_a_short_gains_when_the_price_falls():
    line = make_signal(side=Side.SHORT, take_profit=98.5, stop_loss=100.7)
    assert "Take Profit: 98.5 (+1.50\xa0%)\nStop: 100.7 (\N{MINUS SIGN}0.70\xa0%)" in text_of(line)


def test_a_possible_repeat_is_marked():
    assert text_of(make_signal(), possible_repeat=True).endswith("↻ possible repeat")


def test_without_a_recorded_tick_a_small_price_keeps_its_digits():
    line = make_signal(price=0.00001234, entry_price=0.00001234, take_profit=0.0000125251, stop_loss=0.00001225)
    assert "Entry: 0.00001234" in text_of(line)


@given(st.tuples(*[ANY_TEXT] * 3), st.tuples(*[PRICE] * 3), st.sampled_from(SignalKind), st.booleans())
def test_whatever_is_put_in_telegram_takes_the_text(texts, prices, kind, repeat):
    (strategy, symbol, why), (price, profit, stop) = texts, prices
    line = make_signal(kind, strategy=strategy, symbol=symbol, take_profit=profit, stop_loss=stop, entry_price=price)
    entry = replace(line, kind=SignalKind.ENTRY, decision={"why": why * 2_000, "price_decimals": symbol})
    markup = message_text.compose(replace(line, ambiguous=True), entry, possible_repeat=repeat)
    seen = visible(markup)
    assert 0 < len(seen) <= message_text.MAX_LENGTH
    assert len(markup.encode()) < 32_768
    assert visible(message_text.plain(markup)) == seen
    assert "<" not in message_text.plain(markup)


@given(st.text(st.characters(exclude_categories=("C",))))
def test_escaping_shows_the_reader_what_was_put_in(value):
    assert visible(message_text.escape(value, 10_000)) == " ".join(value.split())


@pytest.mark.parametrize("broken", ["RSI < 30", "<br>", "<b>", "</b>", "<b><i></b></i>"])
def test_the_reader_of_these_tests_is_strict(broken):
    with pytest.raises(MarkupError):
        visible(broken)


def test_the_same_lines_give_the_same_text():
    line = make_signal(SignalKind.EXIT, time=make_signal().time + 3 * 60 * MINUTE)
    assert message_text.compose(line) == message_text.compose(line)


@pytest.mark.parametrize(
    ("open_times", "said"),
    [
        ([750], "the exchange corrected 1 candle this signal was built on (12:30 UTC)"),
        ([750, 751], "the exchange corrected 2 candles this signal was built on (12:30, 12:31 UTC)"),
        (range(7), "corrected 7 candles this signal was built on (00:00, 00:01, 00:02, 00:03, 00:04 UTC and 2 more)"),
    ],
)
@pytest.mark.parametrize("kind", SignalKind)
def test_a_signal_built_on_revised_data_says_so(open_times, said, kind):
    line = make_signal(kind, data_revised=tuple(START + minute * MINUTE for minute in open_times))
    (paragraph,) = [part for part in text_of(line).split("\n\n") if part.startswith("⚠️ data revised: ")]
    assert paragraph.endswith(said)
    assert "data revised" not in text_of(replace(line, data_revised=()))


def test_a_late_line_says_by_how_much():
    assert text_of(make_signal(), late=192_000).endswith("\n\n⏱ late by 3m12s")


def test_the_text_as_people_see_it_is_what_a_strict_reader_sees():
    line = make_signal(strategy="a<b>&amp;c", decision={"why": "RSI < 25 & 'x' > \"y\""})
    assert message_text.visible(message_text.compose(line)) == text_of(line)


def test_a_bias_in_the_same_direction_is_told_and_any_other_is_not():
    macro = {"gate": "aligned", "words": "macro bias LONG, confidence 84 <b>"}
    told = message_text.compose(make_signal(decision={"macro": macro}))
    assert "macro bias LONG, confidence 84 &lt;b&gt;" in told
    assert "macro bias" not in message_text.compose(make_signal(decision={"macro": macro | {"gate": "neutral"}}))
