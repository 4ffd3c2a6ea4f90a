import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.notice import Notice, NoticeKind, stale_id
from shared.engine import message_text, notice_text
from tests.engine.telegram_html import visible
from tests.makers import EXCHANGE, MINUTE, START

SINCE = START + 751 * MINUTE
NAMES = ("BTC", "ETH", "SOL", "XRP", "ADA", "SUI")
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(["<b>", "&amp;", "\ud83d", "\x00", "a\nb"])


def notice(kind=NoticeKind.STALE, count=1, **fields):
    symbols = tuple(f"{name}USDT" for name in NAMES[:count])
    return Notice(
        stale_id(EXCHANGE, SINCE), 0, kind, EXCHANGE, symbols, fields.pop("time", SINCE + 3 * MINUTE), SINCE, **fields
    )


def text_of(line, **options):
    return visible(notice_text.compose(line, **options))


def test_an_announcement_reads_like_this():
    short = message_text.short_id(notice().notice_id)
    assert text_of(notice(detail="the exchange closed the connection")) == (
        "⚠️ BTC/USDT: no data since 12:31 UTC; signals are paused\n\n"
        "the exchange closed the connection\n\n"
        f"2026-01-01 12:31 UTC · bybit-linear · {short}"
    )


@pytest.mark.parametrize(
    ("healed", "tail"),
    [
        (0, "data is back after 7\xa0min"),
        (1, "data is back after 7\xa0min; 1 minute healed from the exchange"),
        (7, "data is back after 7\xa0min; 7 minutes healed from the exchange"),
    ],
)
def test_an_all_clear_says_how_long_it_was_and_what_was_healed(healed, tail):
    over = notice(NoticeKind.RESUMED, until=SINCE + 7 * MINUTE, healed=healed)
    assert text_of(over).splitlines()[0] == f"✅ BTC/USDT: {tail}"


@pytest.mark.parametrize(
    ("count", "pairs"),
    [
        (2, "BTC/USDT, ETH/USDT"),
        (4, "BTC/USDT, ETH/USDT, SOL/USDT, XRP/USDT"),
        (5, "BTC/USDT, ETH/USDT, SOL/USDT and 2 more"),
        (6, "BTC/USDT, ETH/USDT, SOL/USDT and 3 more"),
        (0, "bybit-linear"),
    ],
)
def test_many_symbols_are_shortened(count, pairs):
    assert text_of(notice(count=count)).startswith(f"⚠️ {pairs}: no data since")


def test_lateness_and_repeats_are_said():
    assert text_of(notice(), late=192_000, possible_repeat=True).endswith("⏱ late by 3m12s\n\n↻ possible repeat")


@given(exchange=ANY_TEXT, symbols=st.lists(ANY_TEXT, max_size=9), detail=ANY_TEXT, kind=st.sampled_from(NoticeKind))
def test_whatever_is_put_in_telegram_takes_the_text(exchange, symbols, detail, kind):
    line = Notice("n", 0, kind, exchange * 50, tuple(name * 200 for name in symbols), SINCE, SINCE, detail=detail * 900)
    markup = notice_text.compose(line, late=1, possible_repeat=True)
    assert 0 < len(visible(markup)) <= message_text.MAX_LENGTH
    assert message_text.visible(markup) == visible(markup)
    assert message_text.short_id("n") in message_text.visible(markup).split()
