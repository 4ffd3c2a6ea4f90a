"""Markets and a strategy in, every result and the account out: one thread per market, as machine code needs no lock."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from shared.backtest.account import Account, Costs, Limits, Traded, account, net_of
from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.candle_parts import part
from shared.backtest.numeric_strategy import NumericStrategy
from shared.backtest.positions import ClosedPosition, closed_positions_of, walked
from shared.engine.statistics import Record, record
from shared.errors import InvalidInput

_FEW = 16


@dataclass(frozen=True, slots=True)
class Result:
    """A closed position as the account had it.

    Attributes:
        position: See there.
        net_pct: After costs, in percent of the entry price.
        size: In units of the first equity; 0 where the account had nothing left for it.
    """

    position: ClosedPosition
    net_pct: float
    size: float


@dataclass(frozen=True)
class Run:
    """What came of a strategy.

    Attributes:
        strategy: Its name and parameters.
        traded: The markets with the positions taken in them.
        costs: See there.
        account: See there.
        bars: Candles of all markets.
        still_open: Positions that were open at the end of their candles: in no result and no equity.
    """

    strategy: NumericStrategy
    traded: Sequence[Traded]
    costs: Costs
    account: Account
    bars: int
    still_open: int

    @cached_property
    def results(self) -> list[Result]:
        """All markets', ascending by exit."""
        results = [
            Result(position, net, size)
            for (candles, records), sizes in zip(self.traded, self.account.sizes, strict=True)
            for position, net, size in zip(
                closed_positions_of(candles, self.strategy.name, records),
                net_of(records, self.costs).tolist(),
                sizes.tolist(),
                strict=True,
            )
        ]
        return sorted(results, key=lambda result: (result.position.exit_time, result.position.symbol))

    @cached_property
    def record(self) -> Record:
        """What the net results show."""
        return record([result.net_pct for result in self.results])


def run(markets: Sequence[CandleArrays], strategy: NumericStrategy, costs: Costs, limits: Limits) -> Run:
    """Walk all markets and keep the account.

    Raises:
        InvalidInput: The markets are not of one timeframe.
    """
    lengths = sorted({market.timeframe for market in markets})
    if len(lengths) > 1:
        raise InvalidInput(f"candles of {' and '.join(lengths)} cannot share an account: test them one by one")
    with ThreadPoolExecutor(len(markets)) as pool:
        walks = list(pool.map(lambda market: walked(market, strategy), markets))
    traded = [Traded(market, records) for market, (records, _) in zip(markets, walks, strict=True)]
    kept = account(traded, strategy.rules.exits, costs, limits)
    still_open = sum(book.led.direction != 0 for _, book in walks)
    return Run(strategy, traded, costs, kept, sum(map(len, markets)), still_open)


def warm(market: CandleArrays, strategy: NumericStrategy, costs: Costs, limits: Limits) -> None:
    """Make the machine code, by a run over the first few candles; from then on a run takes as long as it takes."""
    run([part(market, slice(_FEW))], strategy, costs, limits)
