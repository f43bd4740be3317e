"""`batchyard schedules`: users' own schedules, made at run time, of jobs that allow them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich import box
from rich.markup import escape
from rich.table import Table

from cli import schedule_entries
from cli.display import display_for
from cli.output import Json, console, fail, print_json
from cli.schedule_add import Known, Wanted, creation
from cli.schedule_entries import Entry
from cli.stage_access import default_lane, open_stage
from jobs.problems import Problem, Problems, suggestion
from jobs.user_schedules import NAME_MAX, PART, StageSchedules
from local.stage import DEFAULT_STACK
from reports.stage import StageAccess, StageUnavailableError

app = typer.Typer(no_args_is_help=True, help="Users' own schedules: of jobs with schedulable: true, at run time.")

ADD_EXAMPLES = """Examples:

  batchyard schedules add flights --owner media --cron "0 6 ? * MON *" --timezone Europe/Berlin --param month=2013-01

  batchyard schedules add flights --owner media --name hourly --rate "1 hour" --window 15 --stack prod

  batchyard schedules add flights --owner media --name once --at 2027-01-01T06:00 --json
"""
LIST_EXAMPLES = """Examples:

  batchyard schedules list

  batchyard schedules list --owner media --job flights --stack prod --json
"""
PAUSE_EXAMPLES = """Example:

  batchyard schedules pause media.hourly
"""
RESUME_EXAMPLES = """Example:

  batchyard schedules resume media.hourly
"""
REMOVE_EXAMPLES = """Example:

  batchyard schedules remove media.hourly media.once --stack prod
"""
_SLOW: Final = 500
"""Reading fewer takes no two seconds."""

Stack = Annotated[str, typer.Option("--stack", "-s", help="The stage's stack.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="As list shows them: <owner>.<name>.")]


@app.command(epilog=ADD_EXAMPLES)
def add(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job with schedulable: true.")],
    owner: Annotated[str, typer.Option(help="Whose schedule it is; its name begins with it, and a quota counts it.")],
    name: Annotated[str | None, typer.Option(help="Its name among the owner's; the job's when left out.")] = None,
    cron: Annotated[str | None, typer.Option(help="minutes hours day-of-month month day-of-week year")] = None,
    rate: Annotated[str | None, typer.Option(help="A number and minute(s), hour(s) or day(s).")] = None,
    at: Annotated[str | None, typer.Option(help="One local time, 2027-01-01T06:00.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name; the stage's time zone when left out.")] = None,
    window: Annotated[int | None, typer.Option(help="Minutes within which a firing may come.")] = None,
    start: Annotated[str | None, typer.Option(help="Local time from which on cron or rate fires.")] = None,
    end: Annotated[str | None, typer.Option(help="Local time up to which cron or rate fires.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value for Ref::name; again for another.")] = None,
    stack: Stack = DEFAULT_STACK,
    as_json: Json = False,
) -> None:
    """Let EventBridge Scheduler submit a job for an owner: by cron, by rate, or at one time.

    Times, parameters and the owner's quota are checked first, and every mistake is told at once.
    """
    now = datetime.now(UTC)
    times = {
        "cron": cron, "rate": rate, "at": at, "timezone": timezone, "window_minutes": window, "start": start, "end": end
    }  # fmt: skip
    wanted = Wanted(
        job=job,
        owner=owner,
        name=name,
        times={key: value for key, value in times.items() if value is not None},
        parameters=param or (),
    )
    with _stage(stack) as (access, schedules, client):
        existing = schedule_entries.names(client, schedules.group, prefix=f"{owner}.") if PART.fullmatch(owner) else []
        known = Known(
            stage=access.stage, schedules=schedules, all_jobs=access.owners, existing=frozenset(existing), now=now
        )
        arguments = creation(wanted, known)
        try:
            client.create_schedule(**arguments)
        except client.exceptions.ConflictException:
            _refuse(wanted.full_name, "there already", "a schedule's name is its own", "write another --name")
        # not read again: one that is due at once may be over already
        made = schedule_entries.entry({**arguments, "LastModificationDate": now}, schedules, now=now)
    if as_json:
        print_json({"stage": access.stage, "schedule": made.facts()})
        return
    console().print(escape(f"{made.name} starts {job}, next {_next(made)} {made.timezone}"), soft_wrap=True)


@app.command("list", epilog=LIST_EXAMPLES)
def list_schedules(
    owner: Annotated[str | None, typer.Option(help="Only this owner's.")] = None,
    job: Annotated[str | None, typer.Option(help="Only this job's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Schedules to show; JSON has all.")] = 100,
    stack: Stack = DEFAULT_STACK,
    as_json: Json = False,
) -> None:
    """Users' schedules by name: job, times, when each is due next, whether it is paused."""
    with _stage(stack) as (access, schedules, client):
        names = schedule_entries.names(client, schedules.group, prefix="" if owner is None else f"{owner}.")
        # only those that are shown are read, unless what is shown depends on what is read
        wanted = names if as_json or job is not None else names[:limit]
        found = _read(client, schedules, wanted, silent=as_json)
    total = len(names)
    if job is not None:
        found = [one for one in found if one.job == job]
        total = len(found)
    if as_json:
        print_json(
            {
                "stage": access.stage,
                "per_owner": schedules.per_owner,
                "owners": dict(schedules.owners),
                "schedules": [one.facts() for one in found],
            }
        )
        return
    out = console()
    if not found:
        out.print("no schedule; `batchyard schedules add` makes one")
        return
    out.print(_table(found[:limit]))
    if total > limit:
        out.print(f"{limit:,} of {total:,} schedules; --limit shows more")
    if owner is not None and job is None:
        out.print(escape(f"{owner} has {total:,} of {schedules.quota(owner):,}"))
    if not all(one.schedulable for one in found[:limit]):
        out.print("what is no longer schedulable ends in the dead-letter queue; remove it", style="yellow")


