"""Every text file of the project in, credentials and words about somebody's machine out."""

import re

import pytest

from tests.architecture.house import plant, texts

SECRETS = {
    "bot token": re.compile(r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),
    "webhook": re.compile(r"https://(?:discord(?:app)?\.com/api/webhooks/\d+|hooks\.slack\.com/services/T\w+)/\w+"),
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "cloud key": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35})\b"),
    "access token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|xox[baprs]-[A-Za-z0-9-]{10,})\b"),
}
# A path is somebody's own when it starts at the root of the disk; the folder inside an address or a longer path is not.
FOREIGN = {
    "path of a home": re.compile(r"(?<![\w./*$}-])(?:/home/\w|/Users/\w|/[r]oot/)|\b[A-Z]:\\Users\\"),
    "path of a workplace": re.compile(r"(?<![\w./*$}-])/(?:work|workspace|builds?|mnt)/\w"),
    "package registry": re.compile(
        # Spelled so that this line is not one itself.
        r"\b(?:[p]ypi\.org|files\.python[h]osted\.org|[t]est\.pypi\.org|registry\.np[m]js\.org|[p]roxy\.golang\.org"
        r"|[c]rates\.io|[r]ubygems\.org|[c]onda\.anaconda\.org|de[b]\.debian\.org)\b"
    ),
}


def findings(text: str, patterns: dict[str, re.Pattern[str]]) -> list[str]:
    """What is found, as ``line: what``, without the finding itself: a report must not spread a secret."""
    return [
        f"{number}: {what}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in patterns.items()
        if pattern.search(line)
    ]


def test_no_file_holds_a_credential():
    found = {str(path): findings(text, SECRETS) for path, text in texts().items()}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_the_project_speaks_of_itself_alone():
    found = {str(path): findings(text, FOREIGN) for path, text in texts().items()}
    assert {path: lines for path, lines in found.items() if lines} == {}


# The samples are put together here, so that this file holds none of them itself.
@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("bot token", ("TOKEN=123456789", ":", "A" * 35)),
        ("webhook", ("https://discord.com", "/api/webhooks/", "1/abc")),
        ("webhook", ("https://hooks.slack.com", "/services/", "T0/b")),
        ("private key", ("-----BEGIN RSA ", "PRIVATE KEY-----")),
        ("cloud key", ("AK", "IA", "B" * 16)),
        ("access token", ("gh", "p_", "c" * 36)),
    ],
)
def test_a_credential_is_found(what, parts):
    assert findings("first line\n" + "".join(parts), SECRETS) == [f"2: {what}"]


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("path of a home", ("cd ", "/ho", "me/alice/project")),
        ("path of a home", ("cd ", "/ro", "ot/project")),
        ("path of a home", ("C:", "\\Users", "\\alice")),
        ("path of a workplace", ("see ", "/wo", "rk/main")),
        ("package registry", ("index-url = https://", "pypi", ".org/simple")),
    ],
)
def test_a_foreign_word_is_found(what, parts):
    assert findings("".join(parts), FOREIGN) == [f"1: {what}"]


@pytest.mark.parametrize("line", ["https://example.com/home/x", "docs/work/x", "$HOME/work/x", "12:34", "a.home/x"])
def test_an_ordinary_line_is_left_alone(line):
    assert findings(line, SECRETS | FOREIGN) == []


def test_every_text_file_is_looked_at_and_pictures_are_not(tmp_path):
    house = plant(tmp_path, {"README.md": "x", "a/b.py": "x", ".venv/lib.py": "x", "shared/__pycache__/x.txt": "x"})
    (house / "picture.png").write_bytes(b"\x89PNG\xff")
    assert [str(path) for path in texts(house)] == ["README.md", "a/b.py"]
