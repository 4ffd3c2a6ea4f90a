"""Lines in, their numbers and what was passed over out."""

from shared.adapters.wire.read_report import ReadReport


def test_blank_lines_are_passed_over_but_counted():
    report = ReadReport("a.csv")
    assert [(text, report.line) for text in report.follow(["x", " ", "", "y"])] == [("x", 1), ("y", 4)]


def test_an_error_names_file_line_value_and_cure_and_cuts_what_is_long():
    report = ReadReport("a.csv", line=7)
    assert str(report.broken("abc", "not a number")) == "a.csv, line 7: 'abc': not a number"
    assert len(str(report.broken("x" * 9999, "too long"))) < 120


def test_files_of_one_input_share_their_counts_but_not_their_place():
    report = ReadReport()
    first, second = report.for_file("a"), report.for_file("b")
    first.line = 3
    first.skipped["pong"] += 1
    second.skipped["pong"] += 1
    second.symbols.add("BTCUSDT")
    assert (second.file, second.line) == ("b", 0)
    assert report.skipped == {"pong": 2}
    assert report.symbols == {"BTCUSDT"}


def test_a_long_list_of_symbols_is_cut():
    report = ReadReport(symbols={f"S{number:02d}" for number in range(12)})
    assert report.listed_symbols() == "S00, S01, S02, S03, S04, S05, S06, S07, S08, S09 and 2 more"
