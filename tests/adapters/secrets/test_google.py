"""Google's own client against a server on loopback: what is read, who must act if it is not, what is never told."""

import socket
import threading
import traceback

import grpc
import pytest
from google.auth.exceptions import DefaultCredentialsError

from shared.adapters import loader
from shared.errors import ConfigurationError, Unavailable
from tests.adapters.secrets.secret_server import serving

google = loader.load("secrets", "google")
TOKEN = "projects/mine/secrets/token/versions/latest"


def read(server, name="token", timeout=5.0):
    with google.create(google.Options(project="mine", emulator_host=server.address, timeout=timeout)) as secrets:
        return secrets.read(name)


def refusal(answer, kind=ConfigurationError, timeout=5.0):
    with serving({"token/versions/latest": answer}) as server, pytest.raises(kind) as error:
        read(server, timeout=timeout)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("projects/mine/secrets/token/versions/3", "projects/mine/secrets/token/versions/3"),
        ("projects/mine/secrets/token/versions/latest", TOKEN),
        ("projects/mine/secrets/token", TOKEN),
        ("token", TOKEN),
        (" token\n", TOKEN),
        ("token/versions/3", "projects/mine/secrets/token/versions/3"),
    ],
)
def test_a_secret_is_named_wholly_or_in_short(name, asked):
    with serving({"token/versions/3": b"third", "token/versions/latest": b"newest"}) as server:
        assert read(server, name) == ("third" if asked.endswith("3") else "newest")
    assert server.asked == [asked]


def test_a_project_in_the_name_goes_before_the_one_of_the_options():
    with serving({}) as server, pytest.raises(ConfigurationError, match="projects/12345/secrets/token/versions/latest"):
        read(server, "projects/12345/secrets/token")


def test_white_space_around_a_secret_is_dropped_and_other_alphabets_are_kept():
    with serving({"token/versions/latest": " größer ✓\r\n".encode()}) as server:
        assert read(server) == "größer ✓"


def test_one_connection_reads_many_secrets():
    with serving({"a/versions/latest": b"1", "b/versions/latest": b"2"}) as server:
        options = google.Options(project="mine", emulator_host=server.address)
        with google.create(options) as secrets:
            assert [secrets.read(name) for name in ("a", "b")] == ["1", "2"]


@pytest.mark.parametrize(
    "name", ["", "1:planted", "projects/mine/secrets/", "a/b", "projects/p/locations/l/secrets/s", "ä"]
)
def test_what_is_no_name_is_not_repeated_since_it_may_be_the_secret_itself(name):
    with serving({}) as server, pytest.raises(ConfigurationError) as error:
        read(server, name)
    assert str(error.value) == (
        "this is not the name of a secret; write projects/PROJECT/secrets/SECRET/versions/VERSION"
    )
    assert server.asked == []


def test_a_short_name_needs_a_project():
    options = google.Options(emulator_host="127.0.0.1:1")
    with (
        google.create(options) as secrets,
        pytest.raises(ConfigurationError, match=r"'token'; set GOOGLE_CLOUD_PROJECT"),
    ):
        secrets.read("token")


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (grpc.StatusCode.NOT_FOUND, "does not exist; create it: gcloud secrets create token --project=mine"),
        (grpc.StatusCode.PERMISSION_DENIED, "give this service's account the role roles/secretmanager.secretAccessor"),
        (grpc.StatusCode.UNAUTHENTICATED, "give this service's account the role roles/secretmanager.secretAccessor"),
        (grpc.StatusCode.FAILED_PRECONDITION, "gcloud secrets versions enable latest --secret=token --project=mine"),
        (grpc.StatusCode.INVALID_ARGUMENT, "is not accepted (400 status INVALID_ARGUMENT); write projects/"),
    ],
)
def test_what_the_operator_must_mend_is_named_with_its_cure(status, cure):
    text = refusal(status)
    assert text.startswith(TOKEN)
    assert cure in text


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_server_in_trouble_is_unavailable(status):
    text = refusal(status, Unavailable, timeout=0.2)
    assert TOKEN in text
    assert f"status {status.name}" in text


def test_a_server_in_trouble_is_asked_again_for_a_while():
    with serving({"token/versions/latest": [grpc.StatusCode.UNAVAILABLE, b"value"]}) as server:
        assert read(server) == "value"
    assert server.asked == [TOKEN, TOKEN]


def test_a_server_that_does_not_answer_is_unavailable_after_the_timeout():
    assert "Deadline Exceeded" in refusal(threading.Event(), Unavailable, timeout=0.2)


def test_no_server_is_unavailable_and_named():
    with socket.socket() as taken:  # bound and not listening: nobody else answers there
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        options = google.Options(project="mine", emulator_host=host, timeout=0.2)
        with (
            google.create(options) as secrets,
            pytest.raises(Unavailable, match=f"Secret Manager at {host} cannot give"),
        ):
            secrets.read("token")


def test_bytes_that_are_no_text_are_a_fault_and_are_not_shown():
    with serving({"token/versions/latest": b"planted\xff"}) as server, pytest.raises(ConfigurationError) as error:
        read(server)
    assert str(error.value) == f"{TOKEN} is not UTF-8 text; store the secret as plain text"
    assert "planted" not in "".join(traceback.format_exception(error.value))


def test_without_credentials_the_cure_is_named(monkeypatch):
    def none(**_):
        raise DefaultCredentialsError("none")

    monkeypatch.setattr("google.auth.default", none)
    with pytest.raises(ConfigurationError, match="gcloud auth application-default login"):
        google.create(google.Options())


@pytest.mark.parametrize("options", [{"timeout": 0}, {"colour": "red"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        google.Options(**options)
