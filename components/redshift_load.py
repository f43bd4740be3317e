"""Redshift loads each run of a job when it has succeeded: a rule writes the COPY, a pipe hands it to the Data API.

A rule's own target can be Redshift, but its SQL is fixed or one whole field of the event, and no field of Batch's is a
COPY. So the rule's transformer puts the run's id into the statement and sends it to a queue, which a pipe empties: the
queue keeps what the Data API doesn't take for a while, and what it never takes ends in the dead letters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import objects_of
from components.buckets import Bucket
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from components.pipe_parts import PipePlace, make_pipe, make_queue, queue_source
from components.results import job_folder
from components.start import PipeTarget
from jobs import conventions
from jobs.event_rules.rules import end_pattern
from jobs.spec.results import Format, Redshift

PART: Final = "redshift"
QUEUE: Final = "copies"
RECEIVES: Final = 5
RUN: Final = "<run>"
FORMATS: Final[Mapping[Format, str]] = {
    "parquet": "FORMAT AS PARQUET",
    "csv": "FORMAT AS CSV IGNOREHEADER 1",
    "json": "FORMAT AS JSON 'auto'",
}


@dataclass(frozen=True, kw_only=True)
class RedshiftLoadArgs:
    names: Names
    job: str
    redshift: Redshift
    format: Format
    bucket: Bucket
    account: str
    region: str
    partition: str
    queue_arn: pulumi.Input[str]
    """The job's queue at Batch."""
    definition_arn_prefix: str
    """Of the job's definition, with the colon before the revision."""
    log_retention_days: int
    alarm_topic_arn: pulumi.Input[str] | None = None


class RedshiftLoad(pulumi.ComponentResource):
    """Children: the Role that COPY reads the job's results with, the EventRule and its EventTarget, the sqs Queue, its
    QueuePolicy and DeadLetters, the pipe's Role with its RolePolicy, its LogGroup, and the Pipe."""

    copy_role_arn: pulumi.Output[str]
    """To be attached to the cluster or the workgroup's namespace, by whom it belongs to."""
    dead_letters_url: pulumi.Output[str]

    def __init__(self, name: str, args: RedshiftLoadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:RedshiftLoad", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        names, job = args.names, args.job
        self.copy_role_arn = self._copy_role()
        dead_letters = DeadLetters(
            names.of("dead-letter queue", job, PART),
            DeadLettersArgs(
                names=names,
                thing=job,
                part=PART,
                what=f"runs of {job} that Redshift didn't load",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            self._child,
        )
        self.dead_letters_url = dead_letters.url
        queue = make_queue(self._place(), QUEUE, dead_letters=dead_letters, receives=RECEIVES, opts=self._child)
        self._rule(queue, dead_letters)
        self._pipe(queue)
        self.register_outputs({"copy_role_arn": self.copy_role_arn, "dead_letters_url": self.dead_letters_url})

    def _copy_role(self) -> pulumi.Output[str]:
        args = self._args
        logical = args.names.of("role", args.job, "copy")
        role = aws.iam.Role(
            logical,
            description=f"What Redshift may read of {args.job}",
            assume_role_policy=policies.trust("redshift.amazonaws.com", source_account=args.account),
            opts=self._child,
        )
        aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(*copy_statements(args.job, args.bucket.arn)),
            opts=self._child,
        )
        return role.arn

    def _rule(self, queue: aws.sqs.Queue, dead_letters: DeadLetters) -> None:
        args = self._args
        logical = args.names.of("rule", args.job, PART)
        rule = aws.cloudwatch.EventRule(
            logical,
            description=f"Runs of {args.job} for Redshift",
            event_pattern=pulumi.Output.json_dumps(
                end_pattern("SUCCEEDED", args.queue_arn, args.definition_arn_prefix), sort_keys=True
            ),
            opts=self._child,
        )
        dead_letters.accept_from([rule.arn])
        allowed = aws.sqs.QueuePolicy(
            args.names.of("message queue", args.job, QUEUE),
            queue_url=queue.url,
            policy=policies.service_may_send(
                service="events.amazonaws.com", action="sqs:SendMessage", resource=queue.arn, source_arns=[rule.arn]
            ),
            opts=self._child,
        )
        aws.cloudwatch.EventTarget(
            logical,
            rule=rule.name,
            target_id=PART,
            arn=queue.arn,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths={RUN.strip("<>"): "$.detail.jobId"},
                input_template=pulumi.Output.all(args.bucket.name, self.copy_role_arn).apply(
                    lambda known: json.dumps({"sql": copy_statement(args.job, args.redshift, args.format, *known)})
                ),
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=dead_letters.arn),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )

    def _place(self) -> PipePlace:
        args = self._args
        return PipePlace(
            names=args.names,
            job=args.job,
            part=PART,
            pipes_arn=f"arn:{args.partition}:pipes:{args.region}:{args.account}:pipe/",
            log_retention_days=args.log_retention_days,
            parent=self,
        )

    def _pipe(self, queue: aws.sqs.Queue) -> None:
        args, redshift = self._args, self._args.redshift
        target = PipeTarget(
            arn=target_arn(args),
            parameters=aws.pipes.PipeTargetParametersArgs(
                redshift_data_parameters=aws.pipes.PipeTargetParametersRedshiftDataParametersArgs(
                    database=redshift.database,
                    db_user=redshift.user,
                    sqls=["$.body.sql"],
                    statement_name=args.names.of("pipe", args.job, PART),
                )
            ),
        )
        source = queue_source(queue)
        make_pipe(
            self._place(),
            source,
            target,
            statements=[*source.statements, *load_statements(args)],
            what=f"Runs of {args.job} into {redshift.table} of {redshift.database}",
            role_does=f"Loads runs of {args.job} into Redshift",
        )


