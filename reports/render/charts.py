"""Charts as inline SVG: days stacked, jobs beside the period before. Colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from reports.model import words
from reports.model.report import Day, Group, Report
from reports.render.lines import shorten

WIDTH = 720
MOST_WIDE = 90
MOST_LABELS = 8
"""Of days: more would run into each other on a phone, where the text is larger."""
_LABEL = 18
"""Signs of a job's name that fit beside its bar on a phone."""
_SERIES = (("jobs", "jobs_nano"), ("idle", "idle_nano"), ("other", "other_nano"))


def days_chart(report: Report) -> str:
    """Each day's dollars, jobs under idle under the rest; a day AWS may still change is paler. Empty without days."""
    if not report.days:
        return ""
    height, left, bottom, top = 220, 64, 28, 12
    most = max(0, *(_sum(day, 1) for day in report.days))
    least = min(0, *(_sum(day, -1) for day in report.days))
    step = _nice_step(max(most, -least))
    high, low = math.ceil(most / step), math.floor(least / step)
    if high == low:
        high = 1
    scale = (height - bottom - top) / ((high - low) * step)
    zero = top + high * step * scale
    slot = (WIDTH - left) / len(report.days)
    wide = min(slot * 0.64, MOST_WIDE)
    parts = [_open(height, f"Dollars a day, {report.period.label}")]
    for tick in range(low, high + 1):
        y = zero - tick * step * scale
        line = "zero" if not tick and low else "grid"
        parts.append(f'<line class="{line}" x1="{left}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{_tick(tick * step, report)}</text>'
        )
    for n, day in enumerate(report.days):
        x = left + (n + 0.5) * slot - wide / 2
        tops = {1: zero, -1: zero}
        for name, field in _SERIES:
            nano = getattr(day, field)
            # money that came back stands below the line, so that neither hides the other
            side = 1 if nano >= 0 else -1
            tall = abs(nano) * scale
            y = tops[side] - max(0, side) * tall
            tops[side] -= side * tall
            tip = f"{day.day:%a %d %b}: {name} {words.money(nano, report.currency)}"
            parts.append(
                f'<rect class="{name}{" estimated" if day.estimated else ""}" x="{x:.1f}" y="{y:.1f}" '
                f'width="{wide:.1f}" height="{tall:.1f}"><title>{escape(tip)}</title></rect>'
            )
        if n % math.ceil(len(report.days) / MOST_LABELS) == 0:
            label = f"{day.day:%a %d}" if len(report.days) <= 8 else f"{day.day:%d %b}"
            x = left + (n + 0.5) * slot
            parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{label}</text>')
    return "".join([*parts, "</svg>"])


def jobs_chart(report: Report, *, most_rows: int = 12) -> str:
    """The dearest jobs, this period over the one before. Empty without jobs."""
    if report.total_nano is None:
        return ""
    told = [(group, max(0, group.cost_nano or 0), max(0, group.previous_nano or 0)) for group in _jobs(report)]
    bars = [bar for bar in told if bar[1] or bar[2]][:most_rows]
    if not bars:
        return ""
    row, left, right = 30, 200, 110
    height = row * len(bars) + 8
    scale = (WIDTH - left - right) / max(max(now, before) for _, now, before in bars)
    parts = [_open(height, "Jobs by cost")]
    for n, (group, now, before) in enumerate(bars):
        y = n * row + 4
        name = escape(shorten(group.key, _LABEL))
        parts.append(f'<text class="label" x="{left - 10}" y="{y + 16}" text-anchor="end">{name}</text>')
        if before:
            parts.append(
                f'<rect class="before" x="{left}" y="{y + 15}" width="{before * scale:.1f}" height="7">'
                f"<title>the period before: {escape(words.money(before, report.currency))}</title></rect>"
            )
        parts.append(
            f'<rect class="jobs" x="{left}" y="{y + 3}" width="{max(1.0, now * scale):.1f}" height="12">'
            f"<title>{escape(group.key)}: {escape(words.money(group.cost_nano, report.currency))}</title></rect>"
        )
        x = left + max(now, before) * scale + 8
        amount = escape(words.headline(group.cost_nano, report.currency))
        parts.append(f'<text class="value" x="{x:.1f}" y="{y + 16}">{amount}</text>')
    return "".join([*parts, "</svg>"])


def _jobs(report: Report) -> Sequence[Group]:
    return report.breakdowns.get("job", ())


def _sum(day: Day, side: int) -> int:
    """What the day's series above (1) or below (-1) the line add up to."""
    return sum(nano for _, field in _SERIES if (nano := getattr(day, field)) * side > 0)


def _open(height: int, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>"
    )


def _tick(nano: float, report: Report) -> str:
    text = words.headline(round(nano), report.currency)
    return escape(text.removesuffix(".00"))


def _nice_step(most: float, *, ticks: int = 4) -> float:
    """1, 2 or 5 times a power of ten, so that about `ticks` steps reach `most`."""
    if most <= 0:
        return 1e9
    rough = most / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)


def legend() -> Sequence[tuple[str, str]]:
    """(class, name) of the days' series."""
    return (("jobs", "jobs"), ("idle", "idle machines"), ("other", "storage, network, logs, unexplained"))
