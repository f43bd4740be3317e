"""What the scheduled report imports is what its image has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from jobs.spec import load_job

REPOSITORY = Path(__file__).resolve().parents[3]
JOB = REPOSITORY / "jobs" / "weekly-cost-report"
ASK = """
import json, pathlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} isn't in the image")

absent = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Absent())
import reports.weekly
import pyarrow.parquet
print(json.dumps([module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]))
"""


def test_what_it_imports_is_included_or_pinned() -> None:
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==", (JOB / "requirements.txt").read_text(encoding="utf-8")))
    absent = [
        package
        for package, distributions in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", one).lower() for one in distributions} & pinned
    ]
    command = [sys.executable, "-c", ASK, json.dumps(absent)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = [Path(file) for file in json.loads(done.stdout)]
    ours = {file.relative_to(REPOSITORY) for file in files if file.is_relative_to(REPOSITORY)}
    include = load_job(JOB).spec.include
    outside = {str(one) for one in ours if ".batchyard" not in one.parts and not any(map(one.is_relative_to, include))}
    assert outside == set()


def test_what_is_pinned_is_what_is_tested() -> None:
    pins = re.compile(r"(?m)^([a-z0-9-]+)==([^\s;\\]+)")
    locked = dict(pins.findall((REPOSITORY / "requirements.lock").read_text(encoding="utf-8")))
    asked = dict(pins.findall((JOB / "requirements.txt").read_text(encoding="utf-8")))
    assert asked
    assert {name: locked.get(name) for name in asked} == asked, "the first lines of requirements.txt make it anew"
