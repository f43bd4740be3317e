"""What is refused of a trigger, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.problems import Problems
from jobs.spec import parse_job

HEAD = """\
description: x
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
permissions: {write: [results]}
parameters: {key: none}
command: ["Ref::key"]
triggers:
"""


def problems(trigger: str) -> list[str]:
    try:
        parse_job(f"{HEAD}  - {trigger}\n", Path("jobs/x"))
    except Problems as found:
        return [str(one).removeprefix("jobs/x/job.yaml:10: triggers[0].") for one in found]
    return []


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ("s3: {bucket: uploads, size: {}}",
         "s3.size is without min_bytes and max_bytes; a size has at least one of the two; "
         "write for example size: {min_bytes: 1}"),
        ("s3: {bucket: uploads, size: {min_bytes: 2, max_bytes: 1}}",
         "s3.size.min_bytes is 2 with max_bytes 1, which no object has; min_bytes is at most max_bytes; "
         "exchange the two"),
        ("s3: {bucket: uploads, size: {max_bytes: 6000000000}}",
         "s3.size.max_bytes is 6000000000; EventBridge compares sizes up to 5,000,000,000 bytes; "
         "write whole bytes in that range"),
        ('s3: {bucket: uploads, wildcard: "a/**/b"}',
         "s3.wildcard[0] is 'a/**/b'; EventBridge takes no two * in a row; one stands for any characters, / too; "
         "write one *"),
        ('s3: {bucket: uploads, wildcard: "a\\\\b*"}',
         "s3.wildcard[0] is 'a\\\\b*'; \\ stands before * and \\ only, for the characters themselves; "
         "write \\\\ for a backslash"),
        ('s3: {bucket: uploads, prefix: in/, wildcard: "*.csv"}',
         "s3.wildcard is given beside prefix or suffix; a wildcard is the whole key; "
         "write wildcard: 'in/*', or leave it out"),
        ('s3: {bucket: results, wildcard: "*"}',
         "s3.bucket is results, which the job writes to; a job's results may not submit it again; "
         "give a prefix or suffix that its results don't have"),
        ("schedule: {}",
         "schedule is without cron, rate and at; a schedule has one of cron, rate and at; "
         'write for example cron: "0 6 ? * MON *"'),
        ("schedule: {at: 2027-01-01T06:00, rate: 1 day}",
         "schedule is given rate and at; a schedule has one of cron, rate and at; "
         'write for example cron: "0 6 ? * MON *"'),
        ("schedule: {at: 2027-01-01}",
         "schedule.at is '2027-01-01'; a local time is year-month-dayThour:minute, without a zone; "
         "write for example 2027-01-01T06:00"),
        ("schedule: {at: 2027-02-29T06:00}",
         "schedule.at is '2027-02-29T06:00'; the day and the time must exist; write for example 2027-01-01T06:00"),
        ("schedule: {at: 2027-03-28T02:30, timezone: Europe/Berlin}",
         "schedule.at is '2027-03-28T02:30', which the clock skips in Europe/Berlin; the time must exist there; "
         "write an hour more"),
        ("schedule: {at: 2027-01-01T06:00, end: 2028-01-01T06:00}",
         "schedule.end is given beside at; start and end are for times that come again; remove it"),
        ("schedule: {rate: 1 day, start: 2027-01-02T00:00, end: 2027-01-01T06:00}",
         "schedule.end is '2027-01-01T06:00', not after start; end comes after start; exchange the two"),
        ("schedule: {rate: 1 day, window_minutes: 0}",
         "schedule.window_minutes is 0; a window is a whole number of minutes from 1 to 1,440; "
         "leave it out to fire on time"),
        ("after: {job: flights, take: {month: a b}}",
         "after.take.month is 'a b'; it names a parameter of the other job; write its name"),
        ("event: {pattern: {detail-type: [x]}, sample: {}}",
         "event.pattern is without source; a pattern names where its events come from; "
         'write for example source: ["shop.orders"]'),
        ("event: {pattern: {source: [shop]}, sample: {source: store}}",
         'event.pattern is not fulfilled by its own sample, whose source is "store"; a trigger takes its own sample; '
         'the pattern wants ["shop"]; change one of the two'),
        ("event: {pattern: {source: [{like: shop}]}, sample: {source: shop}}",
         "event.pattern is no event pattern (Unrecognized match type like); EventBridge must take it; "
         "write lists of values or operators where the event has values"),
        ("event: {pattern: {source: [shop]}, sample: {source: shop}, take: {key: $.detail.order}}",
         "event.take.key is '$.detail.order', where the sample has nothing; "
         "a parameter's value is text, a number, true or false; "
         "point to one of the sample's values, or put one there"),
        ("event: {pattern: {source: [shop]}, sample: {source: shop}, take: {key: detail.order}}",
         "event.take.key is 'detail.order', which is no path ('detail.order must start with $'); "
         "a path is names and numbers from $ on, no filters; write for example $.detail.order"),
        ("sqs: {take: {key: body.order}}",
         "sqs.take.key is 'body.order', which is no path to one value; a path is names and numbers from $ on; "
         "write for example $.body.order"),
        ("sqs: {take: {key: '$.body.list[*]'}}",
         "sqs.take.key is '$.body.list[*]', which is no path to one value; a path is names and numbers from $ on; "
         "write for example $.body.order"),
        ("sqs: {receives: 0}",
         "sqs.receives is 0; SQS counts 1–1,000 receives; write a whole number in that range"),
        ("event: {pattern: {source: [{prefix: aws.}]}, sample: {source: aws.health}}",
         "event.pattern is one that takes aws.batch events of every stage in the account; such a pattern limits "
         "detail.jobQueue or detail.jobDefinition or detail.jobName to names of one stage; "
         "write after: for a job's end"),
        ("event: {pattern: {source: [aws.s3], detail: {bucket: {name: [{exists: true}]}}}, "
         "sample: {source: aws.s3, detail: {bucket: {name: x}}}}",
         "event.pattern is one that takes aws.s3 events of every stage in the account; such a pattern limits "
         "detail.bucket.name to names of one stage; write s3: for uploads"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(trigger: str, said: str) -> None:
    assert problems(trigger) == [said]


@pytest.mark.parametrize(
    "trigger",
    [
        "event: {pattern: {source: [aws.s3], detail: {bucket: {name: [mine]}}}, "
        "sample: {source: aws.s3, detail: {bucket: {name: mine}}}}",
        "event: {pattern: {source: [aws.batch], detail: {jobName: [{prefix: batchyard-prod-}]}}, "
        "sample: {source: aws.batch, detail: {jobName: batchyard-prod-x}}}",
        "event: {bus: own, pattern: {source: [aws.batch]}, sample: {source: aws.batch}}",
        "event: {pattern: {source: [aws.health]}, sample: {source: aws.health}}",
    ],
)
def test_a_pattern_that_keeps_to_one_stage_is_accepted(trigger: str) -> None:
    assert problems(trigger) == []


def test_a_fixed_parameter_of_a_message_is_no_path() -> None:
    assert problems("{sqs: {}, parameters: {key: $.body.key}}") == [
        "parameters.key is '$.body.key'; a pipe takes what begins with $. for a path; write paths below take"
    ]
