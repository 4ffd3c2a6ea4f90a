"""Variables become nested settings; what they point at is fetched, wins, and is told apart as secret."""

import sys

import grpc
import pytest

from shared.adapters import loader
from shared.errors import ConfigurationError, Unavailable
from shared.runtime.environment import read_environment
from shared.runtime.settings import CHOSEN_BY, Settings
from tests.adapters.secrets.secret_server import serving

TOKEN = "TRACKER__TELEGRAM__TOKEN"


def manager(server, **variables):
    """An environment with Secret Manager in it."""
    return {"SECRET_MANAGER_EMULATOR_HOST": server.address, "GOOGLE_CLOUD_PROJECT": "mine"} | variables


def faults_of(environment):
    with pytest.raises(ConfigurationError) as error:
        read_environment(environment)
    return str(error.value).splitlines()


def test_paths_are_nested_and_other_variables_are_left_alone():
    read = read_environment({"TRACKER__BUS": "memory", "TRACKER__LOG__LEVEL": "INFO", "HOME": "x", "TRACKER_BUS": "x"})
    assert read.values == {"bus": "memory", "log": {"level": "INFO"}}
    assert read.sealed == {}


def test_secrets_come_from_files_and_from_secret_manager(tmp_path):
    (tmp_path / "password").write_text("from-file\n")
    with serving({"token/versions/3": b"from-manager"}) as server:
        read = read_environment(
            manager(
                server,
                TRACKER__TELEGRAM__TOKEN_SECRET="projects/mine/secrets/token/versions/3",
                TRACKER__REDIS_STORE__PASSWORD_FILE=str(tmp_path / "password"),
                TRACKER__BUS="memory",
            )
        )
    assert read.sealed == {("telegram", "token"): "from-manager", ("redis_store", "password"): "from-file"}
    assert read.values == {
        "bus": "memory",
        "telegram": {"token": "from-manager"},
        "redis_store": {"password": "from-file"},
    }


@pytest.mark.parametrize("ending", ["_FILE", "_SECRET"])
@pytest.mark.parametrize("first", [True, False])
def test_a_secret_wins_over_the_variable_itself_in_any_order(tmp_path, ending, first):
    (tmp_path / "token").write_text("sealed")
    with serving({"token/versions/latest": b"sealed"}) as server:
        pointer = {TOKEN + ending: "token" if ending == "_SECRET" else str(tmp_path / "token")}
        plain = {TOKEN: "plain"}
        variables = pointer | plain if first else plain | pointer
        assert read_environment(manager(server, **variables)).values == {"telegram": {"token": "sealed"}}


def test_a_file_and_a_secret_for_one_setting_are_a_mistake_that_names_both(tmp_path):
    (tmp_path / "token").write_text("planted")
    with serving({"token/versions/latest": b"planted"}) as server:
        pointers = {f"{TOKEN}_FILE": str(tmp_path / "token"), f"{TOKEN}_SECRET": "token"}
        assert faults_of(manager(server, **pointers)) == [f"{TOKEN}_FILE and {TOKEN}_SECRET are both set; unset one"]


def test_every_fault_is_named_at_once_with_its_variable(tmp_path):
    (tmp_path / "bytes").write_bytes(b"planted\xff")
    with serving({"locked/versions/latest": grpc.StatusCode.PERMISSION_DENIED}) as server:
        lines = faults_of(
            manager(
                server,
                TRACKER__A__X_SECRET="absent",
                TRACKER__A__Y_SECRET="locked",
                TRACKER__A__Z_SECRET="1:planted",
                TRACKER__B__X_FILE="/no/such/file",
                TRACKER__B__Y_FILE=str(tmp_path / "bytes"),
            )
        )
    assert [line.partition(": ")[0] for line in lines] == [
        "TRACKER__B__X_FILE",
        "TRACKER__B__Y_FILE",
        "TRACKER__A__X_SECRET",
        "TRACKER__A__Y_SECRET",
        "TRACKER__A__Z_SECRET",
    ]
    assert "projects/mine/secrets/absent/versions/latest does not exist" in lines[2]
    assert "roles/secretmanager.secretAccessor" in lines[3]
    assert "planted" not in "".join(lines)


def test_secret_manager_in_trouble_is_unavailable_and_names_the_variable():
    with (
        serving({"token/versions/latest": grpc.StatusCode.INTERNAL}) as server,
        pytest.raises(Unavailable, match=f"^{TOKEN}_SECRET: Secret Manager at {server.address}"),
    ):
        read_environment(manager(server, **{f"{TOKEN}_SECRET": "token"}))


def test_secret_manager_is_loaded_only_where_a_variable_asks_for_it(tmp_path, monkeypatch):
    # None makes Python say that the library is not there, whatever is installed.
    monkeypatch.setitem(sys.modules, "google.cloud.secretmanager_v1", None)
    monkeypatch.delitem(sys.modules, "shared.adapters.secrets.google", raising=False)
    (tmp_path / "token").write_text("sealed")
    read = read_environment({f"{TOKEN}_FILE": str(tmp_path / "token"), "TRACKER__BUS": "memory"})
    assert read.values["telegram"] == {"token": "sealed"}
    (line,) = faults_of({f"{TOKEN}_SECRET": "token", "TRACKER__A__B_SECRET": "b"})
    assert line == (
        f"TRACKER__A__B_SECRET, {TOKEN}_SECRET: secrets adapter 'google' needs the package "
        "'google.cloud.secretmanager_v1'; run: pip install 'crypto-signal-tracker[google]'"
    )


@pytest.mark.parametrize("names", [("TRACKER__BUS", "TRACKER__BUS__PATH"), ("TRACKER__BUS__PATH", "TRACKER__BUS")])
def test_a_value_is_not_also_a_section_in_any_order(names):
    assert faults_of(dict.fromkeys(names, "x")) == [
        "TRACKER__BUS__PATH: 'bus' is a value elsewhere in the environment, not a section"
    ]


def test_no_setting_has_a_name_that_would_be_taken_for_a_pointer():
    options = [loader.load(kind, name).Options for kind in CHOSEN_BY for name in loader.names(kind)]
    annotations = [field.annotation for field in Settings.model_fields.values()]
    sections = [annotation for annotation in annotations if hasattr(annotation, "model_fields")]
    keys = {key for model in (Settings, *sections, *options) for key in model.model_fields}
    assert {"token", "url", "interval"} <= keys
    assert [key for key in keys if key.endswith(("_file", "_secret"))] == []
