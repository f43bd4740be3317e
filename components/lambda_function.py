"""A job on Lambda: the function of its image, how often an event is tried, and where an event ends that made no
result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from components.policies import to_json
from jobs import conventions
from jobs.spec import JobSpec
from jobs.spec.on_lambda import TIMEOUT_MAX_S

PART: Final = "runs"
"""Of the dead-letter queue's name: beside those of triggers, which hold what never became a run."""
RESERVE_S: Final = 10
"""Beyond the job's own timeout, within which the runtime in the image ends it and writes the record."""
MAX_EVENT_AGE_S: Final = 6 * 3600
"""Lambda's longest: throttled events wait as long."""
SET_BY_LAMBDA: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
ARCHITECTURES: Final[Mapping[str, str]] = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class LambdaFunctionArgs:
    names: Names
    job: str
    spec: JobSpec
    image: pulumi.Input[str]
    """By digest."""
    image_platform: str
    environment: Mapping[str, pulumi.Input[str]]
    role_arn: pulumi.Input[str]
    log_group_name: pulumi.Input[str]
    dead_letters_arn: pulumi.Input[str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable → where its value is, which the runtime in the image reads."""
    tells: Sequence[str] = ()
    """Ends that other jobs wait for: `succeeded`, `failed`."""
    bus_arn: pulumi.Input[str]
    """The account's default event bus, which ends are told to."""
    needs: Sequence[pulumi.Resource] = field(default_factory=list)
    """Policies that must stand before: Lambda checks that the role may write to the dead letters."""


class LambdaFunction(pulumi.ComponentResource):
    """Children: the lambda Function and its FunctionEventInvokeConfig."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(self, name: str, args: LambdaFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:LambdaFunction", name, None, opts)
        spec = args.spec
        child = pulumi.ResourceOptions(parent=self)
        physical = args.names.of("function", args.job)
        function = aws.lambda_.Function(
            physical,
            name=physical,
            description=spec.description,
            package_type="Image",
            image_uri=args.image,
            image_config=aws.lambda_.FunctionImageConfigArgs(commands=list(spec.command)) if spec.command else None,
            architectures=[ARCHITECTURES[args.image_platform]],
            role=args.role_arn,
            memory_size=spec.resources.memory_mib,
            timeout=min(TIMEOUT_MAX_S, spec.timeout_s + RESERVE_S),
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=spec.storage.ephemeral_storage_mib or 512),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=function_environment(args)),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=args.log_group_name),
            dead_letter_config=aws.lambda_.FunctionDeadLetterConfigArgs(target_arn=args.dead_letters_arn),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.needs)),
        )
        told = aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
            on_success=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnSuccessArgs(destination=args.bus_arn)
            if "succeeded" in args.tells
            else None,
            on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=args.bus_arn)
            if "failed" in args.tells
            else None,
        )
        aws.lambda_.FunctionEventInvokeConfig(
            physical,
            function_name=function.name,
            maximum_retry_attempts=retries(spec),
            maximum_event_age_in_seconds=MAX_EVENT_AGE_S,
            destination_config=told if args.tells else None,
            opts=child,
        )
        self.arn = function.arn
        self.name = function.name
        self.register_outputs({"arn": self.arn})


def retries(spec: JobSpec) -> int:
    """How often Lambda tries an event again whose run ended with an error; throttles are its own affair."""
    return spec.retry.attempts - 1 if spec.retry.on_application_error == "retry" else 0


def function_environment(args: LambdaFunctionArgs) -> dict[str, pulumi.Input[str]]:
    """The job's environment as a function takes it, with what the runtime in the image goes by."""
    own = {name: value for name, value in args.environment.items() if name not in SET_BY_LAMBDA}
    own[conventions.ENV_IMAGE] = args.image
    own[conventions.ENV_TIMEOUT_S] = str(args.spec.timeout_s)
    if args.spec.parameters:
        own[conventions.ENV_PARAMETERS] = to_json(args.spec.parameters)
    if args.secrets:
        own[conventions.ENV_SECRETS] = to_json(args.secrets)
    return own


def run_dead_letters(
    names: Names, job: str, alarm_topic_arn: pulumi.Input[str] | None, opts: pulumi.ResourceOptions
) -> DeadLetters:
    """Where an event goes whose last try failed, as it was; Lambda sends it as the function's role."""
    return DeadLetters(
        names.of("dead-letter queue", job, PART),
        DeadLettersArgs(
            names=names,
            thing=job,
            part=PART,
            what=f"events whose runs of {job} failed",
            alarm_topic_arn=alarm_topic_arn,
        ),
        opts=opts,
    )


def function_statements(
    *, dead_letters_arn: pulumi.Input[str], log_group_arn: pulumi.Input[str], bus_arn: pulumi.Input[str] | None
) -> list[policies.Statement]:
    """What Lambda does as the function's role: write its log, and put away events that failed; tell of its ends
    where another job waits for them, and of nothing else."""
    statements: list[policies.Statement] = [
        policies.allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(log_group_arn, ":log-stream:*")]
        ),
        policies.allow(["sqs:SendMessage"], [dead_letters_arn]),
    ]
    if bus_arn is not None:
        condition = {"StringEquals": {"events:source": "lambda"}}
        statements.append(policies.allow(["events:PutEvents"], [bus_arn], condition))
    return statements
