"""What an operator sets is what the platform uses, and every fault is named at once."""

import pytest

from shared.errors import ConfigurationError
from shared.runtime.settings import load, section_name


def faults_of(file=None, environment=None):
    with pytest.raises(ConfigurationError) as error:
        load(file, environment or {})
    return str(error.value).splitlines()


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_without_file_and_environment_the_defaults_hold():
    settings = load(None, {})
    assert settings.exchange == "bybit-linear"
    assert settings.symbols[0] == "BTCUSDT"
    assert settings.logic_engine.interval == 15_000


def test_the_environment_wins_over_the_file_and_a_command_over_both(tmp_path):
    file = write(tmp_path, 'bus = "memory"\nstore = "memory"\n[logic_engine]\ninterval = 1000\nhole_patience = 9\n')
    environment = {"TRACKER__STORE": "sqlite", "TRACKER__LOGIC_ENGINE__INTERVAL": "2000"}
    settings = load(file, environment, {"logic_engine": {"interval": 3000}})
    assert (settings.bus, settings.store) == ("memory", "sqlite")
    assert (settings.logic_engine.interval, settings.logic_engine.hole_patience) == (3000, 9)


def test_tracker_toml_of_the_current_folder_is_read_without_being_named(tmp_path):
    (tmp_path / "tracker.toml").write_text('symbols = ["ethusdt"]')
    assert load(None, {}).symbols == ("ETHUSDT",)


def test_lists_are_written_with_commas_in_the_environment():
    assert load(None, {"TRACKER__SYMBOLS": "btcusdt, ethusdt"}).symbols == ("BTCUSDT", "ETHUSDT")


def test_all_faults_are_named_at_once_with_their_values(tmp_path):
    file = write(tmp_path, "colour = 3\n[logic_engine]\ninterval = -4\nhole_patiens = 1\n")
    lines = faults_of(file, {"TRACKER__LOG__LEVEL": "loud"})
    assert len(lines) == 4
    assert any("logic_engine.interval" in line and "-4" in line for line in lines)
    assert any("'logic_engine.hole_patiens'" in line and "did you mean 'hole_patience'" in line for line in lines)
    assert any("unknown setting 'colour'" in line for line in lines)
    assert any("log.level" in line and "'loud'" in line for line in lines)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TRACKER__SYMBOLS": "A,B,A"}, "named twice: A"),
        ({"TRACKER__SYMBOLS": ""}, "symbols"),
        ({"TRACKER__EXCHANGE": "By bit"}, "exchange"),
        ({"TRACKER__TELEGRAM__TOKEN_FILE": "/no/such/file"}, "cannot read /no/such/file"),
        ({"TRACKER__BUS": "x", "TRACKER__BUS__PATH": "y"}, "'bus' is a value elsewhere"),
    ],
)
def test_a_wrong_value_is_named(environment, words):
    assert words in faults_of(None, environment)[0]


def test_a_missing_or_broken_file_is_one_clear_line(tmp_path):
    assert faults_of(tmp_path / "absent.toml") == [f"settings file not found: {tmp_path / 'absent.toml'}"]
    assert str(tmp_path / "mine.toml") in faults_of(write(tmp_path, "symbols = [\n"))[0]


def test_a_secret_is_read_from_a_mounted_file_and_never_shown(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("planted-value\n")
    settings = load(None, {"TRACKER__TELEGRAM__TOKEN_FILE": str(secret)})
    assert settings.telegram["token"] == "planted-value"
    assert "planted-value" in settings.secrets()
    assert settings.redacted()["telegram"] == {"token": "***"}
    assert "planted-value" not in str(settings.redacted())


def test_an_adapters_section_is_read_by_its_own_options():
    settings = load(None, {"TRACKER__EXCHANGE": "bybit-spot", "TRACKER__SQLITE_STORE__PATH": "here.sqlite"})
    assert settings.options("exchanges").category == "spot"
    assert str(settings.options("stores").path) == "here.sqlite"
    assert section_name("notifiers", "telegram") == "telegram"


def test_a_wrong_key_in_an_adapters_section_is_named_with_its_cure():
    settings = load(None, {"TRACKER__SQLITE_STORE__PAHT": "x"})
    with pytest.raises(ConfigurationError, match=r"unknown setting 'sqlite_store.paht'; did you mean 'path'\?"):
        settings.options("stores")


def test_a_missing_secret_names_the_variable_to_set():
    with pytest.raises(ConfigurationError, match=r"telegram\.token is not set.*TRACKER__TELEGRAM__TOKEN"):
        load(None, {}).options("notifiers")
