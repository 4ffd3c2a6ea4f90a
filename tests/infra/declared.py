"""The deployment files in, plain values out: what the tests of this folder look at."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import yaml

from services.wiring import SERVICES
from tests.architecture.house import ROOT

INFRA = ROOT / "infra"
LOCKS = ROOT / "requirements"
CLOUD_SERVICES = tuple(sorted(SERVICES))
FUNCTIONS = ("macro_engine",)
"""Run as Cloud Functions; every other service is a worker pool."""
WORKER_POOLS = tuple(service for service in CLOUD_SERVICES if service not in FUNCTIONS)
IMAGES = (*CLOUD_SERVICES, "sandbox")


def hyphened(service: str) -> str:
    """A service's name as clouds and containers want it."""
    return service.replace("_", "-")


@cache
def catalog() -> dict[str, Any]:
    """``infra/catalog.json``."""
    loaded: dict[str, Any] = json.loads((INFRA / "catalog.json").read_text(encoding="utf-8"))
    return loaded


@cache
def terraform() -> dict[str, Any]:
    """All blocks of all Terraform files: ``{kind: {name or (type, name): body}}``, strings without their quotes."""
    blocks: dict[str, Any] = {}
    for path in sorted(INFRA.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            parsed = _plain(hcl2.load(file))
        for kind in ("resource", "data"):
            for block in parsed.get(kind, []):
                for type_, named in block.items():
                    blocks.setdefault(kind, {}).update({(type_, name): body for name, body in named.items()})
        for kind in ("variable", "output"):
            for block in parsed.get(kind, []):
                blocks.setdefault(kind, {}).update(block)
        for block in parsed.get("locals", []):
            blocks.setdefault("local", {}).update(block)
    return blocks


def resources(type_: str) -> dict[str, dict[str, Any]]:
    """The resources of one type by name."""
    return {name: body for (kind, name), body in terraform()["resource"].items() if kind == type_}


@cache
def compose() -> dict[str, Any]:
    """``docker-compose.yml`` with its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@cache
def cloud_build() -> dict[str, Any]:
    """``cloudbuild.yaml``."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile in order: the word and what follows, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def lock(service: str) -> Path:
    """What is installed for a service; ``<service>-function`` is its Cloud Function."""
    folder, _, is_function = service.partition("-")
    return INFRA / "functions" / folder / "requirements.txt" if is_function else LOCKS / f"{service}.txt"


def locked(service: str) -> dict[str, str]:
    """Packages in the lock of a service: name to pinned version (of the last marker, where several are given)."""
    lines = lock(service).read_text(encoding="utf-8").splitlines()
    pins = (line.split(";")[0].rstrip(" \\").partition("==") for line in lines if line and line[0] not in " #")
    return {name: version for name, _, version in pins}


def pinned_images() -> dict[str, Path]:
    """Every foreign image that a deployment file names, with the file."""
    found = {
        service["image"]: Path("docker-compose.yml")
        for service in compose()["services"].values()
        if not service["image"].startswith("crypto-signal-tracker/")
    }
    found |= {step["name"]: Path("cloudbuild.yaml") for step in cloud_build()["steps"]}
    [python] = [rest.partition("=")[2] for word, rest in dockerfile() if rest.startswith("PYTHON_IMAGE=")]
    return found | {python: Path("Dockerfile")}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _plain(key): _plain(inner) for key, inner in value.items() if key not in ("__comments__", "__is_block__")
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else value
