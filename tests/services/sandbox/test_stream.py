from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket
from services.sandbox.stream import LiveStream
from shared.adapters.clock.manual import ManualClock
from tests.makers import START, make_trade


class Recorder:
    def __init__(self, category="linear"):
        self.category = category
        self.trades = 0

    def offer(self, text, trades):
        assert text.count('"T":') == trades
        self.trades += trades


def make(clock, **options):
    trades = [make_trade(START + second * 1_000) for second in range(120)]
    return LiveStream(clock, RecordedMarket(trades, start=START), **options)


def test_each_listener_gets_each_trade_once_from_its_subscription_on():
    clock = ManualClock(START)
    stream, early, late = make(clock), Recorder(), Recorder("spot")
    stream.subscribe(early, ["BTCUSDT"])
    clock.advance_to(START + 30_500)
    stream.subscribe(late, ["BTCUSDT"])
    stream.catch_up()
    assert (early.trades, late.trades) == (31, 0)
    clock.advance_to(START + MINUTE)
    stream.unsubscribe(early, ["BTCUSDT"])
    stream.catch_up()
    assert (early.trades, late.trades) == (31, 29)


def test_the_last_trades_are_those_before_now():
    clock = ManualClock(START + 90_500)
    stream = make(clock)
    assert [trade.event_time for trade in stream.latest("BTCUSDT", 3)] == [START + n * 1_000 for n in (88, 89, 90)]
    assert len(stream.latest("BTCUSDT", 500)) == 91


def test_time_stands_until_a_waiting_market_is_opened():
    clock = ManualClock(START)
    stream = make(clock, wait_for_client=True)
    clock.advance_to(START + MINUTE)
    assert (stream.now(), stream.is_open) == (START, False)
    stream.open()
    assert (stream.now(), stream.is_open) == (START + MINUTE, True)