@app.command(epilog=PAUSE_EXAMPLES)
def pause(names: Names, stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Let schedules rest: they stay, and fire no more until they are resumed."""
    _change(names, stack, as_json=as_json, paused=True)


@app.command(epilog=RESUME_EXAMPLES)
def resume(names: Names, stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Wake paused schedules. What was due meanwhile isn't made up for."""
    _change(names, stack, as_json=as_json, paused=False)


@app.command(epilog=REMOVE_EXAMPLES)
def remove(names: Names, stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Remove schedules. Jobs they have submitted go on."""
    removed: list[str] = []
    with _stage(stack) as (access, schedules, client):
        for name in _described(client, schedules, names):
            client.delete_schedule(GroupName=schedules.group, Name=name)
            removed.append(name)
            if not as_json:
                console().print(escape(f"removed {name}"))
    if as_json:
        print_json({"stage": access.stage, "removed": removed})


def _change(names: list[str], stack: str, *, as_json: bool, paused: bool) -> None:
    now = datetime.now(UTC)
    with _stage(stack) as (access, schedules, client):
        described = _described(client, schedules, names)
        if not paused:
            over = [name for name, one in described.items() if schedule_entries.next_firing(one, now=now) is None]
            allowed, remedy = "what is resumed fires again", "remove it, and add another"
            if over:
                raise Problems(
                    Problem(place=name, got="over, without a time left", allowed=allowed, remedy=remedy)
                    for name in over
                )
        changed = [name for name, one in described.items() if (one["State"] == "DISABLED") != paused]
        for name in changed:
            schedule_entries.update(client, described[name], paused=paused, now=now)
        found = schedule_entries.read(client, schedules, described, now=now)
    if as_json:
        print_json({"stage": access.stage, "schedules": [one.facts() for one in found]})
        return
    for one in found:
        already = "" if one.name in changed else "was "
        state = "paused" if paused else f"awake, next {_next(one)} {one.timezone}"
        console().print(escape(f"{one.name} {already or 'is '}{state}"))


@contextmanager
def _stage(stack: str) -> Iterator[tuple[StageAccess, StageSchedules, Any]]:
    """The stage, what it exports for schedules, and the scheduler's client. What goes wrong inside is a message."""
    try:
        access = open_stage(stack, default_lane())
        if access.schedules is None:
            fail(
                f"stage {access.stage}: lets users schedule no job; write schedulable: true in a job.yaml and bring "
                "the stage up"
            )
        yield access, StageSchedules.model_validate(access.schedules), access.client("scheduler")
    except ValidationError as problem:
        where = ".".join(str(part) for part in problem.errors()[0]["loc"]) or "its root"
        fail(f"stack {stack}: its `schedules` are incomplete at {where}; bring it up with this Batchyard")
    except (StageUnavailableError, Problems) as problem:
        fail(f"{problem}")
    except (BotoCoreError, ClientError) as problem:
        fail(f"stage {stack}: EventBridge Scheduler says: {problem}")


def _described(client: Any, schedules: StageSchedules, names: list[str]) -> dict[str, Mapping[str, Any]]:
    """GetSchedule's answers by name. Raises Problems with every name that isn't there, before anything is changed."""
    found: dict[str, Mapping[str, Any]] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(names):
        one = schedule_entries.described(client, schedules.group, name) if _may_be(name) else None
        if one is not None:
            found[name] = one
            continue
        owner = name.partition(".")[0]
        close = schedule_entries.names(client, schedules.group, prefix=owner) if PART.fullmatch(owner) else []
        problems.append(
            Problem(
                place=repr(name[:80]),
                got="no schedule of the stage",
                allowed="a schedule is called <owner>.<name>",
                remedy=suggestion(name, close[:1000], otherwise="look at `batchyard schedules list`"),
            )
        )
    if problems:
        raise Problems(problems)
    return found


def _may_be(name: str) -> bool:
    """Whether AWS would look for it, or call it invalid."""
    return len(name) <= NAME_MAX and all(PART.fullmatch(part) for part in name.split("."))


def _refuse(place: str, got: str, allowed: str, remedy: str) -> NoReturn:
    raise Problems([Problem(place=place, got=got, allowed=allowed, remedy=remedy)])


def _read(client: Any, schedules: StageSchedules, names: list[str], *, silent: bool) -> list[Entry]:
    now = datetime.now(UTC)
    with display_for(console(stderr=True), silent=silent or len(names) < _SLOW) as display:
        count: Callable[[int], None] = lambda done: display.count("schedules", done, len(names))  # noqa: E731
        return schedule_entries.read(client, schedules, names, now=now, count=count)


def _table(found: list[Entry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in ("schedule", "job", "times", "next", ""):
        table.add_column(heading, no_wrap=heading in ("schedule", "next"))
    for one in found:
        window = "" if one.window_minutes is None else f" within {one.window_minutes} min"
        state = "[yellow]paused[/]" if one.paused else ""
        if not one.schedulable:
            state = "[red]not schedulable[/]"
        table.add_row(
            escape(one.name), escape(one.job), escape(f"{one.expression} {one.timezone}{window}"), _next(one), state
        )
    return table


def _next(one: Entry) -> str:
    """`2027-01-01 06:00` in its own time zone; a dash where there is none."""
    return "–" if one.local_next is None else f"{one.local_next:%Y-%m-%d %H:%M}"
