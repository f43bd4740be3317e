"""Finding the jobs: every folder of `jobs/` that holds a job.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobs import conventions
from jobs.problems import Problem, Problems, place, raise_any
from jobs.spec import cross
from jobs.spec.found import PlaceOf
from jobs.spec.include import absent
from jobs.spec.mistakes import every_mistake
from jobs.spec.model import JobSpec
from jobs.spec.yaml_file import KeyPath, YamlFile, parse_yaml, read_yaml, show

FILE_NAME = "job.yaml"
_NAME = re.compile(conventions.NAME_PATTERN)


@dataclass(frozen=True, kw_only=True)
class LoadedSpec:
    """A job's specification and where it was read."""

    spec: JobSpec
    folder: Path
    """The build context's source; its name is the job's."""
    file: str
    """As problems show it: `jobs/thumbnails/job.yaml`."""
    source: YamlFile | None = field(default=None, repr=False, compare=False)
    """Lines of its keys."""

    @property
    def name(self) -> str:
        """The job's name: its folder's."""
        return self.folder.name

    def place(self, *path: str | int) -> str:
        """For problems found later: `loaded.place("triggers", 0, "s3")` → `jobs/x/job.yaml:12: triggers[0].s3`."""
        if self.source is None:
            return YamlFile(file=self.file, value=None).place(path)
        return self.source.place(path)

    def with_spec(self, spec: JobSpec) -> LoadedSpec:
        """The same job with a merged specification."""
        return replace(self, spec=spec)


def discover_jobs(folder: Path) -> list[LoadedSpec]:
    """All jobs of a folder, by name. Raises Problems with every mistake of every file."""
    found: list[LoadedSpec] = []
    problems: list[Problem] = []
    if not folder.is_dir():
        missing = Problem(
            place=folder.name or str(folder),
            got="missing" if not folder.exists() else "no folder",
            allowed="jobs are folders of it",
            remedy="run Batchyard in its repository, or make the folder",
        )
        raise Problems([missing])
    for candidate in sorted(folder.iterdir()):
        if not candidate.is_dir() or candidate.name.startswith((".", "_")):
            continue
        try:
            if (candidate / FILE_NAME).exists():
                found.append(load_job(candidate))
            else:
                problems += _forgotten(candidate)
        except Problems as error:
            problems += error
    raise_any(problems)
    return found


def load_job(folder: Path) -> LoadedSpec:
    """One job. Raises Problems with every mistake of its file."""
    file = _shown(folder, FILE_NAME)
    source = read_yaml(folder / FILE_NAME, file=file)
    return _load(folder, source)


def parse_job(text: str | bytes, folder: Path) -> LoadedSpec:
    """The same from a text that isn't in a file yet."""
    return _load(folder, parse_yaml(text, file=_shown(folder, FILE_NAME)))


def validate(value: object, place_of: PlaceOf, *, broken: frozenset[KeyPath] = frozenset()) -> JobSpec:
    """A specification from plain values. Raises Problems with every mistake, those between fields included."""
    if not isinstance(value, Mapping):
        got, remedy = show(value), "begin with description: and owner:"
        raise Problems([Problem(place=place_of(()), got=got, allowed="a job is a mapping of keys", remedy=remedy)])
    checked = every_mistake(JobSpec, value, place_of, broken=broken)
    problems = list(checked.problems)
    if checked.value is not None:
        problems += cross.check(checked.value, place_of, checked.broken)
    raise_any(problems)
    if checked.value is None:
        raise AssertionError("a value without problems makes a specification")
    return checked.value


def _shown(folder: Path, *file: str) -> str:
    """`jobs/x/job.yaml`, on one line whatever the folder is called."""
    name = "/".join((folder.parent.name, folder.name, *file))
    return name if name.isprintable() else repr(name)[1:-1]


def _load(folder: Path, source: YamlFile) -> LoadedSpec:
    problems = [*_name_problems(folder, source.file), *source.problems]
    spec: JobSpec | None = None
    if source.value is not None or not source.problems:
        try:
            spec = validate(source.value, source.place, broken=source.broken)
        except Problems as error:
            problems += error
    if spec is not None:
        # a job is a folder of `jobs/`, which is a folder of the repository
        problems += absent(spec.include, folder.parent.parent, lambda position: source.place(("include", position)))
    raise_any(problems)
    assert spec is not None
    return LoadedSpec(spec=spec, folder=folder, file=source.file, source=source)


def _name_problems(folder: Path, file: str) -> list[Problem]:
    name = folder.name
    remedy = "rename the folder"
    if len(name) > conventions.JOB_NAME_MAX:
        allowed = f"a job's name has at most {conventions.JOB_NAME_MAX}"
        return [
            Problem(
                place=place(file, "the job's name"), got=f"{len(name)} characters long", allowed=allowed, remedy=remedy
            )
        ]
    if _NAME.fullmatch(name) is None:
        allowed = "it is lower-case letters, digits and single hyphens, beginning with a letter"
        return [Problem(place=place(file, "the job's name"), got=repr(name), allowed=allowed, remedy=remedy)]
    return []


def _forgotten(folder: Path) -> list[Problem]:
    """A folder that looks like a job but has no job.yaml."""
    shown = _shown(folder)
    for other in ("job.yml", "job.json", "Job.yaml"):
        if (folder / other).exists():
            return [
                Problem(
                    place=f"{shown}/{other}",
                    got="not read",
                    allowed=f"a job's file is {FILE_NAME}",
                    remedy=f"rename it to {FILE_NAME}",
                )
            ]
    if (folder / "Dockerfile").exists():
        remedy = f"add {FILE_NAME}, or move the folder out of {folder.parent.name}/"
        return [
            Problem(
                place=shown, got=f"without a {FILE_NAME}", allowed="a folder with a Dockerfile is a job", remedy=remedy
            )
        ]
    return []
