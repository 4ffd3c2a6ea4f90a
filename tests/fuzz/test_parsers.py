"""Whatever bytes a parser is given, it answers with a sane value or with the error its docstring names."""

import asyncio
import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters import loader
from shared.adapters.candle_files import csv as candle_csv
from shared.adapters.clock.manual import ManualClock
from shared.adapters.notifiers import telegram
from shared.adapters.wire import bybit
from shared.adapters.wire.candle_rows import CandleReport
from shared.adapters.wire.read_report import ReadReport
from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.domain.trade import Trade, TradePack
from shared.errors import ConfigurationError, InvalidInput, InvalidMessage, Refused, TrackerError, Unavailable
from shared.messages.catalog import CANDLES, CONTRACTS, SIGNALS, TRADES
from shared.messages.codec import decode, encode, from_json
from shared.ports import Message
from shared.runtime.settings import load
from tests.fuzz.nasty import nearly, texts, values
from tests.makers import EXCHANGE, MINUTE, START, SYMBOL, make_candle, make_pack, make_signal, make_trade

HTTPXRequest = pytest.importorskip("telegram.request").HTTPXRequest

LAST_TIME = 253_402_300_799_999
CHECKS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FILL = {"T": START, "s": SYMBOL, "S": "Buy", "v": "0.1", "p": "2", "i": "a", "BT": False, "RPI": False, "seq": 1}
FRAME = {"topic": f"publicTrade.{SYMBOL}", "ts": START, "type": "snapshot", "data": [FILL, FILL]}
ACK = {"success": False, "ret_msg": "error,topic:publicTrade.X", "conn_id": "c", "req_id": "1", "op": "subscribe"}


def answer(result: object) -> dict[str, object]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "time": START + 9 * MINUTE}


KLINES = answer({"symbol": SYMBOL, "list": [[str(START), "2", "4", "1", "3", "5", "15"]]})
LISTED = answer({"list": [{"symbol": SYMBOL, "status": "Trading"}], "nextPageCursor": ""})
TIME = answer({"timeSecond": "1767225600", "timeNano": "1767225600000000000"})


def is_sane(number: Decimal) -> bool:
    return number.is_finite() and 0 <= number <= 10**18 and number.adjusted() > -100


def assert_sane_trade(trade: Trade) -> None:
    assert is_sane(trade.price)
    assert is_sane(trade.quantity)
    assert trade.price * trade.quantity > 0
    assert 0 <= trade.event_time <= LAST_TIME


def assert_sane_candle(candle: Candle) -> None:
    prices = (candle.open, candle.high, candle.low, candle.close)
    assert all(map(is_sane, (*prices, candle.quantity, candle.turnover)))
    assert 0 < candle.low == min(prices) <= max(prices) == candle.high
    assert 0 <= candle.open_time <= LAST_TIME
    assert candle.open_time % candle.timeframe.millis == 0


@CHECKS
@given(nearly(FRAME) | nearly(ACK) | st.binary())
def test_a_frame_gives_sane_trades_or_is_refused(data):
    with contextlib.suppress(InvalidMessage):
        said = bybit.decode(data)
        for trade in said.trades if isinstance(said, bybit.TradesFrame) else ():
            assert_sane_trade(trade)
            assert trade.event_time <= said.venue_time + 10_000


@CHECKS
@given(nearly(KLINES), st.sampled_from([Timeframe.M1, Timeframe.D1]))
def test_klines_give_sane_candles_that_are_over_or_are_refused(data, timeframe):
    with contextlib.suppress(InvalidMessage, Refused, Unavailable):
        for candle in bybit.parse_klines(EXCHANGE, data, timeframe, START):
            assert_sane_candle(candle)


@CHECKS
@given(nearly(LISTED) | nearly(TIME))
def test_listings_and_times_are_read_or_refused(data):
    for parse in (bybit.parse_instruments, bybit.parse_venue_time):
        with contextlib.suppress(InvalidMessage, Refused, Unavailable):
            parse(data)


EXAMPLES = {
    TRADES: make_pack(0, START, (make_trade(START), make_trade(START + 1))),
    CANDLES: make_candle(looks=[(START + 15_000, "2", "1")]),
    SIGNALS: make_signal(decision={"rsi": 30.5, "pivots": [1, 2]}),
}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
@CHECKS
@given(data=st.data())
def test_a_message_is_what_its_contract_says_or_is_refused(contract, data):
    example = EXAMPLES.get(contract)
    body = {"symbol": SYMBOL, "time": START}
    if example is not None:
        body = json.loads(encode(contract, example, message_id="1").data)
    message = Message(data.draw(nearly(body)), {"type": contract.name, "version": str(contract.version)})
    with contextlib.suppress(InvalidMessage):
        value = decode(message)
        assert isinstance(value, contract.payload)
        encode(contract, value, message_id="1")
        if isinstance(value, Candle):
            numbers = (value.open, value.high, value.low, value.close, value.quantity, value.turnover)
            assert all(len(f"{number:f}") < 20_000 for number in numbers)
        if isinstance(value, TradePack):
            assert all(trade.price.is_finite() and trade.quantity.is_finite() for trade in value.trades)
            assert all(0 <= time <= LAST_TIME for time in (value.watermark, *(t.event_time for t in value.trades)))
    with contextlib.suppress(InvalidMessage):
        from_json(message.data, contract.payload)


