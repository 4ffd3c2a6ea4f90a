"""Progress goes to stderr, never where a program reads."""

from services.cli.parts.backtest_progress import progress


def test_without_a_terminal_only_the_name_is_said(capsys):
    with progress("reading", 3) as bar:
        bar.update(3)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "reading\n"