def copy_statement(job: str, redshift: Redshift, kind: Format, bucket_name: str, role_arn: str) -> str:
    """The COPY of one run, whose id takes the place of RUN. All that is in it has been checked to be plain names."""
    manifest = f"{job_folder(job)}{conventions.RESULTS_MANIFESTS}{RUN}/{conventions.RESULTS_COPY_MANIFEST}"
    return (
        f"COPY {redshift.quoted_table} FROM 's3://{bucket_name}/{manifest}' "
        f"IAM_ROLE '{role_arn}' {FORMATS[kind]} MANIFEST"
    )


def copy_statements(job: str, bucket_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """May read the job's own folder of the bucket."""
    own = job_folder(job).rstrip("/")
    return [policies.allow(["s3:GetObject"], [objects_of(pulumi.Output.concat(bucket_arn, "/", own))])]


def target_arn(args: RedshiftLoadArgs) -> str:
    """The workgroup's ARN, or the cluster's."""
    here = f"{args.region}:{args.account}"
    if args.redshift.workgroup is not None:
        return f"arn:{args.partition}:redshift-serverless:{here}:workgroup/{args.redshift.workgroup}"
    return f"arn:{args.partition}:redshift:{here}:cluster:{args.redshift.cluster}"


def load_statements(args: RedshiftLoadArgs) -> list[policies.Statement]:
    """May run statements there, with credentials for one user of one database."""
    redshift, here = args.redshift, f"arn:{args.partition}:redshift:{args.region}:{args.account}"
    target = target_arn(args)
    credentials = policies.allow(["redshift-serverless:GetCredentials"], [target])
    if redshift.cluster is not None:
        credentials = policies.allow(
            ["redshift:GetClusterCredentials"],
            [
                f"{here}:dbuser:{redshift.cluster}/{redshift.user}",
                f"{here}:dbname:{redshift.cluster}/{redshift.database}",
            ],
        )
    return [policies.allow(["redshift-data:BatchExecuteStatement"], [target]), credentials]
