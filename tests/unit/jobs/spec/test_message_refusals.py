"""What is refused of triggers on topics and tables, and how it is said."""

from __future__ import annotations

import pytest

from tests.unit.jobs.spec.test_trigger_refusals import problems


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ("sns: {topic: orders, filter: {a: [1], b: [1], c: [1], d: [1], e: [1], f: [1]}}",
         "sns.filter is on 6 attributes; SNS filters by 5 at most; leave some out, or let the job look at the rest"),
        ("sns: {topic: orders, filter: {a: paid}}",
         "sns.filter.a is 'paid'; an attribute has a list of values or operators; "
         'write for example a: [paid, {prefix: "re"}]'),
        ("sns: {topic: orders, filter: {a: {b: [paid]}}}",
         "sns.filter.a is an object; an attribute has a list of values or operators; "
         'write for example a: [paid, {prefix: "re"}]'),
        ("sns: {topic: orders, filter: {a: []}}",
         "sns.filter.a is no condition (Empty arrays are not allowed); SNS must take it; "
         'write for example a: [paid, {prefix: "re"}]'),
        ('sns: {topic: orders, filter: {a: [{wildcard: "a*"}]}}',
         "sns.filter.a[0] is 'wildcard', which SNS doesn't know; its operators are anything-but, cidr, "
         "equals-ignore-case, exists, numeric, prefix, suffix; use one of these"),
        ('sns: {topic: orders, filter: {a: [{numeric: [">", x]}]}}',
         "sns.filter.a is no condition (Value of numeric operators must be numeric); SNS must take it; "
         'write for example a: [paid, {prefix: "re"}]'),
        ("sns: {topic: orders, filter: {a: [2000000000]}}",
         "sns.filter.a[0] is 2000000000; SNS compares numbers below a thousand millions; "
         "send it as text, and write it in quotes"),
        (f"sns: {{topic: orders, filter: {{a: {list(range(13))}, b: {list(range(12))}}}}}",
         "sns.filter is one of 156 combinations; SNS takes 150: the numbers of values of all attributes, multiplied; "
         "name fewer values, or make several triggers"),
        ("sns: {topic: orders, take: {key: body.order}}",
         "sns.take.key is 'body.order', which is no path to one value; a path is names and numbers from $ on; "
         "write for example $.body.order"),
        ("sns: {topic: orders, receives: 0}",
         "sns.receives is 0; SQS counts 1–1,000 receives; write a whole number in that range"),
        ("sns: {topic: Orders}",
         "sns.topic is 'Orders'; a topic's name is lower-case letters, digits and single hyphens, "
         "beginning with a letter, at most 24 characters; rename the topic"),
        ("{sns: {topic: orders}, parameters: {key: $.body.key}}",
         "parameters.key is '$.body.key'; a pipe takes what begins with $. for a path; write paths below take"),
        ("dynamodb: {table: orders, events: []}",
         "dynamodb.events is empty; a trigger waits for one event at least; leave it out for all three"),
        ("dynamodb: {table: orders, events: [insert, insert]}",
         "dynamodb.events[1] is insert for the second time; each event is named once; remove one of the two"),
        ("dynamodb: {table: orders, take: {key: $.dynamodb.Keys.id}}",
         "dynamodb.take.key is '$.dynamodb.Keys.id', where no record has a value; "
         "a value stands below its attribute and type in Keys, NewImage or OldImage; "
         "write for example $.dynamodb.NewImage.id.S"),
        ("dynamodb: {table: orders, take: {key: $.dynamodb.NewImage.id.S}}",
         "dynamodb.take.key is '$.dynamodb.NewImage.id.S', and remove has no such image; "
         "every event that counts has what is taken; leave remove out of events, or take it from Keys"),
        ("dynamodb: {table: orders, events: [insert], take: {key: $.dynamodb.OldImage.id.S}}",
         "dynamodb.take.key is '$.dynamodb.OldImage.id.S', and insert has no such image; "
         "every event that counts has what is taken; leave insert out of events, or take it from Keys"),
        ("dynamodb: {table: orders, events: [remove], filter: {NewImage: {a: {S: [x]}}}}",
         "dynamodb.filter is on an image that no remove has; an insert has no OldImage, a remove has no NewImage; "
         "filter by the other image, or by Keys"),
        ("dynamodb: {table: orders, filter: {newImage: {a: {S: [x]}}}}",
         "dynamodb.filter.newImage is 'newImage'; a filter is on Keys, NewImage, OldImage; "
         "write for example {NewImage: {status: {S: [paid]}}}"),
        ("dynamodb: {table: orders, filter: {Keys: {id: [x]}}}",
         "dynamodb.filter.Keys.id is without a type; an attribute's values stand below its type; "
         "write for example {NewImage: {status: {S: [paid]}}}"),
        ("dynamodb: {table: orders, filter: {Keys: {id: {N: [5]}}}}",
         "dynamodb.filter.Keys.id.N[0] is 5; a stream has numbers as text; write it in quotes"),
        ('dynamodb: {table: orders, filter: {Keys: {id: {N: [{numeric: [">", 5]}]}}}}',
         "dynamodb.filter.Keys.id.N[0] is numeric; pipes have no wildcard, and numeric compares no text, "
         "which a stream's numbers are; write values as text, prefix or suffix"),
        ("dynamodb: {table: orders, filter: {Keys: {id: {S: [{like: x}]}}}}",
         "dynamodb.filter is no event pattern (Unrecognized match type like); EventBridge must take it; "
         "write for example {NewImage: {status: {S: [paid]}}}"),
        (f"dynamodb: {{table: orders, filter: {{Keys: {{id: {{S: [{'x' * 4096}]}}}}}}}}",
         "dynamodb.filter is 4,139 characters long; a pipe's filter has 4,096 at most; "
         "name fewer or shorter values, or make several triggers"),
        ("dynamodb: {table: orders, retries: 10001}",
         "dynamodb.retries is 10001; a pipe tries 0–10,000 times more; write a whole number in that range"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(trigger: str, said: str) -> None:
    assert problems(trigger) == [said]


@pytest.mark.parametrize(
    "trigger",
    [
        "sns: {topic: orders}",
        "sns: {topic: orders, filter: {kind: [paid, {anything-but: {prefix: re}}, {exists: false}], n: [1, null]}}",
        "dynamodb: {table: orders}",
        # the filter keeps removes out
        "dynamodb: {table: orders, filter: {NewImage: {a: {BOOL: [true]}}}, take: {key: $.dynamodb.NewImage.id.S}}",
        "dynamodb: {table: orders, take: {key: '$.dynamodb.Keys.id.S', a: $.eventID, b: $.dynamodb.SequenceNumber}}",
        "dynamodb: {table: orders, events: [insert], take: {key: '$.dynamodb.NewImage.m.M.deep.L[0].S'}}",
        "dynamodb: {table: orders, events: [insert], take: {key: '$.dynamodb.NewImage.tags.SS[0]'}}",
        # an attribute may be called like an operator
        "dynamodb: {table: orders, filter: {NewImage: {m: {M: {numeric: {S: [x]}}}}}}",
    ],
)
def test_what_aws_takes_is_accepted(trigger: str) -> None:
    assert problems(trigger) == []


def test_a_filter_that_an_absent_image_passes_lets_its_event_pass() -> None:
    absent = "filter: {NewImage: {a: {S: [{exists: false}]}}}"
    (said,) = problems(f"dynamodb: {{table: orders, {absent}, take: {{key: $.dynamodb.NewImage.id.S}}}}")
    assert "and remove has no such image" in said
