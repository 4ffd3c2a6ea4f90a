"""What an operator sets is what the platform uses, and every fault is named at once."""

import json

import pytest

from services.cli.main import main
from shared.errors import ConfigurationError
from shared.runtime.settings import load, section_name
from tests.adapters.secrets.secret_server import serving


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


def test_a_secret_of_secret_manager_wins_over_the_variable_and_the_variable_over_the_file(tmp_path):
    file = write(tmp_path, '[telegram]\ntoken = "in-file"\nbase_url = "in-file"\nread_timeout = 1\n')
    environment = {
        "TRACKER__TELEGRAM__TOKEN_SECRET": "projects/mine/secrets/token",
        "TRACKER__TELEGRAM__TOKEN": "in-variable",
        "TRACKER__TELEGRAM__BASE_URL": "in-variable",
    }
    with serving({"token/versions/latest": b"in-secret-manager"}) as server:
        settings = load(file, environment | {"SECRET_MANAGER_EMULATOR_HOST": server.address})
    assert settings.telegram == {"token": "in-secret-manager", "base_url": "in-variable", "read_timeout": 1}


def sealed(tmp_path, **values):
    """Environment in which every setting lies in a file."""
    environment = {}
    for name, value in values.items():
        path = tmp_path / name
        path.write_text(value)
        environment[f"TRACKER__{name.upper()}_FILE"] = str(path)
    return environment


def test_what_comes_from_a_secret_is_secret_whatever_its_key_is_called(tmp_path):
    environment = sealed(tmp_path, redis_store__url="redis://:planted@host:1/0", telegram_notifier__chats="@one,@two")
    settings = load(None, environment)
    assert settings.telegram_notifier.chats == ("@one", "@two")
    sealed_values = {"redis://:planted@host:1/0", "planted", "@one,@two", "@one", "@two"}
    assert set(settings.secrets()) == {*sealed_values, settings.sandbox.token}
    for one in (settings, settings.model_copy(update={"bus": "memory"})):
        assert one.redacted()["redis_store"] == {"url": "***"}
        assert one.redacted()["telegram_notifier"]["chats"] == "***"


@pytest.mark.parametrize(
    "name", ["log__level", "page__port", "logic_engine__timeframe", "symbols", "log__level__deep", "exchange", "log"]
)
def test_a_wrong_value_from_a_secret_is_named_and_not_shown(tmp_path, name):
    lines = faults_of(None, sealed(tmp_path, **{name: "PLANTED,PLANTED"}))
    assert name.replace("__", ".").removesuffix(".deep") in lines[0]
    assert "PLANTED" not in "".join(lines)


def test_a_wrong_value_from_a_secret_is_not_shown_by_an_adapter_either(tmp_path):
    settings = load(None, sealed(tmp_path, bybit__ack_timeout="planted"))
    with pytest.raises(ConfigurationError) as error:
        settings.options("exchanges")
    assert "bybit.ack_timeout" in str(error.value)
    assert "planted" not in str(error.value)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_config_show_never_prints_a_secret_of_secret_manager(monkeypatch, capsys, options):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    monkeypatch.setenv("TRACKER__TELEGRAM__TOKEN_SECRET", "token")
    monkeypatch.setenv("TRACKER__REDIS_STORE__URL_SECRET", "url/versions/2")
    with serving({"token/versions/latest": b"planted-token", "url/versions/2": b"redis://:planted@host"}) as server:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", server.address)
        assert main(["config", "show", *options]) == 0
    printed = capsys.readouterr()
    assert "planted" not in printed.out + printed.err
    if options:
        shown = json.loads(printed.out)
        assert (shown["telegram"], shown["redis_store"]) == ({"token": "***"}, {"url": "***"})


def test_the_password_in_an_address_is_a_secret_and_the_rest_of_the_address_is_not():
    settings = load(None, {"TRACKER__REDIS_STORE__URL": "redis://bot:planted-value@cache:6379/0"})
    assert settings.redacted()["redis_store"]["url"] == "redis://bot:***@cache:6379/0"
    assert "planted-value" in settings.secrets()
