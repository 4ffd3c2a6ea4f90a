"""Frames in, through the live path up to the builder; every frame counted, and every candle that is poisoned, out.

The path is the services' own: Bybit's dialect, the packer, the codec, the candle builder. A frame that is refused ends
the run, as it ends the connection.
"""

from collections import Counter
from decimal import Decimal

from shared.adapters.exchanges import bybit
from shared.adapters.websocket_talk import Skipped
from shared.domain.candle import Candle, OpenMode
from shared.domain.feed import FeedConnected, FeedTrades
from shared.domain.trade import Trade, TradePack
from shared.engine.candle_builder import CandleBuilder
from shared.engine.packer import Packer
from shared.errors import InvalidMessage
from shared.messages.catalog import TRADES
from shared.messages.codec import decode, encode
from tests.fuzz.frame_maker import SYMBOLS, MadeFrame
from tests.makers import EXCHANGE, MINUTE

_LARGEST = Decimal("1e18")
_DAY = 86_400_000
_FRAMES_IN_PACK = 20
_FRAMES_IN_HOUSE = 1_000  # then all begins anew, or one frame an hour ahead would make all that follow too late


class FrameRun:
    """Counts, and the texts of what went wrong.

    Attributes:
        frames: By fate: ``accepted`` (trades), ``control`` (answers to requests), ``ignored``, ``refused``.
        trades: In accepted frames.
        accounted: Trades that the builder folded or says why not, or that no run of ours covers.
        candles: Closed or revised.
        poisoned: Candles and trades that must not be, in words.
    """

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.trades = self.accounted = self.candles = 0
        self.poisoned: list[str] = []
        self._dialect = bybit._Dialect("linear", 600.0)
        self._runs = 0
        self._begin()

    def take(self, frame: MadeFrame) -> None:
        """One frame; whatever it raises besides the documented error is a crash."""
        now = frame.receive_time
        self._now = now
        try:
            said = self._dialect.decode(frame.data, now)
        except InvalidMessage:
            self.frames["refused"] += 1
            self._build(self._packer.disconnected(now / 1000))
            self._connect()
        else:
            if isinstance(said, FeedTrades):
                self.frames["accepted"] += 1
                self._take_trades(said)
            else:
                self.frames["ignored" if isinstance(said, Skipped) else "control"] += 1
        count = self.frames.total()
        if count % _FRAMES_IN_PACK == 0:
            self._build(self._packer.flush(now / 1000, everything=True))
        if count % _FRAMES_IN_HOUSE == 0:
            self.end()
            self._begin()

    def end(self) -> None:
        """Build what is in hand, and account for it."""
        self._build(self._packer.disconnected(self._now / 1000))
        stats = self._builder.stats
        self.accounted += stats.folded + stats.duplicates + stats.lost + stats.closed_elsewhere

    def _begin(self) -> None:
        self._now = 0
        self._builder = CandleBuilder(
            exchange=EXCHANGE, open_mode=OpenMode.PREVIOUS_CLOSE, grace=500, patience=15_000, retention=300_000
        )
        self._packer = Packer(EXCHANGE, 1, 100, lambda _trade: True)
        self._connect()

    def _connect(self) -> None:
        self._runs += 1
        self._packer.connected(FeedConnected(SYMBOLS, {}, self._now + 1_000), f"r-{self._runs}")

    def _take_trades(self, event: FeedTrades) -> None:
        self.trades += len(event.trades)
        self.accounted += sum(trade.symbol not in SYMBOLS for trade in event.trades)
        self._packer.trades(event, self._now / 1000)

    def _build(self, packs: list[TradePack]) -> None:
        for pack in packs:
            arrived = decode(encode(TRADES, pack, message_id="1"))
            self.poisoned += [f"{trade}" for trade in arrived.trades if not self._is_sane_trade(trade)]
            candles = self._builder.on_pack(arrived)
            self.candles += len(candles)
            self.poisoned += [f"{candle}" for candle in candles if not self.is_sane_candle(candle, self._now)]

    def _is_sane_trade(self, trade: Trade) -> bool:
        numbers = (trade.price, trade.quantity)
        is_sane = all(number.is_finite() and 0 < number <= _LARGEST for number in numbers)
        return is_sane and trade.symbol in SYMBOLS and 0 <= trade.event_time <= self._now + _DAY + MINUTE

    @staticmethod
    def is_sane_candle(candle: Candle, now: int) -> bool:
        """Whether it can have come from a market at this time."""
        prices = (candle.open, candle.high, candle.low, candle.close)
        sums = (candle.quantity, candle.turnover)
        if not all(number.is_finite() for number in (*prices, *sums)):
            return False
        is_in_range = 0 < candle.low <= min(prices) <= max(prices) <= candle.high <= _LARGEST
        is_summed = all(number >= 0 for number in sums) and (candle.trades > 0) == (candle.quantity > 0)
        is_timely = candle.open_time % MINUTE == 0 and abs(candle.open_time - now) <= _DAY + MINUTE
        return is_in_range and is_summed and is_timely and candle.symbol in SYMBOLS
