"""Finding jobs, and every mistake of every file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import LoadedSpec, Permissions, Resources, discover_jobs, load_job, parse_job

REPOSITORY = Path(__file__).parents[4]
SOUND = """\
description: Count words
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
"""


def write(folder: Path, name: str, text: str = SOUND) -> Path:
    job = folder / name
    job.mkdir(parents=True)
    (job / "job.yaml").write_text(text, encoding="utf-8")
    return job


def test_the_shipped_jobs_are_sound() -> None:
    jobs = {loaded.name: loaded for loaded in discover_jobs(REPOSITORY / "jobs")}
    assert {"flights", "thumbnails"} <= jobs.keys()
    assert jobs["thumbnails"].file == "jobs/thumbnails/job.yaml"


def test_jobs_come_by_name_and_other_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden", "_private"):
        write(tmp_path, name)
    (tmp_path / "library").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert [loaded.name for loaded in discover_jobs(tmp_path)] == ["a", "b"]


def test_every_mistake_of_every_file_is_reported(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    write(jobs, "a", SOUND.replace("512", "1"))
    write(jobs, "b")
    write(jobs, "Bad_Name", "")
    write(jobs, "c", SOUND + "timeout_s: 1\nretry: {attempts: 11}\n")
    write(jobs, "d", "owner: [unclosed\n")
    (jobs / "e").mkdir()
    (jobs / "e" / "job.yaml").write_bytes(b"\0\1\2")
    with pytest.raises(Problems) as raised:
        discover_jobs(jobs)
    assert [problem.place for problem in raised.value] == [
        "jobs/Bad_Name/job.yaml: the job's name",
        "jobs/Bad_Name/job.yaml",
        "jobs/a/job.yaml:5: resources.memory_mib",
        "jobs/c/job.yaml:6: timeout_s",
        "jobs/c/job.yaml:7: retry.attempts",
        "jobs/d/job.yaml:2",
        "jobs/e/job.yaml",
    ]


def test_a_folder_that_looks_like_a_job_is_not_passed_over(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    for folder, file in (("a", "Dockerfile"), ("b", "job.yml")):
        (jobs / folder).mkdir(parents=True)
        (jobs / folder / file).write_text("x")
    with pytest.raises(Problems) as raised:
        discover_jobs(jobs)
    assert [str(problem) for problem in raised.value] == [
        "jobs/a is without a job.yaml; a folder with a Dockerfile is a job; "
        "add job.yaml, or move the folder out of jobs/",
        "jobs/b/job.yml is not read; a job's file is job.yaml; rename it to job.yaml",
    ]


def test_a_folder_of_jobs_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="jobs is missing; jobs are folders of it; run Batchyard in its repository"):
        discover_jobs(tmp_path / "jobs")
    (tmp_path / "file").write_text("x")
    with pytest.raises(Problems, match="file is no folder"):
        discover_jobs(tmp_path / "file")


def test_a_folder_without_jobs_has_none(tmp_path: Path) -> None:
    assert discover_jobs(tmp_path) == []


def test_a_folder_with_an_odd_name_stays_on_one_line(tmp_path: Path) -> None:
    write(tmp_path / "jobs", "a\nb")
    with pytest.raises(Problems) as raised:
        discover_jobs(tmp_path / "jobs")
    (problem,) = raised.value
    assert str(problem).splitlines() == [str(problem)]


def test_a_job_from_a_text_is_the_job_from_its_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "jobs", "words")
    assert parse_job(SOUND, folder) == load_job(folder)


def test_defaults_are_those_the_documentation_gives() -> None:
    spec = parse_job(SOUND, Path("jobs/words")).spec
    assert (spec.timeout_s, spec.retry.attempts, spec.array, spec.triggers, spec.enabled) == (
        3600,
        3,
        None,
        (),
        True,
    )
    assert (spec.retry.on_reclaim, spec.retry.on_out_of_memory, spec.retry.on_application_error) == (
        "retry",
        "fail",
        "fail",
    )


def test_what_others_read_from_a_specification() -> None:
    text = SOUND + (
        'command: [--bucket, "Ref::bucket", --day, "Ref::day", "Ref::bucket"]\n'
        "parameters: {day: today}\n"
        "triggers:\n"
        "  - s3: {bucket: uploads, suffix: .csv}\n"
        "  - schedule: {rate: 5 minutes}\n"
        '    parameters: {bucket: x, day: "<aws.scheduler.scheduled-time>"}\n'
        "  - schedule: {cron: 0 6 * * ? *}\n"
        "    parameters: {bucket: x}\n"
    )
    loaded = parse_job(text, Path("jobs/words"))
    upload, often, daily = loaded.spec.triggers
    assert loaded.spec.references == ("bucket", "day")
    assert upload.s3 is not None
    assert upload.s3.suffix == (".csv",)
    assert upload.offered == {"bucket", "key"}
    assert often.schedule is not None
    assert daily.schedule is not None
    assert (often.schedule.expression, daily.schedule.expression) == ("rate(5 minutes)", "cron(0 6 * * ? *)")
    assert loaded.place("triggers", 1, "parameters", "day") == "jobs/words/job.yaml:11: triggers[1].parameters.day"


def test_numbers_are_written_as_batch_takes_them() -> None:
    assert [Resources(vcpus=vcpus, memory_mib=512).vcpus_text for vcpus in (1, 0.25, 16.0)] == ["1", "0.25", "16"]
    assert Permissions(read=("b", "a"), write=("a", "c")).buckets == ("a", "b", "c")


def test_a_thousand_jobs_are_read_in_one_go(tmp_path: Path) -> None:
    text = (REPOSITORY / "jobs" / "thumbnails" / "job.yaml").read_text(encoding="utf-8")
    for number in range(1000):
        write(tmp_path, f"job-{number}", text)
    jobs = discover_jobs(tmp_path)
    assert len(jobs) == 1000
    assert all(isinstance(loaded, LoadedSpec) for loaded in jobs)
