"""Results for people are aligned tables, results for programs one JSON object."""

import json

from services.cli.parts.output import show, table


def test_columns_are_aligned_and_numbers_stand_to_the_right():
    rows = [{"symbol": "BTCUSDT", "price": "9.5", "side": "LONG"}, {"symbol": "X", "price": "-100.25"}]
    assert table(rows, ["symbol", "price", "side"]).splitlines() == [
        "symbol     price  side",
        "BTCUSDT      9.5  LONG",
        "X        -100.25",
    ]


def test_a_table_without_rows_is_its_header():
    assert table([], ["symbol", "price"]) == "symbol  price"


def test_a_result_is_shown_to_a_program_or_to_people(capsys):
    show({"pair": "€/$"}, as_json=True, text="for people")
    assert json.loads(capsys.readouterr().out) == {"pair": "€/$"}
    show({"pair": "€/$"}, as_json=False, text="for people")
    assert capsys.readouterr().out == "for people\n"
