"""Build contexts, tags and images."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from components.build_context import BUILD_FOLDER, LAMBDA_FILES, PROBE_NAME, RESULTS_FILES, prepare
from local.home import REPOSITORY
from tests.unit.components import example
from tests.unit.components.mocked_engine import DIGEST, Recording


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return example.write_repository(tmp_path, {"resize": example.RESIZE})


def tag(repository: Path, base_image: str = "base:1", platform: str = "linux/amd64") -> str:
    return prepare(repository, "resize", base_image=base_image, platform=platform).tag


def files(repository: Path) -> set[str]:
    folder = repository / BUILD_FOLDER / "resize"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_context_is_the_job_and_the_probe(repository: Path) -> None:
    context = prepare(repository, "resize", base_image="base:1", platform="linux/amd64")
    assert context.path == ".batchyard/build/resize"
    assert files(repository) == {"Dockerfile", "main.py", PROBE_NAME}
    assert (repository / context.path / PROBE_NAME).stat().st_mode & 0o111
    assert len(context.tag) == 16


def test_an_unchanged_folder_keeps_its_tag_and_its_files(repository: Path) -> None:
    first = tag(repository)
    built = repository / BUILD_FOLDER / "resize" / "main.py"
    before = built.stat().st_mtime_ns
    assert tag(repository) == first
    assert built.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "name", ["job.yaml", "tests/test_main.py", "README.md", "__pycache__/main.pyc", "test_more.py"]
)
def test_what_is_no_part_of_the_image_changes_no_tag(repository: Path, name: str) -> None:
    first = tag(repository)
    path = repository / "jobs" / "resize" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("changed")
    assert tag(repository) == first


def test_content_name_mode_base_image_and_platform_are_in_the_tag(repository: Path) -> None:
    folder = repository / "jobs" / "resize"
    tags = [tag(repository), tag(repository, base_image="base:2"), tag(repository, platform="linux/arm64")]
    (folder / "main.py").write_text("print(2)\n")
    tags.append(tag(repository))
    (folder / "main.py").rename(folder / "other.py")
    tags.append(tag(repository))
    (folder / "other.py").chmod(0o755)
    tags.append(tag(repository))
    (repository / "jobs" / "probe" / "probe.sh").write_text("#!/bin/sh\n")
    (repository / "jobs" / "probe" / "on_lambda.py").write_text("pass\n")
    tags.append(tag(repository))
    assert len(set(tags)) == len(tags)


def test_files_that_are_gone_leave_the_context(repository: Path) -> None:
    data = repository / "jobs" / "resize" / "data"
    data.mkdir()
    (data / "table.csv").write_text("1")
    tag(repository)
    assert "data/table.csv" in files(repository)
    (data / "table.csv").unlink()
    data.rmdir()
    data.write_text("now a file")
    tag(repository)
    assert files(repository) == {"Dockerfile", "main.py", "data", PROBE_NAME}


def test_images_are_immutable_scanned_and_expire(stage: Recording) -> None:
    repository = stage.one("Repository", "batchyard/dev/resize").inputs
    assert repository["name"] == "batchyard/dev/resize"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    policy = json.loads(stage.one("LifecyclePolicy", "batchyard/dev/resize").inputs["policy"])
    assert policy["rules"][0]["selection"] == {
        "countNumber": 5,
        "countType": "imageCountMoreThan",
        "tagStatus": "any",
    }


def test_an_image_is_pushed_under_its_tag_and_used_by_digest(stage: Recording, example_repository: Path) -> None:
    image = stage.one("Image", "batchyard/dev/resize").inputs
    context = prepare(example_repository, "resize", base_image="batchyard/base:python3.11", platform="linux/amd64")
    assert image["imageName"].endswith(f"/batchyard/dev/resize:{context.tag}")
    assert image["build"]["context"] == context.path
    assert image["build"]["dockerfile"] == f"{context.path}/Dockerfile"
    assert image["build"]["args"] == {"BASE_IMAGE": "batchyard/base:python3.11"}
    assert image["registry"]["server"] == image["imageName"].split("/", 1)[0]
    assert stage.outputs["images"]["resize"] == image["imageName"].rsplit(":", 1)[0] + "@" + DIGEST


@pytest.mark.parametrize("file", sorted({*LAMBDA_FILES, *RESULTS_FILES}), ids=str)
def test_what_runs_in_an_image_is_python_3_9_without_a_library(file: Path) -> None:
    module = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"), feature_version=(3, 9))
    named = [name.name for one in ast.walk(module) if isinstance(one, ast.Import) for name in one.names]
    for one in (one for one in ast.walk(module) if isinstance(one, ast.ImportFrom)):
        named += [f"jobs.{name.name}" for name in one.names] if one.module == "jobs" else [str(one.module)]
    packages = {name.partition(".")[0] for name in named} - {"jobs"}
    assert packages <= sys.stdlib_module_names
    inside = {f.with_suffix("").as_posix().replace("/", ".") for f in (*LAMBDA_FILES, *RESULTS_FILES)}
    assert {name for name in named if name.startswith("jobs.")} <= inside
