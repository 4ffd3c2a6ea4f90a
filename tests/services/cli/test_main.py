"""The command line answers mistakes with one line that names the value and the cure."""

import json

import pytest

from services.cli.main import main


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["xyzzy"], "known: backtest, bootstrap, candles,"),
        (["run", "agregator"], "unknown service agregator; known:"),
        (["run", "--settings", "absent.toml"], "settings file not found: absent.toml"),
        (["candles", "BTCUSDT", "-n", "0"], "0"),
        (["candles", "BTCUSDT", "--timeframe", "7m"], "unknown timeframe '7m'; known: 1m"),
        (["config", "check"], "TRACKER__TELEGRAM__TOKEN"),
    ],
)
def test_a_mistake_is_answered_clearly_with_exit_code_2(arguments, words, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_config_show_prints_every_setting_and_no_secret(monkeypatch, capsys):
    monkeypatch.setenv("TRACKER__TELEGRAM__TOKEN", "planted-value")
    assert main(["config", "show", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["telegram"] == {"token": "***"}
    assert "planted-value" not in captured.out + captured.err


def test_config_check_names_every_fault_of_every_needed_adapter(monkeypatch, capsys):
    monkeypatch.setenv("TRACKER__BYBIT__CATEGORY", "futures")
    assert main(["config", "check"]) == 2
    err = capsys.readouterr().err
    assert "bybit.category" in err
    assert "telegram.token is not set" in err
    assert "telegram_notifier.chats is empty" in err


def test_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    assert "it never trades" in capsys.readouterr().out