ROWS = {
    "binance_archive": "1,83.29,0.107,8.9,1750507467356,true,true",
    "binance_frames": '{"e":"trade","E":1,"s":"BTCUSDT","T":1750507467356,"t":1,"p":"1","q":"2","m":true,"X":"MARKET"}',
    "bybit_archive": "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
    "foreignNotional",
    "bybit_frames": json.dumps(FRAME),
    "bybit_spot_archive": "id,timestamp,price,volume,side,rpi",
    "csv": "timestamp,price,quantity,side,id\n1750507467356,83.29,0.107,buy,1",
}
CELLS = ["1750507467356", "1750507467.35", "83.29", "0.107", "buy", "Sell", SYMBOL, "1", "true", "2026-01-01T00:00Z"]
OFFSETS = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "10000-01-01", "2026-13-01", "24:00"]
rows = st.lists(st.sampled_from(CELLS + OFFSETS) | texts.map(lambda text: text[:500]), max_size=11).map(",".join)


@pytest.mark.parametrize("name", loader.names("trade_files"))
@CHECKS
@given(data=st.data())
def test_a_trade_file_gives_sane_trades_or_names_its_fault(name, data):
    row = ROWS[name]
    frame = nearly(json.loads(row)).map(lambda raw: raw.decode(errors="replace")) if row.startswith("{") else rows
    lines = row.split("\n") + data.draw(st.lists(frame | rows, max_size=4))
    reader = loader.load("trade_files", name)
    reader.recognises(lines[-1])
    with contextlib.suppress(InvalidInput):
        for trade in reader.read(iter(lines), symbol=SYMBOL, columns=None, report=ReadReport()):
            assert_sane_trade(trade)


@CHECKS
@given(st.lists(rows | st.just(f"{START},2,4,1,3,5"), max_size=5), st.binary(max_size=20))
def test_a_candle_file_gives_sane_candles_or_names_its_fault(tmp_path_factory, lines, tail):
    path = tmp_path_factory.mktemp("fuzz") / "candles.csv"
    path.write_bytes("\n".join(["open_time,open,high,low,close,quantity", *lines]).encode(errors="replace") + tail)
    instrument, report = Instrument(EXCHANGE, SYMBOL), CandleReport()
    with contextlib.suppress(InvalidInput):
        found = candle_csv.read(path, instrument=instrument, timeframe=Timeframe.M1, columns=None, report=report)
        for candle in found:
            assert_sane_candle(candle)


MESSAGE = {"message_id": 7, "date": 1, "chat": {"id": -100, "type": "channel", "title": "S"}, "text": "a"}
SENT = {"ok": True, "result": MESSAGE}
FAILED = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3}}
PRESS = {"id": "q", "from": {"id": 5, "is_bot": False, "first_name": "A"}, "chat_instance": "1", "data": "c"}
UPDATES = {"ok": True, "result": [{"update_id": 1, "callback_query": PRESS | {"message": MESSAGE}}]}


async def told(status: int, body: bytes, *, press: bool) -> None:
    """Give the notifier one answer, again and again while it polls for presses."""
    clock = ManualClock()
    notifier = telegram.create(telegram.Options(token="1:fuzz", base_url="http://127.0.0.1:1/bot"), clock)

    async def respond(*_args, **_fields):
        await asyncio.sleep(0)
        return status, body

    for transport in notifier._bot._request:
        transport.do_request = respond
    try:
        if press:
            pressed = asyncio.ensure_future(anext(notifier.presses()))
            for _ in range(20):
                await asyncio.sleep(0)
                clock.advance_to(clock.now() + 10**15)
            pressed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pressed
        else:
            await notifier.send("-100", "text", ())
    finally:
        await notifier.close()


@CHECKS
@given(st.sampled_from([200, 400, 401, 429, 500]), nearly(SENT) | nearly(FAILED) | nearly(UPDATES), st.booleans())
def test_whatever_telegram_answers_becomes_an_error_of_ours(status, body, press):
    with contextlib.suppress(TrackerError):
        asyncio.run(told(status, body, press=press))


SETTINGS = ["SYMBOLS", "INGESTOR__SHARDS", "INGESTOR__CLOCK_ALARM", "PAGE__PORT", "AGGREGATOR__GRACE", "LOG__LEVEL"]
variables = texts.filter(lambda text: "\0" not in text)  # no process can be given one
SETTINGS += ["STRATEGIES__X__Y", "EXCHANGE", "BYBIT__SILENCE", "SCALED__SPEED", "INGESTOR", "A____B", "", "_FILE"]


@CHECKS
@given(st.dictionaries(st.sampled_from(SETTINGS) | st.text("ABC_", max_size=9), variables, max_size=4))
def test_an_environment_gives_settings_or_names_every_fault(named):
    environment = {f"TRACKER__{name}": text for name, text in named.items()}
    with contextlib.suppress(ConfigurationError, Unavailable):
        made = load(None, environment, default_file=None)
        made.options("exchanges")
        made.options("clock", "scaled")
        made.redacted()


@CHECKS
@given(st.dictionaries(st.sampled_from(["silence", "category", "ws_url", "ban_wait", "nothing"]), values, max_size=3))
def test_options_of_an_adapter_give_values_or_name_every_fault(section):
    with contextlib.suppress(ConfigurationError):
        load(None, {}, {"bybit": section}, default_file=None).options("exchanges")
