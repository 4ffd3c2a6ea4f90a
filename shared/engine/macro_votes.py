"""Closed 5-minute candles of a day in, four votes on the larger trend and the bias they add up to out.

The formulas, with figures worked by hand from recorded candles, stand in docs/macro-bias.md. Everything is a pure
function of the candles of one window, so the same window gives the same bias wherever and whenever it is made.
"""

from collections.abc import Sequence

from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.macro_bias import BiasDirection, MacroBias, Vote
from shared.domain.timeframe import Timeframe
from shared.engine.macro_calibration import Calibration
from shared.engine.roll_up import roll_up
from shared.errors import InvariantViolation
from shared.indicators import adx, atr, ema, rsi

TIMEFRAME = Timeframe.M5
HOURS = 24
"""Whole clock hours that the trend, momentum and strength are read from."""

RECENT = 48
"""Newest 5-minute candles whose volume votes: four hours."""

FAST, SLOW = 4, 12
ATR_PERIOD, RSI_PERIOD, ADX_PERIOD = 14, 14, 7
_TREND_SCALE = 2.0  # average true ranges between the two averages that count as a full vote
_RSI_SCALE = 25.0  # points of RSI away from 50 that count as a full vote
_ADX_SCALE = 50.0  # an ADX that counts as a full vote
_DECIMALS = 4  # of values and scores: what people can repeat by hand


def window_start(end: int) -> int:
    """Open time (ms UTC) of the first candle that a bias at `end`, the close time of the newest candle, is made on."""
    return Timeframe.H1.floor(end) - HOURS * Timeframe.H1.millis


def missing(candles: Sequence[Candle], end: int) -> int:
    """How many candles of the window that ends at `end` (ms UTC) are absent or incomplete."""
    start = window_start(end)
    there = {candle.open_time for candle in candles if candle.complete and start <= candle.open_time < end}
    return (end - start) // TIMEFRAME.millis - len(there)


def decide(
    candles: Sequence[Candle],
    instrument: Instrument,
    source: str,
    *,
    calibration: Calibration,
    ttl: int,
) -> MacroBias:
    """The bias of `instrument` on the newest of the candles.

    Args:
        candles: 5-minute candles, ascending: exactly those of the window, none `missing`.
        instrument: Whose entries it gates.
        source: Venue of the candles.
        calibration: From score to confidence.
        ttl: How long it holds, in ms from the end of the newest candle.

    Raises:
        InvariantViolation: The candles are not one whole window.
    """
    end = candles[-1].close_time if candles else 0
    if not candles or candles[0].open_time != window_start(end) or missing(candles, end):
        raise InvariantViolation(f"{instrument.symbol}: {len(candles)} candles that end at {end} are no whole window")
    votes = cast_votes(roll_up(candles, Timeframe.H1), candles[-RECENT:])
    score = round(sum(vote.weight * vote.value for vote in votes), _DECIMALS)
    confidence = calibration.confidence(abs(score))
    return MacroBias(
        source=source,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        time=end,
        open_time=candles[-1].open_time,
        direction=_direction(score, 0.0) if confidence >= calibration.directional_from else BiasDirection.NEUTRAL,
        confidence=confidence,
        score=score,
        votes=votes,
        expires_at=end + ttl,
    )


def cast_votes(hours: Sequence[Candle], recent: Sequence[Candle]) -> tuple[Vote, ...]:
    """The four votes on `HOURS` whole hours and the `RECENT` newest 5-minute candles, both ascending."""
    return (_trend(hours), _momentum(hours), _strength(hours), _volume(recent))


def _trend(hours: Sequence[Candle]) -> Vote:
    """How far the fast average of the hourly closes is above the slow one, in average true ranges."""
    fast_state = slow_state = ema.START
    atr_state = atr.START
    fast = slow = true_range = 0.0
    for candle in hours:
        close = float(candle.close)
        fast_state, fast = ema.step(fast_state, close, FAST)
        slow_state, slow = ema.step(slow_state, close, SLOW)
        atr_state, true_range = atr.step(atr_state, float(candle.high), float(candle.low), close, ATR_PERIOD)
    distance = (fast - slow) / true_range if true_range > 0.0 else 0.0
    words = f"EMA {FAST} h {fast:.6g}, EMA {SLOW} h {slow:.6g}: {distance:+.2f} average true ranges"
    return _vote("trend", distance / _TREND_SCALE, 0.25, 0.35, words)


def _momentum(hours: Sequence[Candle]) -> Vote:
    """RSI of the hourly closes, seen from its middle."""
    state, value = rsi.START, 50.0
    for candle in hours:
        state, value = rsi.step(state, float(candle.close), RSI_PERIOD)
    return _vote("momentum", (value - 50.0) / _RSI_SCALE, 0.2, 0.25, f"RSI {RSI_PERIOD} h {value:.1f}")


def _strength(hours: Sequence[Candle]) -> Vote:
    """ADX of the hours, with the sign of the stronger directional movement."""
    state, seen = adx.START, adx.Directional(0.0, 0.0, 0.0)
    for candle in hours:
        state, seen = adx.step(state, float(candle.high), float(candle.low), float(candle.close), ADX_PERIOD)
    side = (seen.plus > seen.minus) - (seen.plus < seen.minus)
    words = f"ADX {ADX_PERIOD} h {seen.adx:.1f} (+DI {seen.plus:.1f}, -DI {seen.minus:.1f})"
    return _vote("strength", side * seen.adx / _ADX_SCALE, 0.5, 0.2, words)


def _volume(recent: Sequence[Candle]) -> Vote:
    """Quantity of the rising candles minus that of the falling ones, as a share of all."""
    total = sum(float(candle.quantity) for candle in recent)
    signed = sum(float(candle.quantity) * _sign(candle) for candle in recent)
    share = signed / total if total > 0.0 else 0.0
    words = f"rising less falling candles of {len(recent) * TIMEFRAME.millis // Timeframe.H1.millis} h: {share:+.1%}"
    return _vote("volume", share, 0.1, 0.2, f"{words} of the volume")


def _sign(candle: Candle) -> int:
    return (candle.close > candle.open) - (candle.close < candle.open)


def _vote(name: str, value: float, threshold: float, weight: float, words: str) -> Vote:
    bounded = round(max(-1.0, min(1.0, value)), _DECIMALS)
    return Vote(name, _direction(bounded, threshold), bounded, threshold, weight, words)


def _direction(value: float, threshold: float) -> BiasDirection:
    if value > threshold:
        return BiasDirection.LONG
    return BiasDirection.SHORT if value < -threshold else BiasDirection.NEUTRAL
