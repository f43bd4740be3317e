"""The SDK read name by name is the SDK."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from components.sdk_loading import _Loader, module_name

REPOSITORY = Path(__file__).resolve().parents[3]
USED = re.compile(r"\b(?P<package>aws\.[a-z0-9]+|docker)\.(?P<name>[A-Z]\w+|get_\w+)")

ASK = """
import importlib, json, sys
by_name = sys.argv[1] == "by-name"
if by_name:
    from components.sdk_loading import load_by_name
    load_by_name()
answers = {}
for package, name in json.loads(sys.argv[2]):
    found = getattr(importlib.import_module(package), name)
    answers[f"{package}.{name}"] = f"{found.__module__}.{getattr(found, '__qualname__', '')}"
loaded = sorted(name for name in sys.modules if name.startswith(("pulumi_aws.ec2.", "pulumi_docker.")))
print(json.dumps({"answers": answers, "loaded": loaded}))
"""


def ask(way: str, names: list[tuple[str, str]]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, way, json.dumps(names)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def used_names() -> list[tuple[str, str]]:
    found = {
        (match["package"].replace("aws.", "pulumi_aws.").replace("docker", "pulumi_docker"), match["name"])
        for file in (REPOSITORY / "components").glob("*.py")
        for match in USED.finditer(file.read_text(encoding="utf-8"))
    }
    return sorted(found)


def test_every_name_the_components_use_is_the_one_of_the_whole_package() -> None:
    names = used_names()
    assert len(names) > 40
    assert ask("by-name", names)["answers"] == ask("whole", names)["answers"]


def test_a_function_is_found_and_not_the_module_of_its_name() -> None:
    asked = [("pulumi_aws.ecr", "get_authorization_token_output"), ("pulumi_aws.secretsmanager", "get_secret")]
    answers = ask("by-name", asked)["answers"]
    assert answers == ask("whole", asked)["answers"]
    assert isinstance(answers, dict)
    assert answers["pulumi_aws.secretsmanager.get_secret"] == "pulumi_aws.secretsmanager.get_secret.get_secret"


def test_only_what_is_used_is_read() -> None:
    loaded = ask("by-name", [("pulumi_aws.ec2", "Vpc"), ("pulumi_docker", "Image")])["loaded"]
    assert isinstance(loaded, list)
    assert {"pulumi_aws.ec2.vpc", "pulumi_docker.image"} <= set(loaded)
    assert not {"pulumi_aws.ec2.ami", "pulumi_aws.ec2.instance", "pulumi_docker.container"} & set(loaded)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Vpc", "vpc"),
        ("LaunchTemplate", "launch_template"),
        ("get_images", "get_images"),
        ("get_images_output", "get_images"),
        ("EIPAssociation", "eip_association"),
    ],
)
def test_a_name_s_module_is_where_the_generator_puts_it(name: str, module: str) -> None:
    assert module_name(name) == module


@pytest.fixture
def package(tmp_path: Path) -> ModuleType:
    """A package whose `Odd` stands in a module that its name doesn't tell."""
    (tmp_path / "plain_thing.py").write_text("")
    made = ModuleType("made_up_package")
    made.__path__ = [str(tmp_path)]
    return made


class Whole:
    def create_module(self, spec: object) -> None:
        del spec

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["Odd"] = "from the whole package"


def test_a_name_without_a_module_of_its_own_loads_the_whole_package(package: ModuleType, tmp_path: Path) -> None:
    _Loader(Whole(), tmp_path).exec_module(package)  # type: ignore[arg-type]
    assert package.Odd == "from the whole package"


def test_a_name_nobody_has_is_an_attribute_error(package: ModuleType, tmp_path: Path) -> None:
    _Loader(Whole(), tmp_path).exec_module(package)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="Nothing"):
        package.Nothing  # noqa: B018
    with pytest.raises(AttributeError, match="__nothing__"):
        package.__nothing__  # noqa: B018
