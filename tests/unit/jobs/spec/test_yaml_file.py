"""Reading YAML: values, places, and everything that isn't YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.spec import yaml_file
from jobs.spec.yaml_file import Position, YamlFile, key_text, parse_yaml, read_yaml, show


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml's reader, and the one PyYAML has where it was built without."""
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(yaml_file, "LOADER", getattr(yaml, request.param))


def read(text: str | bytes) -> YamlFile:
    return parse_yaml(text, file="job.yaml")


def test_values_follow_yaml_1_2() -> None:
    text = """
a: yes
b: true
c: 010
d: 1.50
e: 2026-11-21
f: "3"
g: 0x1F
h:
i: ~
j: 1:30
k: |
  two
  lines
"""
    assert read(text).value == {
        "a": "yes",
        "b": True,
        "c": 10,
        "d": 1.5,
        "e": "2026-11-21",
        "f": "3",
        "g": 31,
        "h": None,
        "i": None,
        "j": "1:30",
        "k": "two\nlines\n",
    }


def test_every_key_and_item_has_its_place() -> None:
    file = read("a: 1\nb:\n  c: [x, y]\n  d:\n    - e: 2\n")
    assert file.positions[("a",)] == Position(line=1, column=1)
    assert file.positions[("b", "c", 1)] == Position(line=3, column=10)
    assert file.place(("b", "d", 0, "e")) == "job.yaml:5: b.d[0].e"
    # what isn't there has the line of what should hold it
    assert file.place(("b", "d", 0, "f")) == "job.yaml:5: b.d[0].f"
    assert file.place(("z",)) == "job.yaml:1: z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            b"\x89PNG\r\n\x1a\n\0\0\0",
            "job.yaml is a binary file; YAML is text in UTF-8; write it anew with a text editor",
        ),
        (b"a: 1\nb: \xff\n", "job.yaml:2 is not UTF-8 (byte 8); YAML is text in UTF-8; save it as UTF-8"),
        ("a: 1\n\tb: 2\n", "YAML is indented with spaces; replace the tabs"),
        ("a: [1, 2\n", "job.yaml:2 is no YAML"),
        ("a: 'x\n", "it must be valid YAML"),
        ("a: 1\na: 2\n", "job.yaml:2: a is given twice, first in line 1; a key stands once in a mapping; remove one"),
        ("a: {b: 1, b: {c: 1, c: 2}}", "job.yaml:1: a.b is given twice"),
        ("a: &x 1\n", "job.yaml:1: a is an anchor (&x); anchors and aliases aren't read"),
        ("a: [*.jpg]\n", "text that begins with * or & stands in quotes"),
        ("a: *x\n", "job.yaml:1: a is an alias (*x); anchors and aliases aren't read; write the value out"),
        (
            "a: !!python/object:os.system x\n",
            "a is tagged 'tag:yaml.org,2002:python/object:os.syste'; tags aren't read",
        ),
        ("a: .nan\n", "a is .nan, which is no finite number; numbers are finite"),
        ("a: 1e999\n", "a is 1e999, which is no finite number"),
        (f"a: {'9' * 5000}\n", "a is a number of 5000 characters; numbers have at most 18"),
        ("a: 1\n---\nb: 2\n", "job.yaml:2 is a second document; a file holds one; remove what begins at ---"),
        ("? [a, b]\n: 1\n", "given a mapping or list as a key; keys are text"),
        ("[" * 500 + "]" * 500, "job.yaml is nested deeper than 20 levels"),
        ("- " * 100_000, "nested deeper than 20 levels"),
        ("x" * 300_000, "text"),
    ],
)
def test_what_cannot_be_read_is_a_problem(text: str | bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    file = read_yaml(path, file="job.yaml")
    if problem == "text":
        problem = "job.yaml is 300000 bytes long; at most 262144 bytes are read"
    assert problem in "\n".join(str(found) for found in file.problems)


def test_an_anchor_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    file = read("\n".join(lines))
    assert {problem.allowed for problem in file.problems} == {"anchors and aliases aren't read"}


def test_aliases_and_merge_keys_are_read_where_they_are_asked_for() -> None:
    text = """
a: &a {x: 1, y: &y 2}
b: *a
c: {<<: *a, y: 3, z: *y}
d: {<<: [{y: 4}, *a]}
"""
    shared = parse_yaml(text, file="job.yaml", aliases=True)
    a = {"x": 1, "y": 2}
    assert (shared.problems, shared.value) == (
        (),
        {"a": a, "b": a, "c": {"x": 1, "y": 3, "z": 2}, "d": {"x": 1, "y": 4}},
    )
    assert shared.line(("c", "x")) == 4


@pytest.mark.parametrize("text", ["a: *x\n", "a: &x [*x]\n", "a: &x {b: *x}\n", "a: *x\nb: &x 1\n"])
def test_an_alias_of_nothing_or_of_what_holds_it_is_a_problem(text: str) -> None:
    (problem,) = parse_yaml(text, file="job.yaml", aliases=True).problems
    assert problem.allowed == "it names a value that ended before"


def test_an_anchor_bomb_never_grows_where_aliases_are_read() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    file = parse_yaml("\n".join(lines), file="job.yaml", aliases=True)
    assert file.problems
    assert len(repr(file.value)) < 200_000


def test_an_empty_file_has_no_value_and_no_problem() -> None:
    for text in ("", "# only a comment\n", "---\n", "\ufeff"):
        assert (read(text).value, read(text).problems) == (None, ())


def test_a_duplicate_keeps_the_first_value_and_its_places() -> None:
    file = read("a: {x: 1}\nb: 2\na: {x: 3, y: 4}\n")
    assert file.value == {"a": {"x": 1}, "b": 2}
    assert file.positions[("a", "x")] == Position(line=1, column=5)
    assert ("a", "y") not in file.positions


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read_yaml(tmp_path / "no.yaml", file="no.yaml").problems
    assert str(problem).startswith("no.yaml is not readable (No such file or directory)")
    (problem,) = read_yaml(tmp_path, file="folder").problems
    assert "not readable" in problem.got


def test_keys_and_values_are_shown_on_one_short_line() -> None:
    assert key_text(("a", 0, "b c", "d\n")) == "a[0]['b c']['d\\n']"
    assert show("x" * 100) == f"'{'x' * 60}'… (100 characters)"
    assert show("a\nb") == "'a\\nb'"
    assert [show(value) for value in (None, True, 3, 0.5, [], [1], {}, 10**40, object())] == [
        "empty",
        "true",
        "3",
        "0.5",
        "an empty list",
        "a list",
        "an empty mapping",
        "a number of more than 30 digits",
        "of the type object",
    ]


yaml_like = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60),
    st.text(alphabet="ab:[]{},&*!|>-?'\"#\n\t 01.%@`~<", max_size=80),
)


@given(yaml_like, st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_content_is_read_or_refused(content: str | bytes, aliases: bool) -> None:
    file = parse_yaml(content, file="job.yaml", aliases=aliases)
    assert file.value is None or isinstance(file.value, str | int | float | bool | list | dict)
    for problem in file.problems:
        assert problem.place.startswith("job.yaml")
        assert all((problem.got, problem.allowed, problem.remedy))
        assert "\n" not in str(problem)
