"""A number in a stack's file: set wherever it stands or doesn't, with every other byte as it was."""

from __future__ import annotations

import io
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cli.tune_file import diff, edited, edited_as_far_as_possible, read_text, replace_file
from jobs.problems import Problems
from local.home import REPOSITORY

FILE = "Pulumi.prod.yaml"
CASES: dict[str, tuple[str, str]] = {
    "the number is there, with a comment behind it": (
        "config:\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      resources: # big\n"
        "        memory_mib: 512   # since May\n"
        "# end\n",
        "config:\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      resources: # big\n"
        "        memory_mib: 704   # since May\n"
        "# end\n",
    ),
    "no jobs key yet": (
        "# ours\nconfig:\n  aws:region: us-east-1\n  # last word\n\n\n# after\n",
        "# ours\n"
        "config:\n"
        "  aws:region: us-east-1\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      resources:\n"
        "        memory_mib: 704\n"
        "  # last word\n"
        "\n"
        "\n"
        "# after\n",
    ),
    "no line end at the end": (
        "config:\n  aws:region: us-east-1",
        "config:\n  aws:region: us-east-1\n  batchyard:jobs:\n    flights:\n      resources:\n        memory_mib: 704",
    ),
    "another job first, odd indentation, a comment on the last line": (
        "config:\n"
        "     batchyard:jobs:\n"
        "        thumbnails:\n"
        "           timeout_s: 60 # short\n"
        "     batchyard:owner: platform\n",
        "config:\n"
        "     batchyard:jobs:\n"
        "        thumbnails:\n"
        "           timeout_s: 60 # short\n"
        "        flights:\n"
        "          resources:\n"
        "            memory_mib: 704\n"
        "     batchyard:owner: platform\n",
    ),
    "the job has other things": (
        "config:\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      timeout_s: 60\n"
        "      environment:\n"
        "        A: |\n"
        "          text\n"
        "          more\n"
        "    thumbnails: {}\n",
        "config:\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      timeout_s: 60\n"
        "      environment:\n"
        "        A: |\n"
        "          text\n"
        "          more\n"
        "      resources:\n"
        "        memory_mib: 704\n"
        "    thumbnails: {}\n",
    ),
    "braces": (
        "config:\n  batchyard:jobs: {flights: {timeout_s: 60}}  # one line\n",
        "config:\n  batchyard:jobs: {flights: {resources: {memory_mib: 704}, timeout_s: 60}}  # one line\n",
    ),
    "braces that hold the number": (
        "config:\n  batchyard:jobs:\n    flights: {resources: {vcpus: 1, memory_mib: 512}}\n",
        "config:\n  batchyard:jobs:\n    flights: {resources: {vcpus: 1, memory_mib: 704}}\n",
    ),
    "empty braces": (
        "config:\n  batchyard:jobs: {}  # none yet\n  batchyard:owner: x\n",
        "config:\n"
        "  batchyard:jobs:  # none yet\n"
        "    flights:\n"
        "      resources:\n"
        "        memory_mib: 704\n"
        "  batchyard:owner: x\n",
    ),
    "a key with nothing": (
        "config:\n  batchyard:jobs:\n    flights:\n  batchyard:owner: x\n",
        "config:\n  batchyard:jobs:\n    flights:\n      resources:\n        memory_mib: 704\n  batchyard:owner: x\n",
    ),
    "a list at the end": (
        "config:\n  batchyard:network:\n    subnet_ids:\n    - subnet-1   # a\n    - subnet-2   # b\n",
        "config:\n"
        "  batchyard:network:\n"
        "    subnet_ids:\n"
        "    - subnet-1   # a\n"
        "    - subnet-2   # b\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      resources:\n"
        "        memory_mib: 704\n",
    ),
    "lines of Windows": (
        "config:\r\n  batchyard:jobs:\r\n    flights:\r\n      timeout_s: 60\r\n",
        "config:\r\n"
        "  batchyard:jobs:\r\n"
        "    flights:\r\n"
        "      timeout_s: 60\r\n"
        "      resources:\r\n"
        "        memory_mib: 704\r\n",
    ),
    "a quoted number and quoted keys": (
        'config:\n  "batchyard:jobs":\n    \'flights\':\n      resources: {"memory_mib": "512"}\n',
        'config:\n  "batchyard:jobs":\n    \'flights\':\n      resources: {"memory_mib": 704}\n',
    ),
    "an alias where the number stands": (
        "config:\n  x: &size 512\n  batchyard:jobs:\n    flights:\n      resources:\n        memory_mib: *size\n",
        "",
    ),
    "the number's key with nothing behind it, and a last key without a value": (
        "config:\n  batchyard:jobs:\n    flights:\n      resources:\n        memory_mib:\n    thumbnails:\n\n# end\n",
        "config:\n"
        "  batchyard:jobs:\n"
        "    flights:\n"
        "      resources:\n"
        "        memory_mib: 704\n"
        "    thumbnails:\n"
        "\n"
        "# end\n",
    ),
    "a last job without a value": (
        "config:\n  batchyard:jobs:\n    thumbnails:   # none\n# end\nother: 1\n",
        "config:\n"
        "  batchyard:jobs:\n"
        "    thumbnails:   # none\n"
        "    flights:\n"
        "      resources:\n"
        "        memory_mib: 704\n"
        "# end\n"
        "other: 1\n",
    ),
}


