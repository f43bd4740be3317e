"""Problems: their text, their order, their places."""

from __future__ import annotations

import pytest

from jobs.problems import Problem, Problems, listing, place, raise_any, suggestion


def problem(where: str, got: str = "12") -> Problem:
    return Problem(place=where, got=got, allowed="Batch allows 1–10", remedy="write 3")


def test_the_text_is_place_got_allowed_remedy() -> None:
    text = str(problem(place("jobs/x/job.yaml", "retry.attempts", 7)))
    assert text == "jobs/x/job.yaml:7: retry.attempts is 12; Batch allows 1–10; write 3"


def test_problems_are_in_the_order_of_files_and_lines_each_once() -> None:
    later, earlier, other = problem("b.yaml:10: k"), problem("b.yaml:9: k"), problem("a.yaml: k")
    problems = Problems([later, earlier, other, later])
    assert list(problems) == [other, earlier, later]
    assert str(problems).splitlines() == [str(other), str(earlier), str(later)]


@pytest.mark.parametrize(
    ("where", "file", "line"),
    [("a/b.yaml:7: retry.attempts", "a/b.yaml", 7), ("a/b.yaml: k", "a/b.yaml", None), ("a/b.yaml", "a/b.yaml", None)],
)
def test_a_place_gives_file_and_line(where: str, file: str, line: int | None) -> None:
    assert (problem(where).file, problem(where).line) == (file, line)


def test_raise_any_raises_only_when_there_is_one() -> None:
    raise_any([])
    with pytest.raises(Problems, match="retry is 12"):
        raise_any([problem("x: retry")])


def test_a_suggestion_is_a_close_match_or_the_other_remedy() -> None:
    assert suggestion("standart", ["critical", "standard"], otherwise="add it") == "did you mean standard?"
    assert suggestion("gpu", ["critical", "standard"], otherwise="add it") == "add it"


def test_a_long_listing_is_cut_and_counted() -> None:
    assert listing([]) == "none"
    assert listing(["b", "a"]) == "a, b"
    assert listing((f"q{number:02}" for number in range(25)), limit=2) == "q00, q01 and 23 more"
