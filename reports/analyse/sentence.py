"""The report's first sentence: the amount, how it moved, what moved it, the budget. A pure function of the report.

A cause is named only where it moved the bill in the bill's own direction, and by more than all others that did so
together: +$10 of which a job's runs are $4 has no cause to name. What isn't comparable is told without a percentage: a
period that runs, one whose bill hasn't arrived whole, one before it of nothing or less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Final

from reports.analyse.outlook import BILL_LAG
from reports.model import words
from reports.model.report import Report

Part = tuple[int, str]
"""Nano-dollars more than the period before, and what is said of them."""
_SAME: Final = 0.005
_IDLE: Final = "idle of "


def sentence(report: Report, *, bill_whole: bool = True, on_record_since: date | None = None) -> str:
    """`$412, +8% on the period before: flights ran 31% more often; 74% of the month's budget`.

    `bill_whole` is whether the bill was told as far as it was asked for, `on_record_since` its first day ever.
    """
    attempts = max((sum(group.attempts for group in groups) for groups in report.breakdowns.values()), default=0)
    label = report.period.label
    if report.total_nano is None:
        unknown = f": what {attempts:,} attempts cost isn't known" if attempts else ", and no attempt on record"
        return f"no bill for {label}{unknown}"
    said = [_amount(report, report.total_nano, bill_whole=bill_whole, on_record_since=on_record_since)]
    if not attempts and report.breakdowns:
        said.append("no attempt on record")
    return "; ".join([*said, *_budget(report)])


def _amount(report: Report, total: int, *, bill_whole: bool, on_record_since: date | None) -> str:
    period, previous, before = report.period, report.previous, report.previous_total_nano
    amount = words.headline(total, report.currency)
    today = report.generated_at.astimezone(UTC).date()
    running = period.until > today
    if before is None:
        why = "the first period on record" if bill_whole else "the period before is missing"
        return f"{amount}{' so far' if running else ''} in {period.label}, {why}"
    earlier = words.headline(before, report.currency)
    if running:
        return f"{amount} so far in {period.label}; the whole period before cost {earlier}"
    billed = max((day.day for day in report.days if day.jobs_nano or day.idle_nano or day.other_nano), default=None)
    # days without costs that AWS would have told of by now cost nothing
    if billed is not None and billed < period.until - timedelta(days=1) and today < period.until + BILL_LAG:
        return f"{amount} in {period.label}, billed to {billed} so far; the period before cost {earlier}"
    if previous is not None and on_record_since is not None and on_record_since > previous.since:
        return f"{amount} in {period.label}; {earlier} in the period before, on record from {on_record_since} only"
    if total > 0 and before > 0 and abs(total / before - 1) < _SAME:
        return f"{amount}, the same as the period before"
    cause = _cause(report, total - before)
    return _moved(total, before, amount, earlier) + (f": {cause}" if cause else "")


def _moved(total: int, before: int, amount: str, earlier: str) -> str:
    if not before:
        return f"{amount}, after a period without costs"
    if before < 0 or total < 0:
        return f"{amount}, after {earlier} the period before"
    if total >= words.MANY_TIMES * before:
        return f"{amount}, {total / before:,.0f} times the period before"
    return f"{amount}, {words.change(total, before)} on the period before"


def _cause(report: Report, difference: int) -> str:
    """One job or other part of the bill, else what several of them have in common, else nothing."""
    rest = _others(report)
    jobs = [(change.difference_nano, change.sentence) for change in report.changes]
    lines = [_line(report, name, moved) for name, moved in rest.items()]
    return _larger_part([*jobs, *lines], difference) or _larger_part(
        [*_effects(report), *_together(report, rest)], difference
    )


def _larger_part(parts: Sequence[Part], difference: int) -> str:
    along = [part for part in parts if part[0] * difference > 0]
    largest = max(along, key=lambda part: abs(part[0]), default=(0, ""))
    return largest[1] if 2 * abs(largest[0]) > sum(abs(nano) for nano, _ in along) else ""


def _others(report: Report) -> dict[str, int]:
    """The bill's lines that are no job's: nano-dollars more than the period before."""
    now = {line.name: line.cost_nano for line in report.identity.lines}
    before = {line.name: line.cost_nano for line in report.identity.previous}
    return {name: now.get(name, 0) - before.get(name, 0) for name in now | before if name != "jobs"}


def _line(report: Report, name: str, difference: int) -> Part:
    what = f"idle machines of {name.removeprefix(_IDLE)}" if name.startswith(_IDLE) else name
    if name == "unexplained":
        what = "what nothing explains"
    how = "more" if difference > 0 else "less"
    return difference, f"{what} cost {words.headline(abs(difference), report.currency)} {how}"


def _together(report: Report, rest: Mapping[str, int]) -> list[Part]:
    """`rest` with the idle time of all environments as one."""
    idle = sum(moved for name, moved in rest.items() if name.startswith(_IDLE))
    how = "more" if idle > 0 else "less"
    lines = [_line(report, name, moved) for name, moved in rest.items() if not name.startswith(_IDLE)]
    return [*lines, (idle, f"idle machines cost {how}")]


def _effects(report: Report) -> list[Part]:
    """What several jobs have in common: how often they ran, prices, machine time a run; jobs that came or went."""
    groups = {group.key: group for group in report.breakdowns.get("job", ())}
    new = volume = price = efficiency = gone = 0
    for change in report.changes:
        group = groups.get(change.job)
        if group is not None and not group.previous_nano:
            new += change.difference_nano
        elif group is None or not group.cost_nano:
            gone += change.difference_nano
        else:
            volume += change.volume_nano
            price += change.price_nano
            efficiency += change.efficiency_nano
    return [
        (new, "jobs that did not run the period before"),
        (gone, "jobs that did not run"),
        (volume, f"jobs ran {'more' if volume > 0 else 'less'} often"),
        (price, f"the same machine time cost {'more' if price > 0 else 'less'}"),
        (efficiency, f"runs took {'more' if efficiency > 0 else 'less'} machine time"),
    ]


def _budget(report: Report) -> list[str]:
    stage = next((row for row in report.budgets if not row.name.startswith("owner ")), None)
    if stage is None or stage.spent_nano < 0:
        return []
    over = stage.spent_nano - stage.limit_nano
    if over > 0:
        return [f"{words.headline(over, report.currency)} over the month's budget"]
    if not stage.limit_nano:
        return []
    part = f"{words.share(stage.spent_nano / stage.limit_nano)} of the month's budget"
    if stage.forecast_nano is not None and stage.forecast_nano > stage.limit_nano:
        part += f", {words.share(stage.forecast_nano / stage.limit_nano)} at its end"
    return [part]
