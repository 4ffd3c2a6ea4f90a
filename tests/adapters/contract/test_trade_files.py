"""The contract of every trade file format: the folder is listed, so a new format needs a sample here."""

from decimal import Decimal

import pytest

from shared.adapters.loader import load, names
from shared.adapters.wire.read_report import ReadReport
from shared.domain.trade import AggressorSide
from shared.errors import InvalidInput

TIME = 1_747_612_836_878
_BYBIT = '{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1747612836880,"data":[{{"T":{},"s":"BTCUSDT","S":"Buy","v":"0.10","p":"64474.20","i":"a-1","BT":false,"seq":{}}}]}}'  # noqa: E501 - a frame is one line
_BINANCE = '{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1,"T":{},"s":"BTCUSDT","t":{},"p":"64474.20","q":"0.10","X":"MARKET","m":false}}}}'  # noqa: E501 - a frame is one line
# Two trades of each format, the second one second later.
SAMPLES = {
    "bybit_archive": [
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional",
        "1747612836.8789,BTCUSDT,Buy,0.10,64474.20,PlusTick,a-1,1,1,1",
        "1747612837.8789,BTCUSDT,Buy,0.10,64474.20,PlusTick,a-2,1,1,1",
    ],
    "bybit_frames": [
        _BYBIT.format(TIME, 5),
        f"1758841138293664629 {_BYBIT.format(TIME + 1000, 6).replace('a-1', 'a-2')}",
    ],
    "bybit_spot_archive": [
        "id,timestamp,price,volume,side,rpi",
        f"1,{TIME},64474.20,0.10,buy,0",
        f"2,{TIME + 1000},64474.20,0.10,buy,0",
    ],
    "binance_archive": [
        f"5266583935,64474.20,0.10,6447.42,{TIME}000,False,True",
        f"5266583936,64474.20,0.10,6447.42,{TIME + 1000}000,False,True",
    ],
    "binance_frames": [_BINANCE.format(TIME, 8), f"1618677786.799668: {_BINANCE.format(TIME + 1000, 9)}"],
    "csv": ["date,price,amount,side", f"{TIME},64474.20,0.10,buy", f"{TIME + 1000},64474.20,0.10,b"],
}
FORMATS = names("trade_files")


def read(name, lines, **options):
    options.setdefault("report", ReadReport("file"))
    return list(load("trade_files", name).read(lines, **{"symbol": "BTCUSDT", "columns": None} | options))


def test_every_format_has_a_sample():
    assert sorted(SAMPLES) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_trades_come_out_exact_and_in_order(name):
    first, second = read(name, SAMPLES[name])
    assert (first.symbol, first.event_time, second.event_time) == ("BTCUSDT", TIME, TIME + 1000)
    assert (str(first.price), str(first.quantity)) == ("64474.20", "0.10")
    assert first.aggressor_side is second.aggressor_side is AggressorSide.BUY
    assert 0 < first.sequence < second.sequence
    assert first.trade_id != second.trade_id or name == "csv"


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_recognises_itself_and_no_special_one_recognises_another(name):
    recognised = {other for other in FORMATS if load("trade_files", other).recognises(SAMPLES[name][0])}
    assert recognised - {"csv"} == {name} - {"csv"}
    assert recognised


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("line", ["", "hello", "\x01\x02", "{", "[]", "1,2,3", "{}"])
def test_nonsense_is_recognised_by_nobody(name, line):
    assert not load("trade_files", name).recognises(line)


