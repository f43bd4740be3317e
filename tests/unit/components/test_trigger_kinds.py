"""A stage with every kind of trigger (fixture `kinds`): what each becomes."""

from __future__ import annotations

import json

from tests.unit.components.mocked_engine import Recording


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
