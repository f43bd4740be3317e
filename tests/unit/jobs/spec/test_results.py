"""`results`: what is refused, with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.problems import Problems
from jobs.spec import parse_job
from jobs.spec.column_types import SIMPLE, is_column_type

HEAD = """\
description: x
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
"""


def refused(results: str) -> list[str]:
    with pytest.raises(Problems) as raised:
        parse_job(f"{HEAD}results: {results}\n", Path("jobs/x"))
    return [str(problem) for problem in raised.value]


def test_the_least_is_a_bucket_named_results() -> None:
    found = parse_job(f"{HEAD}results: {{}}\n", Path("jobs/x")).spec.results
    assert found is not None
    assert (found.bucket, found.format, found.athena, found.quicksight) == ("results", None, None, False)


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        (
            "{format: avro}",
            "results.format is 'avro'; allowed are csv, json, parquet; write parquet",
        ),
        (
            "{athena: {columns: {city: string}}}",
            "results is without format; a table's objects have one format; write format: parquet, csv or json",
        ),
        (
            "{format: parquet, athena: {columns: {City: string}}}",
            "results.athena.columns.City is no column's name; a name is lower-case letters, digits and _, not "
            "beginning with a digit, at most 128 characters; rename it",
        ),
        (
            "{format: parquet, athena: {columns: {day: date}}}",
            "results.athena.columns.day is a reserved name; day is the partition every table has; rename the column",
        ),
        (
            "{format: parquet, athena: {columns: {city: strng}}}",
            "results.athena.columns.city is 'strng'; a type is boolean, tinyint, smallint, int, bigint, float, double, "
            "string, date, timestamp, binary, decimal(p,s), char(n), varchar(n), array<…>, map<…> or struct<…>; "
            "did you mean string?",
        ),
        (
            "{format: csv, athena: {columns: {at: timestamp}}}",
            "results.athena.columns.at is timestamp with format: csv; Athena reads bigint, boolean, double, int, "
            "string from quoted CSV; write string and cast it in the query, or write format: parquet",
        ),
        (
            "{format: parquet, athena: {columns: {}}}",
            "results.athena.columns is an empty mapping; a table has 1–1,000 columns; write name: type, for example "
            "city: string",
        ),
        (
            "{format: parquet, athena: {columns: {a: int}, since: 1.11.2026}}",
            "results.athena.since is '1.11.2026'; it is a day like 2026-11-01; write year, month and day",
        ),
        (
            "{format: parquet, quicksight: true}",
            "results.quicksight is true with format: parquet; QuickSight reads csv and json from S3; write one of "
            "these formats, or let QuickSight ask Athena",
        ),
        (
            "{redshift: {cluster: a, user: b, database: c, table: d}}",
            "results is without format; a table's objects have one format; write format: parquet, csv or json",
        ),
        (
            "{format: csv, redshift: {database: c, table: d}}",
            "results.redshift is without workgroup and cluster; a table is of one of the two; write workgroup: and its "
            "id, or cluster: and user:",
        ),
        (
            "{format: csv, redshift: {cluster: a, database: c, table: d}}",
            "results.redshift is without user; credentials of a cluster are for a user, a workgroup's are the role's; "
            "write user: beside cluster:",
        ),
        (
            "{format: csv, redshift: {cluster: a, user: b, database: c, table: 'd; DROP TABLE e'}}",
            "results.redshift.table is 'd; DROP TABLE e'; a table is table or schema.table, in lower-case letters, "
            "digits and _; write for example public.readings",
        ),
        (
            "{format: csv, redshift: {cluster: a, user: b, database: 'c\"', table: d}}",
            "results.redshift.database is 'c\"'; a database is lower-case letters, digits and _, at most 63; name one "
            "that exists",
        ),
        (
            "{formt: csv}",
            "results.formt is an unknown key; known are athena, bucket, format, quicksight, redshift; did you mean "
            "format?",
        ),
    ],
)
def test_one_mistake_is_one_problem(results: str, problem: str) -> None:
    assert refused(results) == [f"jobs/x/job.yaml:6: {problem}"]


def test_lambda_has_none() -> None:
    with pytest.raises(Problems) as raised:
        parse_job(
            f"{HEAD}results: {{}}\ntimeout_s: 600\n".replace("ec2", "lambda").replace("512", "1769"), Path("jobs/x")
        )
    assert [str(problem) for problem in raised.value] == [
        "jobs/x/job.yaml:6: results is given with platform: lambda; Lambda has no id that a run's attempts share, "
        "which results would lie under; remove it, or write platform: fargate"
    ]


def test_an_array_is_not_loaded_as_a_whole() -> None:
    results = "{format: csv, redshift: {cluster: a, user: b, database: c, table: d}}\narray: {size: 2}"
    assert refused(results) == [
        "jobs/x/job.yaml:6: results.redshift is given beside array; Redshift loads a run at its end, and each child "
        "leaves a manifest of its own; load it in a job after this one"
    ]


def test_a_trigger_on_all_keys_of_its_own_bucket_would_run_for_ever() -> None:
    with pytest.raises(Problems, match="results, which the job writes to; a job's results may not submit it again"):
        parse_job(f"{HEAD}results: {{}}\ntriggers:\n  - s3: {{bucket: results}}\n", Path("jobs/x"))


@pytest.mark.parametrize(
    "text",
    ["decimal", "decimal(10,2)", "varchar(40)", "char(255)", "array<int>", "map<string,array<double>>", "struct<a:int>",
     "struct<when:date,where:struct<lat:double,lon:double>>"],
)  # fmt: skip
def test_types_of_columns(text: str) -> None:
    assert is_column_type(text)


@pytest.mark.parametrize(
    "text",
    ["", "integer", "decimal(2,10)", "decimal(39,0)", "decimal(1)", "varchar", "varchar(0)", "char(256)", "array<>",
     "array<int", "array", "map<string>", "map<array<int>,int>", "struct<>", "struct<a:int,>", "struct<a:int,a:int>",
     "int int", "int>", "struct<A:int>", "array<" * 99 + "int" + ">" * 99, "string; DROP TABLE x"],
)  # fmt: skip
def test_what_is_no_type(text: str) -> None:
    assert not is_column_type(text)


TYPES = st.recursive(
    st.sampled_from(SIMPLE),
    lambda inner: st.one_of(
        inner.map(lambda one: f"array<{one}>"),
        st.tuples(st.sampled_from(SIMPLE), inner).map(lambda pair: f"map<{pair[0]},{pair[1]}>"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ones: f"struct<{','.join(f'f{at}:{one}' for at, one in enumerate(ones))}>"
        ),
    ),
    max_leaves=5,
)


@given(TYPES, st.integers(0, 40), st.text("<>(),:ab1", min_size=1, max_size=3))
def test_any_nesting_is_a_type_until_it_is_broken(text: str, at: int, noise: str) -> None:
    assert is_column_type(text)
    assert not is_column_type(text + noise)
    is_column_type(text[:at] + noise + text[at:])  # a verdict, whichever
