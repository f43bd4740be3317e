"""Names fit AWS's limits and never meet."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.names import AUTO_SUFFIX_LENGTH, AWS_LIMITS, EXPLICIT, Kind, Names, shorten
from jobs import conventions


def chosen(limit: int) -> st.SearchStrategy[str]:
    """What people may call things, hyphens included."""
    word = st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True)
    words = st.lists(word, min_size=1, max_size=4).map("-".join)
    return words.map(lambda name: name[:limit].rstrip("-"))


STAGES = chosen(conventions.STAGE_NAME_MAX)
THINGS = chosen(conventions.JOB_NAME_MAX)
PARTS = st.sampled_from(["", "job", "execution", "upload1", "upload12", "schedule1"])
KINDS = st.sampled_from(get_args(Kind))


@settings(max_examples=100)
@given(kind=KINDS, stage=STAGES, thing=THINGS, part=PARTS)
def test_names_fit(kind: Kind, stage: str, thing: str, part: str) -> None:
    name = Names(stage=stage).of(kind, thing, part)
    suffix = 0 if kind in EXPLICIT else AUTO_SUFFIX_LENGTH
    assert len(name) + suffix <= AWS_LIMITS[kind]
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)


@settings(max_examples=100)
@given(kind=KINDS, first=st.tuples(STAGES, THINGS, PARTS), second=st.tuples(STAGES, THINGS, PARTS))
def test_two_things_never_share_a_name(kind: Kind, first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    # a bare thing and one with a part are never of one kind in a stage: `x-job` is no queue when `x` has a role
    assume(first != second and (first[2] == "") == (second[2] == ""))
    names = [Names(stage=stage).of(kind, thing, part) for stage, thing, part in (first, second)]
    assert names[0] != names[1]


@given(text=st.text("ab-", min_size=1, max_size=12), split=st.integers(1, 11))
def test_moving_the_border_between_stage_and_thing_changes_the_name(text: str, split: int) -> None:
    letters = re.sub("-+", "-", f"a{text}a")
    borders = [position for position, letter in enumerate(letters) if letter == "-"]
    names = {Names(stage=letters[:at]).of("job queue", letters[at + 1 :]) for at in borders}
    assert len(names) == len(borders)


@settings(max_examples=100)
@given(name=st.from_regex(r"[a-z][a-z0-9-]{1,120}[a-z0-9]", fullmatch=True), limit=st.integers(16, 80))
def test_shortened_names_keep_their_beginning(name: str, limit: int) -> None:
    short = shorten(name, limit)
    assert len(short) <= limit
    assert short == name or name.startswith(short.rsplit("-", 1)[0])


def test_long_names_that_begin_alike_differ() -> None:
    long = "x" * conventions.JOB_NAME_MAX
    names = Names(stage="s" * conventions.STAGE_NAME_MAX)
    assert names.of("role", long, "job") != names.of("role", long, "execution")


def test_names_of_an_ordinary_stage_read_well() -> None:
    names = Names(stage="dev")
    assert names.of("job queue", "standard") == "batchyard-dev-standard"
    assert names.of("role", "thumbnails", "execution") == "batchyard-dev-thumbnails-execution"
    assert names.repository("thumbnails") == "batchyard/dev/thumbnails"
    assert names.log_group("thumbnails") == "/batchyard/dev/thumbnails"
    assert names.itself == "batchyard-dev"


def test_a_part_has_no_hyphen() -> None:
    with pytest.raises(ValueError, match="a part has no hyphen"):
        Names(stage="dev").of("role", "x", "the-role")


def test_a_limit_without_room_for_the_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="limit is 9"):
        shorten("abc", 9)
