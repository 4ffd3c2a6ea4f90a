"""Real recordings through ``tracker trades-to-ohlcv``, against the venue's own candles or an independent count."""

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from services.cli.main import main
from tests.makers import MINUTE, recorded


@pytest.fixture
def convert(tmp_path, capsys):
    """Runs the command; returns its JSON and the rows by open time."""

    def run(path, symbol, *options):
        out = tmp_path / "candles.csv"
        code = main(["trades-to-ohlcv", str(path), "--symbol", symbol, "--out", str(out), "--json", *options])
        assert code == 0, capsys.readouterr().err
        with out.open() as file:
            rows = [{name: Decimal(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
        times = [int(row["open_time"]) for row in rows]
        assert times == list(range(times[0], times[-1] + MINUTE, MINUTE)), "one row per minute, sorted"
        return json.loads(capsys.readouterr().out), dict(zip(times, rows, strict=True))

    return run


def table(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    return path


def minute_of(millis):
    return millis - millis % MINUTE


def test_krakens_own_candles_are_met_in_every_full_minute(convert, tmp_path):
    def exact(*parts):
        return json.loads(recorded("rest", *parts).read_text(), parse_float=str)["result"]["XBTUSDT"]

    trades = exact("kraken_public_Trades_XBTUSDT_2025-11-10.json")
    source = table(tmp_path / "t.csv", "price,volume,time,side,id", ([*row[:4], row[6]] for row in trades))
    columns = "time=time,price=price,quantity=volume,side=side,id=id"
    done, rows = convert(source, "XBTUSDT", "--columns", columns, "--contiguous-ids")
    assert (done["trades"], done["incomplete"], done["duplicates"]) == (1000, 0, 0)

    # The trades begin and end inside a minute, and the venue's last candle was still open.
    first, last = min(rows), max(rows)
    compared, mismatches = Counter(), []
    for start, *numbers, count in exact("kraken_public_OHLC_XBTUSDT_1m_2025-11-10.json")[:-1]:
        if not first < start * 1000 < last:
            continue
        row = rows[start * 1000]
        ours = [row[name] for name in ("open", "high", "low", "close", "quantity", "trades")]
        theirs = [Decimal(numbers[place]) for place in (0, 1, 2, 3, 5)] + [count]
        compared["empty" if count == 0 else "traded"] += 1
        if ours != theirs:
            mismatches.append((start, ours, theirs))
    assert mismatches == []
    assert compared == {"traded": 272, "empty": 137}


def test_a_thin_spot_day_has_every_minute_and_its_empty_ones_are_flat(convert):
    done, rows = convert(recorded("trades", "bybit_spot_1INCHUSDT_2025-05-19.csv.gz"), "1INCHUSDT")
    assert (done["rows"], done["trades"], done["incomplete"]) == (1440, 6682, 0)
    empty = [time for time, row in rows.items() if row["trades"] == 0]
    assert (len(rows) - len(empty), len(empty)) == (1061, 379)
    for time in empty:
        row, before = rows[time], rows[time - MINUTE]
        assert {row[name] for name in ("open", "high", "low", "close")} == {before["close"]}
        assert row["quantity"] == row["turnover"] == 0


def test_a_second_implementation_makes_the_same_candles_of_the_same_trades(convert, tmp_path):
    name = "freqtrade_binance_XRPETH_trades_2019-10-11_2019-10-13.json.gz"
    with gzip.open(recorded("trades", name), "rt") as file:
        trades = json.load(file, parse_float=str)
    header = "timestamp,id,side,price,amount"
    source = table(tmp_path / "t.csv", header, ([row[0], row[1], *row[3:6]] for row in trades))
    done, rows = convert(source, "XRPETH", "--contiguous-ids")
    assert (done["trades"], done["incomplete"]) == (12_477, 0)

    with gzip.open(recorded("candles", "freqtrade_binance_XRPETH_1m.csv.gz"), "rt") as file:
        theirs = list(csv.DictReader(file))[1:-1]
    names = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "quantity"}
    mismatches = [
        row
        for row in theirs
        if any(Decimal(row[name]) != rows[int(row["start_ms"])][ours] for name, ours in names.items())
    ]
    assert (len(theirs), mismatches) == (2467, [])
    traded = {int(row["start_ms"]) for row in theirs}
    between = [row for time, row in rows.items() if min(traded) < time < max(traded) and time not in traded]
    assert all(row["trades"] == 0 for row in between)


@pytest.mark.parametrize(
    ("name", "trades", "minutes"),
    [
        ("binance_usdm_btcusdt_trade_frames_2024-08-08.txt.gz", 21_313, 6),
        ("binance_spot_btcusdt_trade_frames_2024-08-08.txt.gz", 9_757, 7),
    ],
)
def test_every_frame_is_counted_in_its_minute_across_midnight(convert, name, trades, minutes):
    path = recorded("ws_raw", name)
    with gzip.open(path, "rt") as file:
        events = [json.loads(line.partition(" ")[2])["data"] for line in file]
    counts = Counter(minute_of(event["T"]) for event in events)
    volumes = Counter()
    for event in events:
        volumes[minute_of(event["T"])] += Decimal(event["q"])
    done, rows = convert(path, "BTCUSDT", "--contiguous-ids")
    assert (done["trades"], done["rows"], done["incomplete"], done["skipped"]) == (trades, minutes, 0, {})
    assert {time: row["trades"] for time, row in rows.items()} == counts
    assert {time: row["quantity"] for time, row in rows.items()} == volumes


def test_exactly_the_minutes_touched_by_a_break_in_the_ids_are_incomplete(convert):
    path = recorded("trades", "binance_LTCUSDT_trades_2025-06-21.csv.gz")
    with gzip.open(path, "rt") as file:
        trades = sorted((int(row["tradeId"]), int(row["timestamp"])) for row in csv.DictReader(file))
    breaks = [(before, after) for before, after in pairwise(trades) if after[0] != before[0] + 1]
    touched = {
        minute
        for (_, last_seen), (_, first_seen) in breaks
        for minute in range(minute_of(last_seen), minute_of(first_seen) + 1, MINUTE)
    }
    assert len(breaks) == 16
    done, rows = convert(path, "LTCUSDT", "--contiguous-ids")
    assert {time for time, row in rows.items() if row["complete"] == 0} == touched
    assert (done["trades"], done["incomplete"]) == (53_325, len(touched))
    assert convert(path, "LTCUSDT")[0]["incomplete"] == 0


def test_the_order_of_the_rows_changes_nothing(convert, tmp_path):
    with gzip.open(recorded("trades", "binance_LTCUSDT_trades_2025-06-21.csv.gz"), "rt") as file:
        header, *lines = file.read().splitlines()
    backwards = [line for place in range(0, len(lines), 500) for line in reversed(lines[place : place + 500])]
    disordered = table(tmp_path / "t.csv", header, ([line] for line in backwards))
    for options in ([], ["--contiguous-ids"]):
        _, expected = convert(recorded("trades", "binance_LTCUSDT_trades_2025-06-21.csv.gz"), "LTCUSDT", *options)
        assert convert(disordered, "LTCUSDT", *options)[1] == expected


def test_a_recorded_session_gives_its_trades_and_counts_the_rest(convert):
    done, rows = convert(recorded("ws_raw", "bybit_v5_spot_testnet_session_2026-09-13.jsonl"), "BTCUSDT")
    assert (done["trades"], done["rows"]) == (8, len(rows))
    assert done["skipped"] == {"orderbook": 2, "pong": 1, "refused": 1, "subscribed": 1}


@pytest.mark.parametrize("chosen", [[], ["--format", "bybit-frames"]])
def test_an_old_protocol_gives_no_trade_and_says_so(tmp_path, capsys, chosen):
    path = recorded("ws_raw", "cryptofeed_BYBIT.ws.25.0.txt.gz")
    out = tmp_path / "candles.csv"
    assert main(["trades-to-ohlcv", str(path), "--symbol", "XTZUSDT", "--out", str(out), *chosen]) == 2
    error = capsys.readouterr().err
    assert (
        "no trade of XTZUSDT in cryptofeed_BYBIT.ws.25.0.txt.gz; 3359 frames skipped (foreign 3342, text 17)" in error
    )
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_sparse_trades_without_header_or_id_are_read_by_numbers(convert):
    path = recorded("trades", "kraken_BCHEUR_trades_2023-01-01.csv.gz")
    done, _ = convert(path, "BCHEUR", "--columns", "time=0,price=1,quantity=2")
    assert (done["trades"], done["duplicates"], done["incomplete"]) == (148, 0, 0)
