"""`batchyard jobs`: list, check, schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from cli.output import FOUND_PROBLEMS, Json, console, fail, mebibytes, print_json
from components.check import plan
from components.settings import load_settings_file
from jobs.problems import Problem, Problems
from jobs.spec import JobSpec, LoadedSpec, discover_jobs
from jobs.spec.schema import schema_text
from local.home import Home

app = typer.Typer(no_args_is_help=True, help="The jobs in jobs/: what they are, and what is wrong with them.")

LIST_EXAMPLES = """Examples:

  batchyard jobs list

  batchyard jobs list --json
"""
CHECK_EXAMPLES = """Examples:

  batchyard jobs check

  batchyard jobs check --stack local --stack prod

  batchyard jobs check --json
"""
SCHEMA_EXAMPLES = """Example:

  batchyard jobs schema > docs/job.schema.json
"""


@app.command("list", epilog=LIST_EXAMPLES)
def list_jobs(as_json: Json = False) -> None:
    """The jobs: owner, platform, queue, what an attempt gets, what starts them."""
    try:
        loaded = discover_jobs(Home.default().repository / "jobs")
    except Problems as problems:
        fail(f"{problems}")
    if as_json:
        print_json({"jobs": [_facts(one) for one in loaded]})
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name in ("job", "owner", "platform", "queue"):
        table.add_column(name, no_wrap=True)
    table.add_column("vCPUs", justify="right")
    table.add_column("memory", justify="right", no_wrap=True)
    table.add_column("started by")
    for one in loaded:
        spec = one.spec
        cells = (one.name, spec.owner, spec.platform, spec.queue, spec.resources.vcpus_text)
        table.add_row(*map(escape, cells), mebibytes(spec.resources.memory_mib), escape("\n".join(started_by(spec))))
    console().print(table)


@app.command(epilog=CHECK_EXAMPLES)
def check(
    stack: Annotated[
        list[str] | None, typer.Option("--stack", "-s", help="Check with this stack's settings; again for another.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every mistake in every job.yaml and in the stacks' settings, and every job that fits no environment.

    Without --stack, every Pulumi.<stack>.yaml is checked. Exit code 1 when there is a mistake. Nothing is
    touched.
    """
    repository = Home.default().repository
    files = [repository / f"Pulumi.{name}.yaml" for name in stack or ()] or sorted(repository.glob("Pulumi.*.yaml"))
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise typer.BadParameter(f"{', '.join(missing)}: no such file; a stack's settings are in Pulumi.<stack>.yaml")
    problems = find_problems(repository, files)
    if as_json:
        print_json(
            {
                "stacks": [stack_name(file) for file in files],
                "problems": [
                    {"place": one.place, "got": one.got, "allowed": one.allowed, "remedy": one.remedy}
                    for one in problems
                ],
            }
        )
    elif problems:
        for one in problems:
            console().print(escape(str(one)), soft_wrap=True)
        console().print(f"{len(problems)} {'mistake' if len(problems) == 1 else 'mistakes'}", style="red")
    else:
        console().print(f"no mistakes; checked with {', '.join(stack_name(file) for file in files)}", style="green")
    if problems:
        raise typer.Exit(FOUND_PROBLEMS)


@app.command(epilog=SCHEMA_EXAMPLES)
def schema() -> None:
    """The JSON schema of job.yaml, for editors."""
    typer.echo(schema_text(), nl=False)


def find_problems(repository: Path, files: list[Path]) -> list[Problem]:
    """Every mistake of the jobs and of the settings files, each once."""
    found: dict[Problem, None] = {}
    specs: list[LoadedSpec] | None = None
    try:
        specs = discover_jobs(repository / "jobs")
    except Problems as problems:
        found.update(dict.fromkeys(problems))
    for file in files:
        try:
            settings = load_settings_file(file)
            if specs is not None:
                plan(settings, specs, repository=repository)
        except Problems as problems:
            found.update(dict.fromkeys(problems))
    return list(found)


def stack_name(file: Path) -> str:
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def started_by(spec: JobSpec) -> list[str]:
    """One text a trigger: `uploads/photos/*.jpg`, `cron(0 6 * * ? *) UTC`."""
    texts = []
    for trigger in spec.triggers:
        if trigger.s3 is not None:
            source = trigger.s3
            keys = source.wildcard or [f"{source.prefix}*{suffix}" for suffix in source.suffix or ("",)]
            texts.append(" ".join(f"{source.bucket}/{key}" for key in keys))
        elif trigger.schedule is not None:
            texts.append(f"{trigger.schedule.expression} {trigger.schedule.timezone or 'in the stage’s time zone'}")
        elif trigger.after is not None:
            texts.append(f"{trigger.after.job} {trigger.after.status}")
        elif trigger.event is not None:
            texts.append(f"events of {trigger.event.bus}: {trigger.event.pattern['source']}")
        elif trigger.sqs is not None:
            texts.append("messages to its queue")
        elif trigger.sns is not None:
            texts.append(f"messages of the topic {trigger.sns.topic}")
        elif trigger.dynamodb is not None:
            texts.append(f"{', '.join(trigger.dynamodb.events)} in the table {trigger.dynamodb.table}")
        if not trigger.enabled:
            texts[-1] += " (resting)"
    return texts or ["by hand"]


def _facts(one: LoadedSpec) -> dict[str, Any]:
    return {"job": one.name, "file": one.file, **one.spec.model_dump(mode="json")}
