"""The packed candle: every digit comes back, and its first bytes stand in the order of `Candle.supersedes`."""

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.bigtable_candle import pack, pack_rank, rank, unpack, unpack_rank
from shared.domain.candle import Candle, CandleSource, Look
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError
from tests.makers import EXCHANGE, START, SYMBOL, make_candle

numbers = st.decimals(allow_nan=False, allow_infinity=False)
candles = st.builds(
    Candle,
    exchange=st.just(EXCHANGE),
    symbol=st.just(SYMBOL),
    timeframe=st.sampled_from(Timeframe),
    open_time=st.just(START),
    **dict.fromkeys(("open", "high", "low", "close", "quantity", "turnover"), numbers),
    trades=st.integers(0, 2**64 - 1),
    complete=st.booleans(),
    revision=st.integers(0, 2**32 - 1),
    source=st.sampled_from(CandleSource),
    looks=st.lists(st.builds(Look, st.integers(START, START + 60_000), numbers, numbers), max_size=4).map(tuple),
)


def digits(candle: Candle) -> list[object]:
    """Everything in it, decimals with sign, digits and exponent."""
    values = [getattr(candle, field.name) for field in fields(candle)]
    flat = [each for value in values for each in (sum(value, ()) if isinstance(value, tuple) else (value,))]
    return [value.as_tuple() if hasattr(value, "as_tuple") else value for value in flat]


@given(candles)
def test_every_field_comes_back_to_the_last_digit(candle):
    found = unpack(pack(candle), Instrument(EXCHANGE, SYMBOL), candle.timeframe, START)
    assert found == candle
    assert digits(found) == digits(candle)


@given(candles, candles)
def test_the_bytes_of_ranks_stand_in_the_order_of_supersedes(one, other):
    assert (pack_rank(one) > pack_rank(other)) == one.supersedes(other)
    assert unpack_rank(pack(one)) == rank(one)


@given(candles, candles)
def test_a_cell_is_not_below_a_rank_exactly_when_the_rank_does_not_supersede_it(stored, new):
    assert (pack(stored) >= pack_rank(new)) == (not new.supersedes(stored))


def test_the_layout_is_as_documented():
    looks = ((128, Decimal("1.50"), Decimal("1.5")),)
    candle = make_candle(0, "1.50", quantity="2", turnover="3.0", trades=7, revision=1, looks=looks)
    header = b"\x01" + b"\x01" + b"\x00\x00\x00\x01" + b"\x00\x00\x00\x00\x00\x00\x00\x07" + b"t"
    look = b"\x93" + b"\xcc\x80" + b"\xa41.50" + b"\xa31.5"
    assert pack(candle) == header + b"\x97" + b"\xa41.50" * 4 + b"\xa12" + b"\xa33.0" + b"\x91" + look


def test_the_layout_of_a_newer_build_is_refused():
    with pytest.raises(ConfigurationError, match="layout 2, this build reads 1"):
        unpack(b"\x02" + pack(make_candle())[1:], Instrument(EXCHANGE, SYMBOL), Timeframe.M1, START)
