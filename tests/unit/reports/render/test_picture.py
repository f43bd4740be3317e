"""The README's picture of a report: small, and of what the report says today."""

from __future__ import annotations

import re

from PIL import Image

from local.home import REPOSITORY
from tests.worlds import picture

LARGEST_BYTES = 250_000


def test_the_readmes_picture_is_small_and_wide_enough_for_a_fine_screen() -> None:
    assert picture.PICTURE.stat().st_size < LARGEST_BYTES
    with Image.open(picture.PICTURE) as shown:
        assert shown.width >= 2_000


def test_the_readme_says_of_its_picture_what_the_report_says() -> None:
    """Where this fails, make the picture anew: `python -m tests.worlds.picture`."""
    (told,) = re.findall(r"!\[([^\]]*)\]\(docs/pictures/report\.png\)", (REPOSITORY / "README.md").read_text())
    found = re.match(r"(\$[\d.]+), \+(\d+)% on the period before: ([^;]+); ", picture.report().sentence)
    assert found is not None
    assert f"{found[1]}, {found[2]} percent more than the week before because {found[3]};" in told
