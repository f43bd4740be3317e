"""Rules of the repository that no linter knows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local.home import REPOSITORY

LARGEST_LINES = 400
# tables and generated files are read by looking things up, not from top to bottom
LARGE_BY_NATURE = frozenset(
    {"requirements.lock", "local/toolchain/engine/go.sum", "local/toolchain/language_host/go.sum"}
)
CODE = (".py", ".sh", ".yaml", ".yml", ".toml", ".mod", "Makefile", "Dockerfile", "run", ".txt", ".lock")
# spelled in parts, so that this file keeps the rules itself
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "proxy.golang" + ".org",
    "sum.golang" + ".org",
    "deb.debian" + ".org",
    "registry.npmjs" + ".org",
    "index-" + "url http",
)
UNFINISHED = re.compile(
    r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"]) + r")\b"
)
MACHINE_PATHS = re.compile(r"(?<![\w.$}/-])/(?:root|home/[a-z]+|work|opt/dev|Users/[A-Za-z]+)/")
UNPINNED_IMAGE = re.compile(r"[\w/]:" + "lat" + r"est\b")
WILDCARD = re.compile(r"""["']?(?:Resource|Action|resources|actions)["']?\s*[:=]\s*\[?\s*["']\*["']""")
SLEEP = re.compile(r"\btime\." + r"sleep\(")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def files() -> tuple[Path, ...]:
    """What git tracks, or would: new files count before they are committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git work tree")
    found = (REPOSITORY / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return tuple(file for file in found if file.is_file())


@cache
def text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def lines_that_match(pattern: re.Pattern[str], *endings: str) -> Iterator[str]:
    for file in files():
        if endings and not file.name.endswith(endings):
            continue
        for number, line in enumerate(text(file).splitlines(), 1):
            if pattern.search(line):
                yield f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()[:120]}"


def test_no_address_of_a_package_registry_is_written_down() -> None:
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS))
    assert list(lines_that_match(hosts)) == []


def test_nothing_is_left_unfinished() -> None:
    assert list(lines_that_match(UNFINISHED)) == []


def test_no_path_of_one_machine() -> None:
    assert list(lines_that_match(MACHINE_PATHS)) == []


def test_every_image_is_pinned() -> None:
    found = lines_that_match(UNPINNED_IMAGE)
    # AWS's own sample events name what their authors ran
    assert [line for line in found if not re.match(r"tests/[^:]*\.json:", line)] == []


def test_no_wildcard_in_permissions() -> None:
    found = [line for line in lines_that_match(WILDCARD, ".py", ".yaml", ".json") if not line.startswith("tests/")]
    assert found == []


def test_no_test_waits_by_sleeping() -> None:
    found = [line for line in lines_that_match(SLEEP, ".py") if "/tests/" in f"/{line}" or line.startswith("tests/")]
    assert found == []


def test_the_lock_file_pins_every_package_with_its_hash() -> None:
    lock = text(REPOSITORY / "requirements.lock")
    pinned = re.findall(
        r"^([a-z0-9][\w.-]*)==\S+.*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.MULTILINE
    )
    named = re.findall(r"^[a-z0-9][\w.-]*", lock, re.MULTILINE)
    assert [name for name, _ in pinned] == named
    assert "http" not in lock


def test_no_file_asks_for_two_rooms() -> None:
    """Python files past the limit become two."""
    long = {
        str(file.relative_to(REPOSITORY)): len(text(file).splitlines())
        for file in files()
        if file.suffix == ".py" and len(text(file).splitlines()) > LARGEST_LINES
    }
    assert long == {}


def test_job_code_imports_nothing_of_the_repository() -> None:
    """What runs in a container is only what the job's folder holds."""
    ours = re.compile(r"^\s*(?:from|import) (?:components|jobs|scheduling|local|reports|cli)\b")
    jobs = {file.parent for file in files() if file.name == "job.yaml" and file.parent.parent.name == "jobs"}
    assert jobs
    code = [str(file.relative_to(REPOSITORY)) for job in jobs for file in job.glob("*.py") if not is_test(file)]
    assert [line for line in lines_that_match(ours, ".py") if line.partition(":")[0] in code] == []


def is_test(file: Path) -> bool:
    return file.name.startswith(("test_", "conftest"))


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text(file), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading)).strip().lower() for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def broken_links() -> Iterator[str]:
    for file in files():
        if file.suffix != ".md":
            continue
        for target in LINK.findall(re.sub(r"```.*?```", "", text(file), flags=re.DOTALL)):
            place, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", place):
                continue
            linked = (file.parent / place).resolve() if place else file
            if not linked.exists():
                yield f"{file.relative_to(REPOSITORY)}: {target}: no such file"
            elif anchor and linked.suffix == ".md" and anchor not in anchors(linked):
                yield f"{file.relative_to(REPOSITORY)}: {target}: no such heading"


def test_every_link_in_the_documents_leads_somewhere() -> None:
    assert list(broken_links()) == []


def test_every_make_target_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(REPOSITORY / "Makefile"), re.MULTILINE))
    named = {
        (str(file.relative_to(REPOSITORY)), target)
        for file in files()
        if file.suffix == ".md"
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", text(file), re.MULTILINE)
    }
    assert {(file, target) for file, target in named if target not in targets} == set()


def test_what_the_shell_runs_is_executable() -> None:
    scripts = [file for file in files() if text(file).startswith("#!") and file.suffix in ("", ".sh")]
    assert [str(file.relative_to(REPOSITORY)) for file in scripts if not file.stat().st_mode & 0o111] == []
