"""Header rows and --columns in, places of columns or one clear error out."""

import pytest

from shared.adapters.wire.columns import find_columns, is_header, open_table, parse_columns, split_rows
from shared.adapters.wire.read_report import ReadReport
from shared.errors import InvalidInput

ALIASES = {"time": ("timestamp", "ts"), "price": ("price",), "id": ("id",)}


def table(lines, columns=None, required=("time", "price")):
    report = ReadReport("a.csv")
    return open_table(split_rows(report.follow(lines), report), ALIASES, required, columns, report)


def test_usual_names_are_found_whatever_their_case_and_the_first_alias_wins():
    assert find_columns(["ts", "Timestamp", "PRICE"], ALIASES) == {"time": 1, "price": 2}


def test_a_header_holds_no_number():
    assert is_header(["time", "price"])
    assert is_header(["time", ""])
    assert not is_header(["2025-01-01", "3.5"])
    assert not is_header(["one cell"])


@pytest.mark.parametrize(
    ("lines", "columns", "rows"),
    [
        (["ts,price,x", "1,2,3"], None, [("1", "2")]),
        (["a, b", "1,2", "", "3,4"], {"time": "b", "price": "a"}, [("2", "1"), ("4", "3")]),
        (["1,2", "3,4"], {"time": "1", "price": "0"}, [("2", "1"), ("4", "3")]),
        (["a,b", "1,2"], {"time": "0", "price": "1"}, [("1", "2")]),
        (['"ts","price"', '"1","2"'], None, [("1", "2")]),
    ],
)
def test_columns_are_found_by_usual_name_by_given_name_or_by_number(lines, columns, rows):
    found = table(lines, columns)
    assert [(row[found.places["time"]], row[found.places["price"]]) for row in found.rows] == rows


@pytest.mark.parametrize(
    ("lines", "columns", "text"),
    [
        ([], None, "holds no row"),
        (["ts,amount", "1,2"], None, "no column for price.*--columns price=.*has: ts, amount"),
        (["1,2"], None, "no header.*--columns"),
        (["a,b", "1,2"], {"time": "c", "price": "b"}, "no column 'c'.*has: a, b"),
        (["1,2"], {"time": "0", "price": "2"}, "no column '2'.*numbers 0 to 1"),
        (["1,2"], {"time": "0"}, "no column for price"),
        (["ts,price", '1,"2'], None, "line 2.*cannot be split"),
        (["ts,price", "1,2", "", "1"], None, "line 4: '1': 1 cells where 2 are needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(lines, columns, text):
    with pytest.raises(InvalidInput, match=text):
        list(table(lines, columns).rows)


def test_the_users_columns_are_read():
    assert parse_columns("time=T, price = 4", ("time", "price")) == {"time": "T", "price": "4"}


@pytest.mark.parametrize("text", ["", "time", "time=", "cost=3", "time=0,,price=1"])
def test_columns_of_another_shape_are_refused(text):
    with pytest.raises(InvalidInput, match="write field=column, with a field of: time, price"):
        parse_columns(text, ("time", "price"))
