"""Words that several packages use: what they rely on."""

from __future__ import annotations

import re

from jobs import conventions


def test_a_buckets_variable_is_its_name_in_upper_case() -> None:
    assert conventions.bucket_env("raw-uploads") == "BATCHYARD_BUCKET_RAW_UPLOADS"


def test_every_column_of_an_attempt_has_a_path_in_the_event() -> None:
    assert set(conventions.ATTEMPT_COLUMNS) >= conventions.ATTEMPT_RAW_COLUMNS
    assert all(re.fullmatch(r"\$\.[A-Za-z.]+", path) for path in conventions.ATTEMPT_PATHS.values())
    # EventBridge takes at most 100 paths in a transformer
    assert len(conventions.ATTEMPT_PATHS) <= 100


def test_the_longest_bucket_name_leaves_room_for_pulumis_suffix() -> None:
    longest = f"{conventions.PROJECT}-{'s' * conventions.STAGE_NAME_MAX}-{'b' * conventions.BUCKET_NAME_MAX}-1234567"
    assert len(longest) <= 63
