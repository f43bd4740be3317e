"""The examples of docs/jobs.md, as files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parents[4] / "docs" / "jobs.md"
_BLOCK = re.compile(r"^```(?:yaml|dockerfile)\n# (?P<file>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^```python\n# jobs/(?P<job>[a-z-]+)/main.py\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """(file, text) of every example, in the page's order."""
    return [(found["file"], found["text"]) for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def jobs() -> dict[str, str]:
    """Job → its job.yaml."""
    return {file.split("/")[1]: text for file, text in blocks() if file.endswith("/job.yaml")}


def dockerfiles() -> dict[str, str]:
    """Job → its Dockerfile, of those that are shown."""
    return {file.split("/")[1]: text for file, text in blocks() if file.endswith("/Dockerfile")}


def programs() -> dict[str, str]:
    """Job → its main.py, of those that are shown."""
    return {found["job"]: found["text"] for found in _PROGRAM.finditer(PAGE.read_text(encoding="utf-8"))}


def settings() -> dict[str, Mapping[str, Any]]:
    """What all the page's pieces of `Pulumi.<stack>.yaml` say together, by key: `compute_environments` …"""
    found: dict[str, dict[str, Any]] = {}
    for file, text in blocks():
        if file.startswith("Pulumi."):
            for key, value in yaml.safe_load(text)["config"].items():
                found.setdefault(key.removeprefix("batchyard:"), {}).update(value)
    return dict(found)
