"""The page's colours, light and dark: what is read can be told from what it stands on."""

from __future__ import annotations

import re

import pytest

from reports.model.report import Report
from reports.render.html import html
from tests.unit.reports.render.test_formats import report as report  # a fixture

_DARK = re.compile(r"@media screen and \(prefers-color-scheme: dark\) \{ :root \{(.*?)\} \}")
_LIGHT = re.compile(r"^:root \{(.*?)\}", re.MULTILINE)


def _colours(found: re.Match[str] | None) -> dict[str, str]:
    assert found is not None
    named = re.findall(r"--(\w+): #([0-9a-f]+);", found[1])
    return {name: value if len(value) == 6 else "".join(2 * sign for sign in value) for name, value in named}


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [_LIGHT, _DARK], ids=["light", "dark"])
def test_text_and_bars_stand_out_by_day_and_night(report: Report, scheme: re.Pattern[str]) -> None:
    colours = _colours(scheme.search(html(report)))
    grounds = {"ink": ("paper", "tint", "alarm"), "soft": ("paper",)}
    for name, behind in grounds.items():
        assert all(_contrast(colours[name], colours[ground]) >= 4.5 for ground in behind), name
    for name in ("jobs", "idle", "other", "bad"):
        assert _contrast(colours[name], colours["paper"]) >= 3, name
    assert _contrast(colours["before"], colours["paper"]) >= 1.7
    assert _contrast(colours["before"], colours["jobs"]) >= 1.7


def test_every_colour_has_its_dark_one_and_paper_stays_white(report: Report) -> None:
    page = html(report)
    light, dark = _colours(_LIGHT.search(page)), _colours(_DARK.search(page))
    assert light.keys() == dark.keys()
    assert page.count("prefers-color-scheme") == 1, "the dark ones are for screens alone"
    used = set(re.findall(r"var\(--(\w+)\)", page))
    assert used <= light.keys()
    styles = page.partition("* { box-sizing")[2].partition("</style>")[0]
    assert not re.findall(r"#[0-9a-f]{3,6}\b", styles), "colours are named in one place"