@pytest.mark.parametrize("name", FORMATS)
def test_a_line_that_is_cut_off_is_named(name):
    lines = [*SAMPLES[name][:-1], SAMPLES[name][-1][: len(SAMPLES[name][-1]) // 2]]
    with pytest.raises(InvalidInput, match=f"file, line {len(lines)}: "):
        read(name, lines)


@pytest.mark.parametrize("name", ["bybit_archive", "bybit_frames", "binance_frames"])
def test_files_that_name_symbols_are_filtered(name):
    report = ReadReport("file")
    assert read(name, SAMPLES[name], symbol="ETHUSDT", report=report) == []
    assert report.symbols == {"BTCUSDT"}


@pytest.mark.parametrize("name", FORMATS)
def test_reading_is_lazy(name):
    def endless():
        yield from SAMPLES[name]
        raise AssertionError("read ahead")

    trades = load("trade_files", name).read(endless(), symbol="BTCUSDT", columns=None, report=ReadReport())
    assert next(trades).price == Decimal("64474.20")


def test_spot_archive_ids_of_two_days_differ_although_both_count_from_one():
    header, row, _ = SAMPLES["bybit_spot_archive"]
    (today,) = read("bybit_spot_archive", [header, row])
    (tomorrow,) = read("bybit_spot_archive", [header, row.replace(str(TIME), str(TIME + 86_400_000))])
    assert today.trade_id != tomorrow.trade_id
    assert today.trade_id == read("bybit_spot_archive", [header, row])[0].trade_id


def test_the_binance_archive_is_read_with_header_too_and_the_maker_is_not_the_aggressor():
    header = "id,price,qty,quote_qty,time,is_buyer_maker"
    lines = [header, f"1,2,3,6,{TIME},true"]
    assert load("trade_files", "binance_archive").recognises(header)
    (trade,) = read("binance_archive", lines)
    assert (trade.event_time, trade.aggressor_side, trade.trade_id) == (TIME, AggressorSide.SELL, "1")
    with pytest.raises(InvalidInput, match="'maybe': side: is_buyer_maker"):
        read("binance_archive", [header, f"1,2,3,6,{TIME},maybe"])


def test_control_and_foreign_frames_are_counted_by_kind():
    report = ReadReport()
    bybit = [
        '{"success":true,"ret_msg":"","op":"subscribe","req_id":"a"}',
        '{"success":false,"ret_msg":"error:handler not found,topic:publicTrade.X","op":"subscribe"}',
        '{"success":true,"ret_msg":"pong","op":"ping"}',
        '{"topic":"orderbook.1.BTCUSDT","data":{}}',
        '{"topic":"trade.BCHUSDT","data":[{"symbol":"BCHUSDT"}]}',
    ]
    assert read("bybit_frames", bybit, report=report) == []
    assert report.skipped == {"subscribed": 1, "refused": 1, "pong": 1, "orderbook": 1, "foreign": 1}
    report = ReadReport()
    binance = [
        '{"result":null,"id":1}',
        '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"BTCUSDT"}}',
        '{"u":400900217,"s":"BNBUSDT","b":"25.35190000"}',
        _BINANCE.format(TIME, 7).replace("MARKET", "NA"),
    ]
    assert read("binance_frames", binance, report=report) == []
    assert report.skipped == {"foreign": 2, "aggTrade": 1, "not a market trade": 1}


@pytest.mark.parametrize("name", ["bybit_frames", "binance_frames"])
def test_frames_have_no_columns(name):
    with pytest.raises(InvalidInput, match="--columns does not go with"):
        read(name, SAMPLES[name], columns={"time": "0"})


@pytest.mark.parametrize(
    ("field", "value"),
    [('"p":"64474.20"', '"p":"x"'), ('"q":"0.10"', '"q":"-1"'), ('"t":8', '"t":8.5'), ('"m":false', '"m":0')],
)
def test_a_broken_binance_trade_is_named(field, value):
    with pytest.raises(InvalidInput, match=r"file, line 1: .*frame: "):
        read("binance_frames", [_BINANCE.format(TIME, 8).replace(field, value)])


def test_old_bybit_frames_without_sequence_keep_the_order_of_the_lines():
    lines = [_BYBIT.format(TIME, 0).replace("a-1", f"a-{n}") for n in range(3)]
    assert [trade.sequence for trade in read("bybit_frames", lines)] == [1, 2, 3]
