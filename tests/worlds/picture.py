"""The report of a fixed world as a page and pictures of it: `python -m tests.worlds.picture [folder]`.

Makes `docs/pictures/report.png` (README) through a headless Chromium, and beside a folder that is named the page
itself, a phone's view and the printed pages, to look at. Needs `chromium` on PATH; the same world gives the same page.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from local.home import REPOSITORY
from reports.collect.bill_ce import Bill
from reports.collect.load import Source
from reports.collect.prices import Prices
from reports.model.report import Report
from reports.period import choose
from reports.render.html import html
from reports.run import Question, make_report
from tests.worlds.ledger import Delivery, clusters, compute_environments, write
from tests.worlds.world import INSTANCE_TYPES, Made, World, make

PICTURE: Final = REPOSITORY / "docs" / "pictures" / "report.png"
NOW: Final = datetime(2026, 11, 23, 6, tzinfo=UTC)
OWNERS: Final = {
    "flights": "analytics",
    "thumbnails": "media",
    "embeddings": "research",
    "geocode": "analytics",
    "invoices": "finance",
    "backups": "platform",
}
JOBS: Final = (
    *("flights", "thumbnails", "embeddings", "backups"),
    *("flights", "thumbnails", "embeddings", "backups"),
    *("flights", "geocode", "invoices", "flights"),
)
"""What the world's jobs are called: several of them are one, so that some cost more than others."""
WORLD: Final = World(
    seed=47,
    start=date(2026, 10, 26),
    days=28,
    instances=320,
    fargate_attempts=900,
    jobs=len(JOBS),
    reclaim_fraction=0.15,
    idle_fraction=0.35,
)
_BUDGETS: Final = {"prod": 400_000_000_000, "owner analytics": 120_000_000_000, "owner media": 60_000_000_000}
_WIDTH: Final = 1080
_HEIGHT: Final = 1310
"""Pixels of the README's picture: the sentence, the figures, the charts and where the bill went."""


def world() -> Made:
    """Four weeks of a stage, its jobs under names of their own."""
    made = make(WORLD)
    names = {f"job-{n}": name for n, name in enumerate(JOBS)}
    attempts = made.attempts.assign(
        job=made.attempts["job"].map(names),
        owner=made.attempts["job"].map({job: OWNERS[name] for job, name in names.items()}),
        image=made.attempts["image"].replace(names, regex=True),
    )
    return Made(attempts=attempts, instances=made.instances, bill_lines=made.bill_lines, truth=made.truth)


def report() -> Report:
    """Its last week's report."""
    made = world()

    def bill(since: date, until: date) -> Bill:
        return Bill(lines=[one for one in made.bill_lines.to_dict("records") if since <= one["day"] < until])  # type: ignore[misc]

    def listed(usage_types: Sequence[str], _currency: str) -> Prices:
        return Prices(hour_nano={name: round(INSTANCE_TYPES[name.split(":")[1]][2] * 1e9) for name in usage_types})

    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        write(made, raw, stage="prod", delivery=Delivery())
        return make_report(
            Question(
                stack="prod",
                stage="prod",
                period=choose(now=NOW, timezone="UTC"),
                now=NOW,
                ledger=Source(
                    stage="prod",
                    raw=raw,
                    clusters=clusters(made),
                    compute_environments=compute_environments("prod"),
                ),
                bill=bill,
                prices=listed,
                sold=lambda _platform, _vcpus, mib: -(-mib // 64) * 64,
                memory_now={name: 512 * (1 + JOBS.index(name) % 4) for name in OWNERS},
                budgets=_BUDGETS,
            )
        )


def photograph(page: Path, picture: Path, *, width: int, height: int, scale: int = 1) -> None:
    """What a browser window of this size shows of the page."""
    _chromium(
        f"--window-size={width},{height}", f"--force-device-scale-factor={scale}", f"--screenshot={picture}", page=page
    )


def smaller(picture: Path) -> None:
    """In 128 colours: a page of text and charts has no more, and a repository keeps every version."""
    made = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(128).save(made, "PNG", optimize=True)
    picture.write_bytes(made.getvalue())


def _chromium(*arguments: str, page: Path) -> None:
    found = shutil.which("chromium")
    if found is None:
        raise SystemExit("chromium: not on PATH; on Debian `apt-get install --no-install-recommends chromium`")
    subprocess.run(
        [found, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", *arguments, page.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )


def main(folder: Path | None = None) -> None:
    """Write the picture; into `folder` also what else a reader may hold in hand."""
    with tempfile.TemporaryDirectory() as scratch:
        page = (folder or Path(scratch)).resolve() / "report.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(html(report()), encoding="utf-8")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        photograph(page, PICTURE, width=_WIDTH, height=_HEIGHT, scale=2)
        smaller(PICTURE)
        if folder is not None:
            photograph(page, page.with_name("phone.png"), width=390, height=2600, scale=2)
            photograph(page, page.with_name("desktop.png"), width=1280, height=6000)
            _chromium(f"--print-to-pdf={page.with_name('report.pdf')}", "--no-pdf-header-footer", page=page)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
