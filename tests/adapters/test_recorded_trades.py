"""Files of any format in, one stream of trades or one clear error out."""

import gzip

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.adapters.recorded_trades import AUTO, format_names, read_recorded
from shared.adapters.wire.read_report import ReadReport
from shared.errors import InvalidInput
from tests.makers import MINUTE, START

HEADER = "timestamp,price,quantity,id"


def table(path, *times, header=HEADER):
    path.write_text("\n".join([header, *(f"{time},100,1,{time}" for time in times)]))
    return path


def read(*paths, symbol="BTCUSDT", format_name=AUTO, columns=None, report=None):
    report = report or ReadReport()
    return list(read_recorded(paths, symbol=symbol, format_name=format_name, columns=columns, report=report))


def times(trades):
    return [trade.event_time for trade in trades]


def test_formats_have_the_names_that_users_write():
    assert format_names() == [
        "binance-archive",
        "binance-frames",
        "bybit-archive",
        "bybit-frames",
        "bybit-spot-archive",
        "csv",
    ]


def test_a_special_format_goes_before_the_general_one(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(f"id,timestamp,price,volume,side\n1,{START},100,1,buy\n")
    assert read(path)[0].trade_id == f"{START}/1"
    assert read(path, format_name="csv")[0].trade_id == "1"


def test_columns_mean_a_table(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(f"{START},100,1\n")
    assert times(read(path, columns={"time": "0", "price": "1", "quantity": "2"})) == [START]


def test_files_are_one_stream_in_whatever_order_they_are_named(tmp_path):
    early = table(tmp_path / "b.csv", START, START + 1)
    late = tmp_path / "a.csv.gz"
    late.write_bytes(gzip.compress(f"{HEADER}\n{START + 2},100,1,9\n{START + 3},100,1,10".encode()))
    assert times(read(late, early)) == times(read(early, late)) == [START, START + 1, START + 2, START + 3]


def test_files_that_overlap_are_merged_by_time(tmp_path):
    first = table(tmp_path / "a.csv", START, START + 10, START + 20)
    second = table(tmp_path / "b.csv", START + 5, START + 10, START + 30)
    offsets = [time - START for time in times(read(first, second))]
    assert offsets == [0, 5, 10, 10, 20, 30]


def test_a_file_without_a_trade_of_the_symbol_is_no_fault_while_another_has_one(tmp_path):
    control = tmp_path / "a.jsonl"
    control.write_text('{"success":true,"ret_msg":"pong","op":"ping"}\n')
    report = ReadReport()
    assert times(read(control, table(tmp_path / "b.csv", START), report=report)) == [START]
    assert report.skipped == {"pong": 1}


def test_a_year_of_files_is_not_held_open_at_once(tmp_path):
    paths = [table(tmp_path / f"{day}.csv", START + day * MINUTE) for day in range(300)]
    assert len(read(*paths)) == 300


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("hello\n", {}, "format is not recognised from its first line 'hello'.*--format .*csv.*--columns"),
        ("\n \n", {}, "is empty"),
        (f"{HEADER}\n{START},1,1,1", {"format_name": "tsv"}, "unknown format 'tsv'; known: auto, binance-archive"),
        (f"{HEADER}\n", {}, "no trade of BTCUSDT in day.csv$"),
        (f"{HEADER},symbol\n{START},1,1,1,ETHUSDT", {}, "no trade of BTCUSDT in day.csv; symbols found: ETHUSDT"),
        ('{"topic":"orderbook.1.X","data":{}}\nnote', {}, r"no trade .*; 2 frames skipped \(orderbook 1, text 1\)"),
        (f"{HEADER}\n{START},1,1,1\n{START},1,,1", {}, "day.csv, line 3: '': quantity"),
    ],
)
def test_what_is_wrong_is_one_clear_error(tmp_path, content, options, text):
    path = tmp_path / "day.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=text):
        read(path, **options)


# One line of every format, so that damage to it reaches every parser.
LINES = (
    b"timestamp,price,quantity,id\n1767225600000,100,1,1\n1767225600001,100,1,2\n",
    b"id,timestamp,price,volume,side,rpi\n1,1767225600000,100,1,buy,0\n",
    b"timestamp,symbol,side,size,price,trdMatchID\n1767225600.1234,BTCUSDT,Buy,1,100,a\n",
    b"1,100,1,100,1767225600000,True,True\n",
    b'{"e":"trade","E":1,"T":1767225600000,"s":"BTCUSDT","t":8,"p":"100","q":"1","m":false}\n',
    (
        b'1 {"topic":"publicTrade.BTCUSDT","ts":1767225600000,"data":[{"T":1767225600000,"s":"BTCUSDT","S":"Buy",'
        b'"v":"1","p":"100","i":"a"}]}\n'
    ),
)


@pytest.mark.parametrize("line", LINES)
def test_a_sound_file_of_every_format_is_read_unasked(tmp_path, line):
    path = tmp_path / "trades"
    path.write_bytes(line)
    assert times(read(path))[0] // 1000 == START // 1000


def damaged(line, start, length, noise):
    return line + line[:start] + noise + line[start + length :]


def outcome(path):
    """The trades, or the text of the one error that is allowed."""
    try:
        return read(path), ""
    except InvalidInput as error:
        return [], str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    st.builds(damaged, st.sampled_from(LINES), st.integers(0, 200), st.integers(0, 200), st.binary(max_size=12)),
    st.none() | st.integers(1, 100),
)
@example(b'{"stream":"","data":' + b"[" * 200_000, None)
@example(b'{"e":"trade","E":' + b"[" * 200_000, None)
def test_a_damaged_file_is_one_clear_error_or_trades_never_anything_else(tmp_path, content, cut):
    path = tmp_path / "trades"
    path.write_bytes(content if cut is None else gzip.compress(content)[:-cut])
    trades, error = outcome(path)
    assert bool(trades) != bool(error)
    assert not error or ("trades" in error and "\n" not in error)
    assert all(trade.price > 0 and trade.quantity > 0 for trade in trades)
