"""A stage with every kind of trigger (fixture `kinds`): what each becomes."""

from __future__ import annotations

import json

from tests.unit.components.example_triggers import SHOP_TOPIC
from tests.unit.components.mocked_engine import Recording, arn


def test_a_schedule_may_have_a_window_and_two_ends(kinds: Recording) -> None:
    bounded = kinds.one("Schedule", "batchyard-dev-timed-schedule1").inputs
    assert bounded["flexibleTimeWindow"] == {"mode": "FLEXIBLE", "maximumWindowInMinutes": 15}
    assert (bounded["startDate"], bounded["endDate"]) == ("2029-11-30T23:00:00Z", "2030-06-01T00:00:00Z")


def test_a_start_that_has_passed_is_not_sent(kinds: Recording) -> None:
    assert kinds.one("Schedule", "batchyard-dev-timed-schedule2").inputs.get("startDate") is None


def test_one_time_is_local_with_seconds(kinds: Recording) -> None:
    once = kinds.one("Schedule", "batchyard-dev-timed-schedule3").inputs
    assert (once["scheduleExpression"], once["scheduleExpressionTimezone"]) == (
        "at(2030-06-01T06:00:00)",
        "Europe/Berlin",
    )


def test_a_chain_listens_to_one_job_of_this_stage_and_takes_its_parameters(kinds: Recording) -> None:
    rule = kinds.one("EventRule", "batchyard-dev-chained-after1").inputs
    pattern = json.loads(rule["eventPattern"])
    assert pattern["detail"] == {
        "status": ["SUCCEEDED"],
        "jobQueue": [kinds.outputs["queues"]["standard"]],
        "jobDefinition": [{"prefix": f"{kinds.outputs['job_definitions']['base']}:"}],
        "arrayProperties": {"index": [{"exists": False}]},
    }
    target = kinds.one("EventTarget", "batchyard-dev-chained-after1").inputs
    assert target["inputTransformer"]["inputPaths"]["day"] == "$.detail.parameters.date"
    template = target["inputTransformer"]["inputTemplate"]
    assert '"after_exit_code":"<after_exit_code>","after_job":"base","after_job_id":<after_job_id>' in template
    failed = kinds.one("EventRule", "batchyard-dev-chained-after2").inputs
    assert json.loads(failed["eventPattern"])["detail"]["status"] == ["FAILED"]
    fixed = kinds.one("EventTarget", "batchyard-dev-chained-after2").inputs["inputTransformer"]["inputTemplate"]
    assert '"why":"the base failed"' in fixed


def test_an_event_may_come_from_a_bus_of_ones_own(kinds: Recording) -> None:
    rule = kinds.one("EventRule", "batchyard-dev-ordered-event1").inputs
    assert (rule["eventBusName"], rule["state"]) == ("shop", "DISABLED")
    assert json.loads(rule["eventPattern"]) == {"source": ["shop.orders"], "detail": {"paid": [True]}}
    target = kinds.one("EventTarget", "batchyard-dev-ordered-event1").inputs
    assert target["eventBusName"] == "shop"
    assert target["inputTransformer"]["inputTemplate"] == '{"Parameters":{"lines":"<lines>","order":"<order>"}}'


def test_each_trigger_may_submit_its_own_job_only(kinds: Recording) -> None:
    definition = kinds.outputs["job_definitions"]["chained"]
    policy = json.loads(kinds.one("RolePolicy", "batchyard-dev-chained-after1").inputs["policy"])
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["batch:SubmitJob"],
            "Resource": [kinds.outputs["queues"]["standard"], definition, f"{definition}:*"],
        }
    ]


def test_messages_go_through_a_pipe_one_a_job(kinds: Recording) -> None:
    pipe = kinds.one("Pipe", "batchyard-dev-loaded-queue1").inputs
    queue = kinds.one("Queue", "batchyard-dev-loaded-messages1")
    assert pipe["source"] == queue.outputs["arn"]
    assert pipe["sourceParameters"] == {"sqsQueueParameters": {"batchSize": 1}}
    assert pipe["target"] == kinds.outputs["queues"]["standard"]
    submitted = pipe["targetParameters"]["batchJobParameters"]
    assert submitted["parameters"] == {"message_id": "$.messageId", "order": "$.body.order", "mode": "all"}
    redrive = json.loads(queue.inputs["redrivePolicy"])
    dead_letters = kinds.one("Queue", "batchyard-dev-loaded-queue1")
    assert redrive == {"deadLetterTargetArn": dead_letters.outputs["arn"], "maxReceiveCount": 3}
    assert kinds.outputs["message_queues"]["loaded/queue1"] == queue.outputs["url"]


