"""Functions of images: events reach the runtime in the image, are tried again, and end somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jobs import conventions
from local.emulator import events, functions
from local.emulator.capacity import FunctionRun
from local.emulator.context import EmulatorContext
from local.emulator.functions import environments
from tests.unit.local.emulator.functions.processes import ProcessRunner
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, make_queue, make_role, messages
from tests.unit.local.emulator.moto_server import serving as moto_serving

NAME = "resize"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
DIGEST = "5" * 64


class Bill:
    def __init__(self) -> None:
        self.runs: list[FunctionRun] = []

    def function_ran(self, run: FunctionRun) -> None:
        self.runs.append(run)


@dataclass(frozen=True, kw_only=True)
class Account:
    context: EmulatorContext
    runner: ProcessRunner
    bill: Bill
    letters: str
    letters_arn: str
    role: str

    @property
    def api(self) -> Any:
        return client(self.context, "lambda")

    def make(
        self,
        *command: str,
        retries: int = 0,
        image: str | None = None,
        secrets: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        variables = {conventions.ENV_JOB: NAME, conventions.ENV_PARAMETERS: '{"size":"small"}'}
        if secrets is not None:
            variables[conventions.ENV_SECRETS] = json.dumps(secrets)
        self.api.create_function(
            FunctionName=NAME,
            Role=self.role,
            PackageType="Image",
            Code={"ImageUri": image or f"localhost:1/resize@sha256:{DIGEST}"},
            ImageConfig={"Command": list(command)},
            MemorySize=512,
            Timeout=60,
            Environment={"Variables": variables},
            DeadLetterConfig={"TargetArn": self.letters_arn},
            Tags={"batchyard:job": NAME},
            **more,
        )
        self.api.put_function_event_invoke_config(FunctionName=NAME, MaximumRetryAttempts=retries)

    def start(self, **parameters: str) -> None:
        payload = json.dumps({"parameters": parameters, "submitted_at": "2026-11-21T18:00:00Z"})
        self.api.invoke(FunctionName=NAME, InvocationType="Event", Payload=payload)

    def dead_letter(self) -> tuple[dict[str, Any], str]:
        """What the first one holds, and why it is one."""
        (one,) = eventually("a dead letter", lambda: messages(self.context, self.letters))
        return json.loads(one["Body"]), one["MessageAttributes"]["ErrorMessage"]["StringValue"]


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    # at the tests' pace of a second, environments would end between two events of a busy machine
    monkeypatch.setattr(environments, "KEPT_S", 1e9)
    with serve(tmp_path) as account:
        yield account


@contextmanager
def serve(tmp_path: Path) -> Iterator[Account]:
    runner = ProcessRunner(tmp_path)
    installers = [events.install, lambda context: functions.install(context, runner=runner)]
    with moto_serving(tmp_path, installers, second_scale=0.001) as (context, _):
        bill = Bill()
        context.function_watchers.append(bill)
        letters, arn = make_queue(context, "letters")
        role = make_role(
            context,
            "resize",
            service="lambda.amazonaws.com",
            actions=["sqs:SendMessage", "events:PutEvents"],
            resources=[arn, BUS],
        )
        yield Account(context=context, runner=runner, bill=bill, letters=letters, letters_arn=arn, role=role)


def test_events_run_the_command_one_after_the_other_in_one_environment(account: Account) -> None:
    script = 'echo "$0 $1 $AWS_BATCH_JOB_ATTEMPT" >&2; [ -z "$AWS_LAMBDA_RUNTIME_API" ]'
    account.make("sh", "-c", script, "Ref::key", "Ref::size")
    account.start(key="a b$(c)")
    eventually("a run", lambda: account.bill.runs)
    account.start(key="second", size="large")
    eventually("another", lambda: len(account.bill.runs) == 2)

    assert [line for line in account.runner.lines if line.endswith(" 1")] == ["a b$(c) small 1", "second large 1"]
    assert len(account.runner.plans) == 1
    (plan,) = account.runner.plans
    assert (plan.read_only, plan.scratch, plan.user, plan.memory_mib) == (True, ("/tmp",), "993:990", 512)
    run = account.bill.runs[0]
    assert (run.memory_mib, run.architecture, run.tags) == (512, "x86_64", {"batchyard:job": NAME})
    assert run.billed_ms >= 1


def test_secrets_reach_the_command_and_no_line_of_the_log(account: Account) -> None:
    told = client(account.context, "secretsmanager").create_secret(Name="pens", SecretString='{"ink": "kept-ink"}')
    client(account.context, "ssm").put_parameter(Name="/pens/nib", Value="kept-nib", Type="SecureString")
    sources = {"INK": f"{told['ARN']}:ink::", "NIB": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/pens/nib"}
    script = '[ "$INK $NIB" = "kept-ink kept-nib" ] && [ -z "$BATCHYARD_SECRETS" ] && echo "both are here" >&2'
    account.make("sh", "-c", script, secrets=sources)
    account.start(key="a")
    eventually("a run", lambda: account.bill.runs)
    assert "both are here" in account.runner.lines
    assert not any("kept" in line for line in account.runner.lines)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/pens/none", "the parameter store has no such parameter"),
        (f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:none-abcdef", "404 ResourceNotFoundException: "),
        ("{pens}:none::", "the secret has no key none"),
        ("{plain}:ink::", "the secret is no JSON object, so it has no key ink"),
    ],
)
def test_a_secret_that_cannot_be_read_fails_the_run_and_is_named(account: Account, source: str, why: str) -> None:
    keeper = client(account.context, "secretsmanager")
    pens = keeper.create_secret(Name="pens", SecretString='{"ink": "kept-ink"}')["ARN"]
    plain = keeper.create_secret(Name="plain", SecretString="kept-text")["ARN"]
    source = source.format(pens=pens, plain=plain)
    account.make("true", secrets={"INK": source})
    account.start(key="a")
    _, error = account.dead_letter()
    begin = f"ResourceInitializationError: unable to pull secrets or registry auth: INK from {source}: {why}"
    assert error.startswith(begin[: len(error)])
    rows = [json.loads(line) for line in account.runner.lines if line.startswith('{"type":"attempt"')]
    assert [(row["exit_code"], row["attempts"][0]["container"]["reason"][: len(begin)]) for row in rows] == [
        (69, begin)
    ]
    assert not any("kept" in line for line in account.runner.lines)


def test_a_run_leaves_a_row_of_the_ledger_beside_the_probes_line(account: Account) -> None:
    account.make("sh", "-c", "exit 3")
    account.start(key="a")
    eventually("a row", lambda: account.runner.told("attempt"))
    (row,), (usage,) = account.runner.told("attempt"), account.runner.told("usage")

    assert set(row) == {"type", *conventions.ATTEMPT_COLUMNS}
    assert (row["status"], row["exit_code"], row["job_definition"], row["job_queue"]) == ("FAILED", 3, NAME, "lambda")
    assert row["parameters"] == {"key": "a", "size": "small"}
    assert row["created_at"] == 1795284000000
    assert row["platform_capabilities"] == ["LAMBDA"]
    assert usage["job_id"] == row["job_id"]
    assert row["job_id"].endswith(f".{row['started_at']}")


def test_a_failed_event_is_tried_again_and_then_put_with_the_dead_letters(account: Account) -> None:
    account.make("sh", "-c", "exit 3", retries=2)
    account.start(key="a")
    body, why = account.dead_letter()
    assert (body["parameters"], why) == ({"key": "a"}, "exit code 3")
    ids = [row["job_id"] for row in account.runner.told("attempt")]
    assert len(ids) == 3
    assert len({one.partition(".")[0] for one in ids}) == 1


def test_a_job_that_takes_too_long_is_ended_and_says_so(account: Account) -> None:
    account.make("sleep", "600")
    account.api.update_function_configuration(FunctionName=NAME, Timeout=6)
    account.start()
    _, why = account.dead_letter()
    assert why == "Job attempt duration exceeded timeout"
    (row,) = account.runner.told("attempt")
    assert (row["status"], row["status_reason"]) == ("FAILED", why)


def test_a_runtime_that_leaves_is_lambdas_own_error(account: Account) -> None:
    account.make(image="broken")
    account.start()
    _, why = account.dead_letter()
    assert why.endswith("Error: Runtime exited with error: exit status 1")


@pytest.mark.parametrize(
    ("parameters", "why"),
    [({}, "Ref::key has no value; give it in the event's parameters"), ({"key": "a\0b"}, "embedded null byte")],
)
def test_an_event_that_makes_no_command_says_why(account: Account, parameters: dict[str, str], why: str) -> None:
    account.make("echo", "Ref::key")
    account.start(**parameters)
    assert account.dead_letter()[1] == why


def test_an_environment_without_events_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "KEPT_S", 0.001)
    with serve(tmp_path) as account:
        account.make("sh", "-c", "exit 0")
        account.start()
        eventually("a run", lambda: account.bill.runs)
        eventually("its environment's end", lambda: account.runner.all_ended)


def test_a_changed_function_starts_anew(account: Account) -> None:
    account.make("sh", "-c", "exit 0")
    account.start()
    eventually("a run", lambda: account.bill.runs)
    account.api.update_function_configuration(FunctionName=NAME, MemorySize=1024)
    account.start()
    eventually("another", lambda: len(account.bill.runs) == 2)
    assert [plan.memory_mib for plan in account.runner.plans] == [512, 1024]


def test_ends_are_told_to_the_event_bus(account: Account) -> None:
    account.make("sh", "-c", "exit 0")
    account.api.put_function_event_invoke_config(
        FunctionName=NAME, MaximumRetryAttempts=0, DestinationConfig={"OnSuccess": {"Destination": BUS}}
    )
    url, arn = make_queue(account.context, "told")
    rules = client(account.context, "events")
    pattern = {"source": ["lambda"], "detail": {"requestContext": {"functionArn": [{"prefix": f"{ARN}:"}]}}}
    rules.put_rule(Name="ends", EventPattern=json.dumps(pattern))
    rules.put_targets(Rule="ends", Targets=[{"Id": "1", "Arn": arn}])
    account.start(key="a")
    (one,) = eventually("a record", lambda: messages(account.context, url))
    event = json.loads(one["Body"])
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["detail"]["requestPayload"]["parameters"] == {"key": "a"}
    assert event["detail"]["responsePayload"]["exit_code"] == 0
    assert event["detail"]["requestContext"]["approximateInvokeCount"] == 1


def test_a_rule_starts_a_function_that_allows_it_and_no_other(account: Account) -> None:
    account.make("sh", "-c", "exit 0")
    url, arn = make_queue(account.context, "unstarted")
    rules = client(account.context, "events")
    rule = rules.put_rule(Name="orders", EventPattern='{"source":["shop"]}')["RuleArn"]
    rules.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": ARN, "DeadLetterConfig": {"Arn": arn}}])
    order = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}
    rules.put_events(Entries=[order])
    (letter,) = eventually("a dead letter", lambda: messages(account.context, url))
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"

    account.api.add_permission(
        FunctionName=NAME,
        StatementId="orders",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    rules.put_events(Entries=[order])
    eventually("a run", lambda: account.bill.runs)


def test_a_role_that_lambda_cannot_use_is_refused(account: Account) -> None:
    other = make_role(account.context, "other", service="ec2.amazonaws.com", actions=["s3:GetObject"], resources=["*"])
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        account.api.create_function(
            FunctionName=NAME, Role=other, PackageType="Image", Code={"ImageUri": "localhost:1/a"}
        )
    mute = make_role(account.context, "mute", service="lambda.amazonaws.com", actions=["s3:GetObject"], resources=["*"])
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage on SQS"):
        account.api.create_function(
            FunctionName=NAME,
            Role=mute,
            PackageType="Image",
            Code={"ImageUri": "localhost:1/a"},
            DeadLetterConfig={"TargetArn": account.letters_arn},
        )


def test_waiting_for_an_answer_is_refused(account: Account) -> None:
    account.make("sh", "-c", "exit 0")
    with pytest.raises(ClientError, match="InvocationType Event"):
        account.api.invoke(FunctionName=NAME, Payload="{}")
