"""Published messages stay readable for ever: a folder for each type and version, which is only added to (law 12).

A golden file is a message as it once travelled: its attributes and its body. Never change one. When a contract changes
its meaning, raise its version, teach the codec to read the old one, and add files for the new one beside the old.
"""

import dataclasses
import json
from pathlib import Path

import pytest

from shared.messages.catalog import CONTRACTS, Contract
from shared.messages.codec import decode
from shared.ports import Message
from tests.architecture.house import ROOT, plant

GOLDEN = ROOT / "tests" / "golden" / "messages"
FILES = sorted(GOLDEN.rglob("*.json"))
BY_TYPE = {contract.name: contract for contract in CONTRACTS}


def message(path: Path) -> Message:
    """The message in a golden file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Message(json.dumps(document["body"]).encode(), document["attributes"])


def rows_without_files(contracts: tuple[Contract, ...], home: Path) -> list[str]:
    """Versions, from 1 to the present one of each row, that have no golden file."""
    return [
        f"{contract.name}/v{version}"
        for contract in contracts
        for version in range(1, contract.version + 1)
        if not any((home / contract.name / f"v{version}").glob("*.json"))
    ]


def test_every_version_of_every_row_has_golden_files():
    assert rows_without_files(CONTRACTS, GOLDEN) == []


def test_a_version_without_files_is_found(tmp_path):
    plant(tmp_path, {"candle/v1/closed.json": "{}"})
    newer = dataclasses.replace(BY_TYPE["candle"], version=2)
    assert rows_without_files((newer,), tmp_path) == ["candle/v2"]
    assert rows_without_files((BY_TYPE["signal"],), tmp_path) == ["signal/v1"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN)))
def test_a_golden_file_is_still_understood(path):
    golden = message(path)
    kind, version = path.relative_to(GOLDEN).parts[:2]
    assert (golden.attributes["type"], "v" + golden.attributes["version"]) == (kind, version)
    value = decode(golden)
    assert isinstance(value, BY_TYPE[kind].payload)
    body = json.loads(golden.data)
    assert differences(body, value) == []


def differences(body: object, value: object, place: str = "$") -> list[str]:
    """Where a value says something else than the text it was read from: a field renamed or read in another sense."""
    if isinstance(body, dict):
        inner = [(name, part, value[name] if isinstance(value, dict) else getattr(value, name, None))
                 for name, part in body.items()]  # fmt: skip
    elif isinstance(body, list):
        assert isinstance(value, tuple | list)
        inner = [(str(index), part, value[index] if index < len(value) else None) for index, part in enumerate(body)]
    else:
        return [] if str(body) == str(value) else [f"{place}: {body!r} became {value!r}"]
    return [line for name, part, of_value in inner for line in differences(part, of_value, f"{place}.{name}")]


def test_a_field_that_is_read_in_another_sense_is_found():
    path = GOLDEN / "candle" / "v1" / "closed.json"
    value = dataclasses.replace(decode(message(path)), revision=7)
    assert differences(json.loads(message(path).data), value) == ["$.revision: 0 became 7"]
    assert differences({"renamed": 1}, value) == ["$.renamed: 1 became None"]
