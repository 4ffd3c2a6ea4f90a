"""Hypothesis strategies for the payloads of the catalog: any value that can travel."""

from decimal import Decimal

from hypothesis import strategies as st

from shared.domain.candle import Candle, CandleSource, Look
from shared.domain.macro_bias import BiasDirection, MacroBias, Vote
from shared.domain.notice import Notice, NoticeKind
from shared.domain.signal import ExitReason, Side, Signal, SignalKind
from shared.domain.timeframe import Timeframe
from shared.domain.trade import AggressorSide, Trade, TradePack

words = st.text(max_size=12)
times = st.integers(0, 253_402_300_799_999)
counts = st.integers(0, 2**53)
# Signs, zeros at the end, very small and very large: every digit must come back as it was written.
decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=40).map(tuple),
    st.integers(-30, 10),
)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | floats | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)

trades = st.builds(
    Trade,
    symbol=words,
    event_time=times,
    price=decimals,
    quantity=decimals,
    trade_id=words,
    aggressor_side=st.sampled_from(AggressorSide),
    sequence=counts,
    ordinal=counts,
    is_block=st.booleans(),
    is_rpi=st.booleans(),
)
packs = st.builds(
    TradePack,
    exchange=words,
    run_id=words,
    shard=counts,
    seq=counts,
    covered_from=times,
    prior_event_time=times,
    watermark=times,
    symbols=st.lists(words, max_size=3).map(tuple),
    trades=st.lists(trades, max_size=3).map(tuple),
)
looks = st.builds(Look, end=times, high=decimals, low=decimals)
candles = st.builds(
    Candle,
    exchange=words,
    symbol=words,
    timeframe=st.sampled_from(Timeframe),
    open_time=times,
    open=decimals,
    high=decimals,
    low=decimals,
    close=decimals,
    quantity=decimals,
    turnover=decimals,
    trades=counts,
    complete=st.booleans(),
    revision=counts,
    source=st.sampled_from(CandleSource),
    looks=st.lists(looks, max_size=4).map(tuple),
)
signals = st.builds(
    Signal,
    kind=st.sampled_from(SignalKind),
    signal_id=words,
    revision=counts,
    strategy=words,
    exchange=words,
    symbol=words,
    side=st.sampled_from(Side),
    timeframe=st.sampled_from(Timeframe),
    time=times,
    open_time=times,
    price=floats,
    take_profit=floats,
    stop_loss=floats,
    entry_time=times,
    entry_price=floats,
    reason=st.none() | st.sampled_from(ExitReason),
    pnl_pct=st.none() | floats,
    ambiguous=st.booleans(),
    decision=st.dictionaries(words, json_values, max_size=4),
)
notices = st.builds(
    Notice,
    notice_id=words,
    revision=counts,
    kind=st.sampled_from(NoticeKind),
    exchange=words,
    symbols=st.lists(words, max_size=3).map(tuple),
    time=times,
    since=times,
    until=times,
    healed=counts,
    detail=words,
)
votes = st.builds(
    Vote,
    name=words,
    direction=st.sampled_from(BiasDirection),
    value=floats,
    threshold=floats,
    weight=floats,
    words=words,
)
biases = st.builds(
    MacroBias,
    source=words,
    exchange=words,
    symbol=words,
    time=times,
    open_time=times,
    direction=st.sampled_from(BiasDirection),
    confidence=floats,
    score=floats,
    votes=st.lists(votes, max_size=4).map(tuple),
    expires_at=times,
)
