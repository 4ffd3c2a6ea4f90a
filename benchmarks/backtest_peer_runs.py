"""One peer's backtest, run by the peer's own interpreter for ``backtest_peers.py``; it knows nothing of our house.

Usage: python benchmarks/backtest_peer_runs.py PEER DATA.npz ROUNDS. DATA has float64 open, high, low, close, volume,
int8 signal (1 long, -1 short, 0), int64 time (ms) and the numbers take_profit, stop_loss, fee, slippage (shares).
Prints one JSON object: seconds of CPU by round, trades, bars, version.
"""

import json
import sys
import time
from decimal import Decimal
from importlib.metadata import version

import numpy as np
import pandas as pd

Data = dict[str, np.ndarray]

WARM_UP_BARS = 2_000


def frame_of(data: Data, bars: int) -> pd.DataFrame:
    columns = {name: data[name.lower()][:bars] for name in ("Open", "High", "Low", "Close", "Volume")}
    return pd.DataFrame(columns, index=pd.to_datetime(data["time"][:bars], unit="ms", utc=True))


def vectorbt(data: Data, bars: int) -> int:
    import vectorbt as vbt  # noqa: PLC0415 - each interpreter has one peer

    signal = data["signal"][:bars]
    portfolio = vbt.Portfolio.from_signals(
        *(pd.Series(data[name][:bars]) for name in ("close",)),
        entries=pd.Series(signal == 1), short_entries=pd.Series(signal == -1),
        exits=pd.Series(np.zeros(bars, bool)), short_exits=pd.Series(np.zeros(bars, bool)),
        open=pd.Series(data["open"][:bars]), high=pd.Series(data["high"][:bars]), low=pd.Series(data["low"][:bars]),
        tp_stop=float(data["take_profit"]), sl_stop=float(data["stop_loss"]),
        stop_entry_price="close", stop_exit_price="stoplimit", upon_opposite_entry="ignore", accumulate=False,
        fees=float(data["fee"]), slippage=float(data["slippage"]), freq="1min",
    )  # fmt: skip
    portfolio.value()
    return int(portfolio.trades.closed.count())


def backtesting(data: Data, bars: int) -> int:
    from backtesting import Backtest, Strategy  # noqa: PLC0415 - each interpreter has one peer

    signal, profit, loss = data["signal"], float(data["take_profit"]), float(data["stop_loss"])

    class Given(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            side = signal[len(self.data) - 1]
            if side and not self.position:
                price = self.data.Close[-1]
                order = self.buy if side > 0 else self.sell
                order(size=0.5, sl=price * (1 - side * loss), tp=price * (1 + side * profit))

    test = Backtest(
        frame_of(data, bars).tz_localize(None), Given, cash=1e9, trade_on_close=True, finalize_trades=False,
        commission=float(data["fee"]), spread=2 * float(data["slippage"]),
    )  # fmt: skip
    return len(test.run()["_trades"])


def nautilus(data: Data, bars: int) -> int:
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # noqa: PLC0415
    from nautilus_trader.config import LoggingConfig  # noqa: PLC0415
    from nautilus_trader.model.currencies import USDT  # noqa: PLC0415
    from nautilus_trader.model.data import BarType  # noqa: PLC0415
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide  # noqa: PLC0415
    from nautilus_trader.model.identifiers import Venue  # noqa: PLC0415
    from nautilus_trader.model.objects import Money  # noqa: PLC0415
    from nautilus_trader.persistence.wranglers import BarDataWrangler  # noqa: PLC0415
    from nautilus_trader.test_kit.providers import TestInstrumentProvider  # noqa: PLC0415
    from nautilus_trader.trading.strategy import Strategy  # noqa: PLC0415

    instrument = TestInstrumentProvider.btcusdt_perp_binance()
    kind = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    signal, profit, loss = data["signal"], float(data["take_profit"]), float(data["stop_loss"])

    class Given(Strategy):
        seen, taken = -1, 0

        def on_start(self) -> None:
            self.subscribe_bars(kind)

        def on_bar(self, bar: object) -> None:
            self.seen += 1
            side = int(signal[self.seen])
            if side and self.portfolio.is_flat(instrument.id) and not self.cache.orders_open_count():
                price = float(bar.close)
                brackets = self.order_factory.bracket(
                    instrument_id=instrument.id, order_side=OrderSide.BUY if side > 0 else OrderSide.SELL,
                    quantity=instrument.make_qty(Decimal("0.1")),
                    sl_trigger_price=instrument.make_price(price * (1 - side * loss)),
                    tp_price=instrument.make_price(price * (1 + side * profit)),
                )  # fmt: skip
                self.submit_order_list(brackets)

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("BINANCE"), OmsType.NETTING, AccountType.MARGIN, starting_balances=[Money(10_000_000, USDT)]
    )  # fmt: skip
    engine.add_instrument(instrument)
    frame = frame_of(data, bars).rename(columns=str.lower)
    engine.add_data(BarDataWrangler(kind, instrument).process(frame))
    engine.add_strategy(Given())
    began = time.process_time()
    engine.run()
    nautilus.seconds = time.process_time() - began  # the wrangling of bars is not counted
    closed = len(engine.cache.positions_closed()) + len(engine.cache.position_snapshots())
    engine.dispose()
    return closed


PEERS = {"vectorbt": vectorbt, "backtesting": backtesting, "nautilus_trader": nautilus}
MOST_BARS = {"backtesting": 100_000, "nautilus_trader": 50_000}  # those that take microseconds a bar and more


def main() -> None:
    name, path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    data = dict(np.load(path))
    run, bars = PEERS[name], min(len(data["close"]), MOST_BARS.get(name, len(data["close"])))
    began = time.process_time()
    run(data, WARM_UP_BARS)
    first = time.process_time() - began
    seconds, trades = [], 0
    for _ in range(rounds):
        began = time.process_time()
        trades = run(data, bars)
        seconds.append(getattr(run, "seconds", time.process_time() - began))
    print(json.dumps({"seconds": seconds, "first": first, "trades": trades, "bars": bars, "version": version(name)}))


if __name__ == "__main__":
    main()
