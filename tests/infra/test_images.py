"""The Dockerfile, what is sent to the builder, and the locked requirements of each image."""

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest

from services.wiring import _NEEDS
from shared.runtime.page import Page
from tests.architecture.house import ROOT
from tests.infra.declared import FUNCTIONS, IMAGES, LOCKS, dockerfile, lock, locked, pinned_images

ADAPTERS = {"bus": "google-cloud-pubsub", "stores": "google-cloud-bigtable", "notifiers": "python-telegram-bot"}
ADAPTERS |= {"charts": "mplfinance", "exchanges": "websockets"}
LOCKED = (*IMAGES, *(f"{function}-function" for function in FUNCTIONS))


def arguments(word):
    return [rest for instruction, rest in dockerfile() if instruction == word]


def test_every_image_has_its_lock_and_every_lock_its_image():
    assert sorted(path.stem for path in LOCKS.glob("*.txt")) == sorted(IMAGES)


@pytest.mark.parametrize("service", LOCKED)
def test_a_lock_pins_every_package_by_hash_and_names_no_index(service):
    text = lock(service).read_text(encoding="utf-8")
    pinned = re.findall(
        r"^[a-z0-9._-]+==\S+(?: ;.*?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    assert len(pinned) == len([line for line in text.splitlines() if line[0] not in " #"])
    assert not re.search(r"://|--(?:index|extra-index|find-links)|file:", text)


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_has_the_clients_behind_its_ports_and_no_others(service):
    packages = locked(service)
    needed = {client for kind, client in ADAPTERS.items() if kind in _NEEDS[service]}
    assert {client for client in ADAPTERS.values() if client in packages} == needed
    assert ("redis" in packages) == (service == "telegram_notifier")
    assert ("pandas" in packages) == (service == "telegram_notifier")


def test_the_framework_of_functions_is_installed_for_functions_only():
    assert [service for service in LOCKED if "functions-framework" in locked(service)] == ["macro_engine-function"]
    with_framework, without = locked("macro_engine-function"), locked("macro_engine")
    assert without.items() <= with_framework.items()


def test_packages_that_several_images_have_are_the_same_everywhere():
    versions = {}
    for service in LOCKED:
        for name, version in locked(service).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_requirements_are_installed_before_the_code_is_copied():
    stages = [rest for rest in arguments("FROM") if " AS " in rest]
    assert [stage.rpartition(" ")[2] for stage in stages] == ["dependencies", "source"]
    first = dockerfile().index(("COPY", "requirements/${SERVICE}.txt /requirements.txt"))
    assert first < dockerfile().index(("COPY", "shared shared"))
    [install] = [rest for rest in arguments("RUN") if "install" in rest and "uninstall" not in rest]
    for option in ("--require-hashes", "--only-binary=:all:", "--no-deps", "--mount=type=cache"):
        assert option in install


def test_the_image_is_left_by_an_unknown_user_without_pip():
    last = [index for index, (word, _) in enumerate(dockerfile()) if word == "FROM"][-1]
    final = dockerfile()[last:]
    [user] = [rest for word, rest in final if word == "USER"]
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", user), "a number, so that the platform can see it is not root"
    assert any("pip uninstall" in rest for word, rest in final if word == "RUN")
    assert final.index(("USER", user)) > max(i for i, (word, _) in enumerate(final) if word in {"RUN", "COPY"})


def test_nothing_is_fetched_by_add_and_no_secret_is_baked_in():
    assert arguments("ADD") == []
    assert not re.search(r"(?i)token|password|secret", " ".join(arguments("ENV") + arguments("ARG")))


@pytest.mark.parametrize("image", pinned_images(), ids=str)
def test_a_foreign_image_is_pinned_to_a_version(image):
    assert re.search(r":\d+\.\d+\.\d+(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?$", image), pinned_images()[image]


def test_the_builder_gets_code_and_locks_only():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "*", "!requirements", "!services", "!shared", "**/__pycache__", "**/*.pyc",
    ]  # fmt: skip


def test_the_command_hands_its_process_to_python(tmp_path):
    [command] = [json.loads(rest) for rest in arguments("CMD")[-1:]]
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$$ $@"\n')
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SERVICE": "logic_engine"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - the Dockerfile's
        said, _ = process.communicate(timeout=10)
    assert said.split() == [str(process.pid), "-m", "services", "logic_engine"]


async def healthy(port):
    [check] = arguments("HEALTHCHECK")
    [_, program, code] = json.loads(check.partition("CMD ")[2])
    assert program == "-c"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={**os.environ, "TRACKER__PAGE__PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0


async def test_the_health_check_asks_the_page_of_the_service():
    page = Page(dict, "127.0.0.1", 0)
    address = await page.start()
    port = int(address.rpartition(":")[2])
    assert await healthy(port)
    await page.stop()
    assert not await healthy(port)