@pytest.mark.parametrize("case", [name for name, (_, after) in CASES.items() if after])
def test_the_number_is_set_and_nothing_else(case: str) -> None:
    before, after = CASES[case]
    assert edited(before, {"flights": 704}, file=FILE) == after
    assert edited(after, {"flights": 704}, file=FILE) == after
    assert edited(after, {}, file=FILE) == after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [1]\n", "Pulumi.prod.yaml: config is no mapping; one number is changed and nothing else"),
        ("config:\n  batchyard:jobs: '{}'\n", "config.batchyard:jobs is no mapping"),
        ("config: {a: [}\n", "Pulumi.prod.yaml is no YAML"),
        ("config:\n  a: 1\n  a: 2\n", "Pulumi.prod.yaml is no YAML"),
        ("", "Pulumi.prod.yaml is no mapping"),
        (CASES["an alias where the number stands"][0], "one change of it changes more"),
        (
            "config:\n  batchyard:jobs:\n    thumbnails: &same {resources: {memory_mib: 512}}\n    flights: *same\n",
            "one change of it changes more",
        ),
        (
            "config:\n  batchyard:jobs:\n    flights:\n      resources:\n        memory_mib: [1]\n",
            "flights.resources.memory_mib is no number",
        ),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text: str, said: str) -> None:
    with pytest.raises(Problems) as raised:
        edited(text, {"flights": 704}, file=FILE)
    assert said in str(raised.value)


MERGED = """config:
  batchyard:jobs:
    thumbnails: &usual
      resources: {vcpus: 1, memory_mib: 512}
    flights:
      <<: *usual
      timeout_s: 60
    weekly: *usual
    zip:
      resources: {memory_mib: 512}
"""


def test_a_job_whose_block_others_share_is_refused_and_the_others_are_written() -> None:
    text, refused = edited_as_far_as_possible(
        MERGED, dict.fromkeys(["flights", "new", "weekly", "zip"], 704), file=FILE
    )
    own = MERGED.replace("    zip:\n      resources: {memory_mib: 512}", "    zip:\n      resources: {memory_mib: 704}")
    assert text == f"{own}    new:\n      resources:\n        memory_mib: 704\n"
    assert [str(problem) for problem in refused] == [
        f"{FILE}: config.batchyard:jobs.{job}.resources.memory_mib is written so that one change of it changes more; "
        "one number is changed and nothing else; write 704 there by hand, in a block of the job's own without `&`, "
        "`*` and `<<`"
        for job in ("flights", "weekly")
    ]


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_the_shipped_files(stack: str) -> None:
    before = read_text(REPOSITORY / f"Pulumi.{stack}.yaml")
    after = edited(before, {"flights": 704, "thumbnails": 256, "on": 128}, file=FILE)
    kept = [line for line in after.splitlines() if line in before.splitlines()]
    assert len(kept) >= len(before.splitlines()) - 2
    jobs = YAML(typ="safe").load(after)["config"]["batchyard:jobs"]
    assert [jobs[job]["resources"]["memory_mib"] for job in ("flights", "thumbnails", "on")] == [704, 256, 128]


names = st.sampled_from(["flights", "thumbnails", "null", "a-1"])
leaves = st.integers(0, 9) | st.sampled_from(["text", "# no comment", "a: b", "line\nline\n", ""]) | st.none()
resources = st.dictionaries(st.sampled_from(["vcpus", "memory_mib", "gpus"]), st.integers(1, 999), max_size=3)
job = st.fixed_dictionaries(
    {},
    optional={"timeout_s": leaves, "resources": resources, "environment": st.dictionaries(names, leaves, max_size=2)},
)
documents = st.fixed_dictionaries(
    {
        "config": st.fixed_dictionaries(
            {"aws:region": leaves}, optional={"batchyard:jobs": st.dictionaries(names, job), "z": leaves}
        )
    },
    optional={"after": st.lists(leaves, max_size=2)},
)


@settings(max_examples=100, deadline=None)
@given(documents, names, st.integers(2, 7), st.booleans())
def test_whatever_the_file_looks_like(document: dict[str, Any], name: str, indent: int, flow: bool) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None if flow else False
    yaml.indent = indent
    stream = io.StringIO()
    yaml.dump(document, stream)
    before = stream.getvalue()
    after = edited(before, {name: 704}, file=FILE)
    document["config"].setdefault("batchyard:jobs", {}).setdefault(name, {}).setdefault("resources", {})[
        "memory_mib"
    ] = 704
    assert YAML(typ="safe", pure=True).load(after) == document


def test_a_diff_is_what_patch_takes(tmp_path: Path) -> None:
    for number, (before, after) in enumerate(pair for pair in CASES.values() if pair[1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / FILE).write_bytes(before.encode())
        subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            cwd=folder,
            input=diff(before, after, file=FILE).encode(),
            check=True,
        )
        assert (folder / FILE).read_bytes() == after.encode()
    assert diff("a\n", "a\n", file=FILE) == ""


def test_the_file_is_replaced_whole_with_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("old\n")
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    replace_file(link, "old\n", "new\r\n")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode), link.is_symlink()) == (b"new\r\n", 0o640, True)
    with pytest.raises(Problems, match="changed since it was read"):
        replace_file(file, "old\n", "newer\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "link.yaml"]
    assert file.read_bytes() == b"new\r\n"