def test_a_pipes_role_is_this_pipes_and_reads_its_queue_only(kinds: Recording) -> None:
    role = json.loads(kinds.one("Role", "batchyard-dev-loaded-queue1").inputs["assumeRolePolicy"])["Statement"][0]
    assert role["Principal"] == {"Service": "pipes.amazonaws.com"}
    (source,) = role["Condition"]["ArnLike"].values()
    assert source.endswith(":pipe/batchyard-dev-loaded-queue1-???????")
    policy = json.loads(kinds.one("RolePolicy", "batchyard-dev-loaded-queue1").inputs["policy"])["Statement"][1]
    assert policy["Resource"] == [kinds.one("Pipe", "batchyard-dev-loaded-queue1").inputs["source"]]


def test_a_topics_messages_reach_a_queue_that_admits_it_alone(kinds: Recording) -> None:
    topic = kinds.one("Topic", "batchyard-dev-orders").outputs["arn"]
    queue = kinds.one("Queue", "batchyard-dev-notified-notifications1")
    subscription = kinds.one("TopicSubscription", "batchyard-dev-notified-topic1").inputs
    assert (subscription["topic"], subscription["endpoint"]) == (topic, queue.outputs["arn"])
    assert (subscription["protocol"], subscription["rawMessageDelivery"]) == ("sqs", True)
    assert json.loads(subscription["filterPolicy"]) == {"kind": ["paid"]}
    (statement,) = json.loads(kinds.one("QueuePolicy", "batchyard-dev-notified-notifications1").inputs["policy"])[
        "Statement"
    ]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.outputs["arn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": [topic]}},
    }
    pipe = kinds.one("Pipe", "batchyard-dev-notified-topic1").inputs
    assert pipe["source"] == queue.outputs["arn"]
    assert pipe["targetParameters"]["batchJobParameters"]["parameters"] == {
        "message_id": "$.messageId",
        "order": "$.body.order",
    }


def test_what_a_topic_cannot_deliver_is_a_dead_letter_too(kinds: Recording) -> None:
    letters = kinds.one("Queue", "batchyard-dev-notified-topic1").outputs["arn"]
    subscription = kinds.one("TopicSubscription", "batchyard-dev-notified-topic1").inputs
    assert json.loads(subscription["redrivePolicy"]) == {"deadLetterTargetArn": letters}
    policy = json.loads(kinds.one("QueuePolicy", "batchyard-dev-notified-topic1").inputs["policy"])["Statement"][0]
    assert policy["Principal"] == {"Service": "sns.amazonaws.com"}
    redrive = json.loads(kinds.one("Queue", "batchyard-dev-notified-notifications1").inputs["redrivePolicy"])
    assert redrive == {"deadLetterTargetArn": letters, "maxReceiveCount": 3}


def test_a_topic_that_exists_is_subscribed_to_and_not_made(kinds: Recording) -> None:
    assert kinds.one("TopicSubscription", "batchyard-dev-notified-topic2").inputs["topic"] == SHOP_TOPIC
    assert sorted(one.name for one in kinds.of("Topic")) == ["batchyard-dev-failures", "batchyard-dev-orders"]
    assert kinds.outputs["topics"]["shop"] == SHOP_TOPIC
    assert "notified/topic1" not in kinds.outputs["message_queues"], "who publishes needs the topic, not its queue"


STREAM = arn("dynamodb", "table/shop-orders/stream/2026-01-01T00:00:00.000")


def test_a_tables_changes_go_through_a_pipe_in_their_order(kinds: Recording) -> None:
    pipe = kinds.one("Pipe", "batchyard-dev-changed-stream1").inputs
    assert pipe["source"] == STREAM
    letters = kinds.one("Queue", "batchyard-dev-changed-stream1").outputs["arn"]
    assert pipe["sourceParameters"]["dynamodbStreamParameters"] == {
        "startingPosition": "LATEST",
        "batchSize": 1,
        "maximumRetryAttempts": 3,
        "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "deadLetterConfig": {"arn": letters},
    }
    (one,) = pipe["sourceParameters"]["filterCriteria"]["filters"]
    assert json.loads(one["pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"status": {"S": ["paid"]}}},
    }
    assert pipe["targetParameters"]["batchJobParameters"]["parameters"] == {
        "event_id": "$.eventID",
        "event_name": "$.eventName",
        "order": "$.dynamodb.NewImage.id.S",
    }


def test_a_streams_role_reads_that_stream_and_writes_its_dead_letters(kinds: Recording) -> None:
    statements = json.loads(kinds.one("RolePolicy", "batchyard-dev-changed-stream1").inputs["policy"])["Statement"]
    assert [(one["Action"], one["Resource"]) for one in statements[1:]] == [
        (["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [STREAM]),
        (["dynamodb:ListStreams"], [f"{STREAM.rpartition('/')[0]}/*"]),
        (["sqs:SendMessage"], [kinds.one("Queue", "batchyard-dev-changed-stream1").outputs["arn"]]),
    ]
