"""``cloudbuild.yaml`` and its scripts: tests first, images side by side, deployment last."""

import subprocess

import pytest

from tests.architecture.house import ROOT
from tests.infra.declared import FUNCTIONS, WORKER_POOLS, cloud_build, hyphened, resources, terraform

STEPS = {step["id"]: step for step in cloud_build()["steps"]}
BUILDS = {f"build-{hyphened(service)}": service for service in WORKER_POOLS}
STAGES = {f"stage-{hyphened(function)}": function for function in FUNCTIONS}


def run(script, *arguments, **environment):
    return subprocess.run(  # noqa: S603 - the project's own script
        [
            "/bin/sh" if script in ("build_image.sh", "stage_function.sh") else "/bin/bash",
            str(ROOT / "scripts" / script),
            *arguments,
        ],
        env={"PATH": environment.pop("path", "/usr/bin:/bin"), **environment},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


@pytest.mark.parametrize("region", ["asia-southeast1", "europe-west1", "me-central2", "australia-southeast1"])
def test_a_region_that_the_exchange_serves_is_fine(region):
    done = run("check_region.sh", region)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("region", ["us-central1", "us-east4", "us-west1"])
def test_the_united_states_are_refused_with_the_reason(region):
    done = run("check_region.sh", region)
    assert done.returncode == 2
    for word in (region, "Bybit", "403", "asia-southeast1"):
        assert word in done.stderr


@pytest.mark.parametrize("region", ["", "asia", "Asia-Southeast1", "asia-southeast1-b", "us-central1; true"])
def test_what_is_no_region_is_refused(region):
    done = run("check_region.sh", region)
    assert done.returncode == 2
    assert f"'{region}' is not a region" in done.stderr


def test_the_region_is_checked_first_and_is_singapore_unless_said_otherwise():
    assert cloud_build()["steps"][0]["args"] == ["scripts/check_region.sh", "${_REGION}"]
    assert cloud_build()["substitutions"]["_REGION"] == "asia-southeast1"
    assert "check-region" in STEPS["test"]["waitFor"]


def test_images_are_built_side_by_side_after_the_tests():
    assert {id_: step["args"] for id_, step in STEPS.items() if id_.startswith("build-")} == {
        id_: ["scripts/build_image.sh", service] for id_, service in BUILDS.items()
    }
    assert {tuple(STEPS[id_]["waitFor"]) for id_ in BUILDS} == {("test", "builder")}


def test_nothing_is_deployed_unless_everything_was_built():
    assert set(STEPS["deploy"]["waitFor"]) == {*BUILDS, *STAGES}


def test_every_service_is_deployed_readers_before_writers():
    script = STEPS["deploy"]["args"][1]
    [loop] = [line for line in script.splitlines() if line.startswith("for service in ")]
    order = loop.removeprefix("for service in ").removesuffix("; do").split()
    assert sorted(order) == sorted(hyphened(service) for service in WORKER_POOLS)
    assert order[-1] == "ingestor"


def test_a_build_uses_the_registry_as_its_cache_and_pushes(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)
    done = run(
        "build_image.sh", "logic_engine", path=f"{tmp_path}:/usr/bin:/bin", IMAGES="registry/folder", TAG="abc1234"
    )
    image = "registry/folder/logic-engine"
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:3] == ["buildx", "build", "."]
    assert {"SERVICE=logic_engine", "VERSION=abc1234", f"{image}:abc1234", "--push"} <= set(said)
    assert f"type=registry,ref={image}:cache" in said
    assert f"type=registry,ref={image}:cache,mode=max" in said


def test_a_build_without_a_tag_is_refused():
    done = run("build_image.sh", "ingestor", IMAGES="registry/folder")
    assert done.returncode != 0
    assert "TAG: names the image" in done.stderr


def test_a_function_is_staged_and_deployed_under_the_names_that_terraform_has():
    for id_, function in STAGES.items():
        name = hyphened(function)
        staged, deployed = STEPS[id_]["args"][1], STEPS["deploy"]["args"][1]
        declared = terraform()["local"]["functions"][function]
        made = resources("google_cloudfunctions2_function")["functions"]["build_config"][0]
        assert STEPS[id_]["waitFor"] == ["test"]
        assert f'"gs://$$BUCKET/{name}-$$TAG.zip"' in staged
        assert made["source"][0]["storage_source"][0]["object"] == '${replace(each.key, "_", "-")}-${var.image_tag}.zip'
        assert resources("google_storage_bucket")["functions"]["name"] == "${var.project}-functions"
        assert all("BUCKET=${PROJECT_ID}-functions" in STEPS[step]["env"] for step in (id_, "deploy"))
        assert f'--source="gs://$$BUCKET/{name}-$$TAG.zip"' in deployed
        assert f"--runtime={made['runtime']} --entry-point={declared['entry_point']} --trigger-http" in deployed
        assert deployed.index(f"functions describe tracker-{name} ") < deployed.index(
            f"functions deploy tracker-{name} "
        )


def test_what_is_staged_is_the_door_its_lock_and_no_other_service(tmp_path):
    done = run("stage_function.sh", str(tmp_path / "stage"))
    assert done.returncode == 0, done.stderr
    stage = tmp_path / "stage"
    assert {path.name for path in stage.iterdir()} == {"main.py", "requirements.txt", "services", "shared"}
    assert {path.name for path in (stage / "services").iterdir()} == {"__init__.py", "wiring.py", "macro_engine"}
    assert not list(stage.rglob("__pycache__"))
