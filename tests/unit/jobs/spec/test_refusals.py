"""What a job's author reads after a mistake: exact texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import parse_job

REPOSITORY = Path(__file__).parents[4]
SOUND = """\
description: Resize every uploaded photograph
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
timeout_s: 600
retry: {attempts: 3}
permissions: {read: [uploads], write: [results]}
environment: {LEVEL: info}
command: [--key, "Ref::key"]
array: {size: 2}
triggers:
  - s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}
"""


def refused(text: str, folder: str = "jobs/x") -> list[str]:
    with pytest.raises(Problems) as raised:
        parse_job(text, Path(folder))
    return [str(problem) for problem in raised.value]


def changed(line: str, new: str) -> str:
    assert line in SOUND
    return SOUND.replace(line, new)


def test_the_sound_one_is_sound() -> None:
    assert parse_job(SOUND, Path("jobs/x")).spec.timeout_s == 600


@pytest.mark.parametrize(
    ("line", "new", "problem"),
    [
        (
            "attempts: 3",
            "attempts: 12",
            "jobs/x/job.yaml:7: retry.attempts is 12; Batch allows 1–10; write a whole number in that range",
        ),
        (
            "attempts: 3",
            "atempts: 3",
            "jobs/x/job.yaml:7: retry.atempts is an unknown key; known are attempts, on_application_error, "
            "on_out_of_memory, on_reclaim; did you mean attempts?",
        ),
        (
            "attempts: 3",
            "on_reclaim: retri",
            "jobs/x/job.yaml:7: retry.on_reclaim is 'retri'; allowed are fail, retry; did you mean retry?",
        ),
        (
            "timeout_s: 600",
            "timeout_s: 59",
            "jobs/x/job.yaml:6: timeout_s is 59; Batch allows 60 s and more, Batchyard up to 2,592,000 (30 days); "
            "write whole seconds in that range",
        ),
        (
            "array: {size: 2}",
            "array: {size: 1}",
            "jobs/x/job.yaml:11: array.size is 1; Batch allows 2–10,000; write a whole number in that range, "
            "or leave array out",
        ),
        (
            "array: {size: 2}",
            "array: {size: 10001}",
            "jobs/x/job.yaml:11: array.size is 10001; Batch allows 2–10,000; write a whole number in that range, "
            "or leave array out",
        ),
        (
            "memory_mib: 512",
            'memory_mib: "512"',
            "jobs/x/job.yaml:5: resources.memory_mib is '512'; memory is a whole number of MiB from 4 to 33,554,432; "
            "write a whole number without quotes",
        ),
        (
            "vcpus: 1",
            "vcpus: true",
            "jobs/x/job.yaml:5: resources.vcpus is true; vCPUs are a number from 0.25 to 2,000; "
            "write a number without quotes",
        ),
        (
            "vcpus: 1",
            "vcpus: 1.5",
            "jobs/x/job.yaml:5: resources.vcpus is 1.5; on ec2 vCPUs are whole numbers from 1 up; round up, "
            "or write platform: fargate",
        ),
        (
            "platform: ec2",
            "platform: faregate",
            "jobs/x/job.yaml:3: platform is 'faregate'; allowed are ec2, fargate, lambda; did you mean fargate?",
        ),
        (
            "owner: media\n",
            "",
            "jobs/x/job.yaml:1: owner is missing; an owner becomes a cost tag: letters, digits, spaces and _.@/+=-, "
            "at most 64 characters; add owner: media",
        ),
        (
            "read: [uploads]",
            "read: uploads",
            "jobs/x/job.yaml:8: permissions.read is 'uploads'; it must be a list; write [a, b] or lines that begin "
            "with a dash",
        ),
        (
            "read: [uploads]",
            'read: ["arn:aws:s3:::x"]',
            "jobs/x/job.yaml:8: permissions.read[0] is 'arn:aws:s3:::x'; a bucket's name is lower-case letters, digits "
            "and single hyphens, beginning with a letter, at most 24 characters; rename the bucket",
        ),
        (
            "LEVEL: info",
            "LEVEL: 3",
            "jobs/x/job.yaml:9: environment.LEVEL is 3; it must be text; write text; in YAML numbers, true and false "
            "are text only in quotes",
        ),
        (
            "LEVEL: info",
            'LEVEL: ""',
            "jobs/x/job.yaml:9: environment.LEVEL is empty; Batch drops variables with an empty value; remove the "
            "variable or give it a value",
        ),
        (
            "LEVEL: info",
            "BATCHYARD_STAGE: x",
            "jobs/x/job.yaml:9: environment.BATCHYARD_STAGE is a reserved name; BATCHYARD_ and AWS_BATCH belong to the "
            "platform; choose another prefix",
        ),
        (
            '"Ref::key"',
            '"Ref::kei"',
            "jobs/x/job.yaml:13: triggers[0] is without a value for Ref::kei; a Ref:: is given by the trigger "
            "(bucket, key) or by the job's parameters (none); did you mean key?",
        ),
        (
            '"Ref::key"',
            '"--key=Ref::key"',
            "jobs/x/job.yaml:10: command[1] is '--key=Ref::key'; Ref::name is an argument of its own; the name is "
            "letters, digits, _ and -; split the argument",
        ),
        (
            "prefix: photos/",
            "prefix: /photos/",
            "jobs/x/job.yaml:13: triggers[0].s3.prefix is '/photos/'; S3 keys don't begin with a slash; "
            "write 'photos/'",
        ),
        (
            "suffix: [.jpg, .png]",
            'suffix: "*.jpg"',
            "jobs/x/job.yaml:13: triggers[0].s3.suffix is '*.jpg'; prefix and suffix are plain text, * is no pattern; "
            "leave * out",
        ),
        (
            "s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}",
            'schedule: {cron: "0 6 * * MON", timezone: Berlin}',
            "jobs/x/job.yaml:13: triggers[0].schedule.cron is '0 6 * * MON' with 5 fields; AWS's cron has six fields; "
            "from Unix's form: add a year, turn one of the two days into ?, count Sunday as 1",
        ),
        (
            "s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}",
            "schedule: {rate: 1 minutes}",
            "jobs/x/job.yaml:13: triggers[0].schedule.rate is '1 minutes'; AWS wants the singular for 1 and the plural "
            'for more; write "1 minute"',
        ),
        (
            "s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}",
            "schedule: {rate: 1 day}\n    parameters: {kye: x}",
            "jobs/x/job.yaml:14: triggers[0].parameters.kye is not used by the command; known are key; "
            "did you mean key?",
        ),
        (
            "s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}",
            "enabled: true",
            "jobs/x/job.yaml:13: triggers[0] is without after, dynamodb, event, s3, schedule, sns, sqs; "
            "a trigger is one of after, dynamodb, event, s3, schedule, sns, sqs; "
            "make each an entry of the list of its own",
        ),
        (
            "suffix: [.jpg, .png]}",
            "suffix: [.jpg, .png]}\n    parameters: {key: <key>}",
            "jobs/x/job.yaml:14: triggers[0].parameters.key is '<key>'; only a schedule's parameters may have <…>; "
            "leave the angle brackets out",
        ),
    ],
)
def test_one_mistake_is_one_problem(line: str, new: str, problem: str) -> None:
    assert problem in refused(changed(line, new))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "include: [jobs/spec, ../secrets]",
            "include[1] is '../secrets'; a path stays in the repository, without ..; "
            "write a path such as reports or jobs/conventions.py",
        ),
        (
            "include: [/etc/passwd]",
            "include[0] is '/etc/passwd'; a path is relative to the repository; "
            "write a path such as reports or jobs/conventions.py",
        ),
        ("include: [~/keys]", "include[0] is '~/keys'; a path is relative to the repository; "),
        ("include: [.]", "include[0] is '.'; a path names one folder or file below the repository; "),
        ("include: ['']", "include[0] is ''; a path names one folder or file below the repository; "),
        ("include: ['jobs\\\\spec']", "the parts of a path are separated by /; "),
        (
            "include: [.batchyard/build]",
            "include[0] is '.batchyard/build'; what is under .batchyard is made, and not the same everywhere; ",
        ),
        (
            "include: [./.batchyard]",
            "include[0] is './.batchyard'; what is under .batchyard is made, and not the same everywhere; ",
        ),
        (
            "include: [jobs/spec, jobs/spec/]",
            "include[1] is 'jobs/spec' for the second time; each path is named once; remove one of the two",
        ),
        (
            "include: [jobs/spec, jobs]",
            "include[1] is 'jobs' beside 'jobs/spec'; a folder brings all that is in it, jobs/spec too; "
            "remove jobs/spec",
        ),
        (
            "include: [jobs/nowhere]",
            "include[0] is jobs/nowhere, which doesn't exist; it is a folder or file of the repository; "
            "correct the path, or remove it",
        ),
        ("include: jobs", "include is 'jobs'; it must be a list; "),
        ("include: [3]", "include[0] is 3; it must be text; "),
    ],
)
def test_what_cannot_be_included_is_refused(line: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    (shown,) = refused(f"{SOUND}{line}\n")
    assert shown.startswith(f"jobs/x/job.yaml:{len(SOUND.splitlines()) + 1}: include")
    assert problem in shown


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    job = tmp_path / "repository" / "jobs" / "x"
    job.mkdir(parents=True)
    (tmp_path / "repository" / "linked").symlink_to(tmp_path / "outside")
    with pytest.raises(Problems, match=r"include\[0\] is linked, a link out of the repository; "):
        parse_job(f"{SOUND}include: [linked]\n", job)


@pytest.mark.parametrize(
    ("permissions", "problem"),
    [
        (
            "notify: [reports, reports]",
            "permissions.notify[1] is reports for the second time; each topic is named ",
        ),
        ("notify: [Reports]", "permissions.notify[0] is 'Reports'; a topic's name is lower-case letters"),
        ("costs: 1", "permissions.costs is 1; it must be true or false"),
        ("read: [uploads, uploads]", "permissions.read[1] is uploads for the second time; each bucket is named once"),
    ],
)
def test_permissions_that_make_no_sense_are_refused(permissions: str, problem: str) -> None:
    (shown,) = refused(changed("{read: [uploads], write: [results]}", f"{{{permissions}}}"))
    assert problem in shown


def test_each_of_these_is_reported_alone() -> None:
    assert len(refused(changed("attempts: 3", "attempts: 12"))) == 1
    assert len(refused(changed("prefix: photos/", "prefix: /photos/"))) == 1
    assert len(refused(changed("vcpus: 1", "vcpus: 1.5"))) == 1


def test_mistakes_between_fields_are_found_beside_mistakes_in_fields() -> None:
    text = changed("attempts: 3", "attempts: 12").replace("vcpus: 1", "vcpus: 1.5").replace("Ref::key", "Ref::month")
    assert [problem.split(" is ")[0] for problem in refused(text)] == [
        "jobs/x/job.yaml:5: resources.vcpus",
        "jobs/x/job.yaml:7: retry.attempts",
        "jobs/x/job.yaml:13: triggers[0]",
    ]


def test_a_refused_trigger_hides_only_what_depends_on_it() -> None:
    text = changed("prefix: photos/", "prefix: /photos/") + "  - schedule: {rate: 1 day}\n"
    assert [problem.split(" is ")[0] for problem in refused(text)] == [
        "jobs/x/job.yaml:13: triggers[0].s3.prefix",
        "jobs/x/job.yaml:14: triggers[1]",
    ]


def test_the_same_trigger_twice_would_submit_twice() -> None:
    text = SOUND + "  - s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}\n"
    assert refused(text) == [
        "jobs/x/job.yaml:14: triggers[1] is the same as triggers[0]; each trigger submits the job once more; remove it"
    ]


def test_a_job_that_would_submit_itself_for_ever_is_refused() -> None:
    itself = "s3: {bucket: results}"
    assert refused(changed("s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}", itself)) == [
        "jobs/x/job.yaml:13: triggers[0].s3.bucket is results, which the job writes to; a job's results may not submit "
        "it again; give a prefix or suffix that its results don't have"
    ]
    apart = "s3: {bucket: results, prefix: raw/}"
    parse_job(changed("s3: {bucket: uploads, prefix: photos/, suffix: [.jpg, .png]}", apart), Path("jobs/x"))


def test_fargate_has_no_gpus_and_keeps_a_task_fourteen_days() -> None:
    text = changed("platform: ec2", "platform: fargate").replace("timeout_s: 600", "timeout_s: 1300000")
    assert refused(text.replace("vcpus: 1", "vcpus: 1, gpus: 1")) == [
        "jobs/x/job.yaml:5: resources.gpus is 1; Fargate has no GPUs; write platform: ec2",
        "jobs/x/job.yaml:6: timeout_s is 1300000; Fargate keeps a task 14 days, 1,209,600 s; lower it, "
        "or write platform: ec2",
    ]


def test_what_batch_cannot_hold_is_refused() -> None:
    text = changed("LEVEL: info", f"LEVEL: {'x' * 30_000}")
    assert refused(text) == [
        "jobs/x/job.yaml:1 is 30,018 bytes in these; Batch takes 20,480 bytes of command, environment and parameters; "
        "put long values into a file of a bucket"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "jobs/x/job.yaml is empty; a job is a mapping of keys; begin with description: and owner:"),
        ("- a\n", "jobs/x/job.yaml:1 is a list; a job is a mapping of keys; begin with description: and owner:"),
        (
            "just words\n",
            "jobs/x/job.yaml:1 is 'just words'; a job is a mapping of keys; begin with description: and owner:",
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_one_problem(text: str, problem: str) -> None:
    assert refused(text) == [problem]


@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        (
            "jobs/My_Job",
            "jobs/My_Job/job.yaml: the job's name is 'My_Job'; it is lower-case letters, digits and single hyphens, "
            "beginning with a letter; rename the folder",
        ),
        (
            f"jobs/{'x' * 41}",
            f"jobs/{'x' * 41}/job.yaml: the job's name is 41 characters long; a job's name has at most 40; "
            "rename the folder",
        ),
    ],
)
def test_a_folder_that_cannot_be_a_name_is_refused(folder: str, problem: str) -> None:
    assert refused(SOUND, folder) == [problem]
