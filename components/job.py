"""One job of a stage: everything between its folder and its triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import JobAccess, JobAccessArgs
from components.account import Account
from components.buckets import Bucket
from components.build_context import BuildContext
from components.check import PlannedJob
from components.dispatch import Dispatch, DispatchArgs, manifest_statement
from components.image import Image, ImageArgs, RegistryLogin
from components.invocation import Invocation
from components.job_definition import FargateShape, JobDefinition, JobDefinitionArgs
from components.job_queue import JobQueue
from components.job_triggers import MadeTriggers, TriggerPlaces, make_triggers
from components.lambda_function import PART as RUNS
from components.lambda_function import LambdaFunction, LambdaFunctionArgs, function_statements, run_dead_letters
from components.ledger import Ledger
from components.names import Names
from components.results import results_environment, results_statements
from components.secrets import JobSecrets
from components.start import Start
from components.storage import storage_statements
from components.submission import Submission
from components.tagging import job_tags, tagging
from jobs import conventions, retry_rules
from jobs.spec import JobSpec


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """Built here."""

    context: BuildContext
    base_image: str
    keep: int
    login: RegistryLogin
    force_destroy: bool


@dataclass(frozen=True, kw_only=True)
class PromotedImage:
    """Built by another stage."""

    reference: str
    """By digest."""
    repository_arn: str


@dataclass(frozen=True, kw_only=True)
class JobArgs:
    names: Names
    planned: PlannedJob
    account: Account
    region: str
    image: BuiltImage | PromotedImage
    queue: JobQueue
    buckets: Mapping[str, Bucket]
    topics: Mapping[str, pulumi.Input[str]]
    """Name → ARN, of the topics jobs may notify."""
    secrets: JobSecrets
    ledger: Ledger
    places: TriggerPlaces
    awaited: Sequence[str] = ()
    """Ends of this job that others wait for: `succeeded`, `failed`."""
    assign_public_ip: bool
    log_retention_days: int


class Job(pulumi.ComponentResource):
    """Children: Image (unless promoted), the LogGroup and its LogSubscriptionFilter, JobAccess, JobDefinition (on
    Lambda DeadLetters and a LambdaFunction), and one of `components/trigger.py` for each of the spec's triggers. All
    carry the job's tags."""

    definition_arn_prefix: pulumi.Output[str] | None
    """None on Lambda."""
    function_arn: pulumi.Output[str] | None
    """On Lambda alone."""
    dead_letters: Mapping[str, pulumi.Output[str]]
    """Beside the triggers': `<job>/runs` → URL, of a job on Lambda."""
    dispatch_arn_prefix: pulumi.Output[str] | None
    """Of the definition that is submitted for a job with a manifest."""
    image_reference: pulumi.Output[str]
    repository_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
    triggers: MadeTriggers
    start: Start
    """What its triggers do, and users' schedules."""

    def __init__(self, name: str, args: JobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        job, spec = args.planned.name, args.planned.spec
        tags = tagging(job_tags(job=job, owner=spec.owner))
        super().__init__(
            "batchyard:components:Job",
            name,
            None,
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[tags])),
        )
        self._args = args
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        self.image_reference, self.repository_arn = self._image(args.image)
        log_group = self._log_group()
        self.log_group_name = log_group.name
        self.definition_arn_prefix = self.dispatch_arn_prefix = self.function_arn = None
        self.dead_letters = {}
        on_lambda = spec.platform == "lambda"
        self.start = self._function(spec, log_group) if on_lambda else self._batch(spec, log_group)
        self.triggers = make_triggers(spec, self.start, args.places, self._child)
        self.register_outputs({"image": self.image_reference})

    def _batch(self, spec: JobSpec, log_group: aws.cloudwatch.LogGroup) -> Submission:
        args = self._args
        access = self._access(spec, log_group)
        self.role_arn = access.role_arn
        definition = self._definition(spec, access)
        self.definition_arn_prefix = definition.arn_prefix
        dispatch = None if spec.manifest is None else self._dispatch(spec, access, definition)
        self.dispatch_arn_prefix = None if dispatch is None else dispatch.arn_prefix
        submitted = dispatch or definition
        return Submission(
            job=args.planned.name,
            job_name=args.names.of("job definition", args.planned.name),
            queue_arn=args.queue.arn,
            definition_arn=submitted.arn,
            definition_arn_prefix=submitted.arn_prefix,
            share=spec.share if args.queue.has_shares else None,
            array_size=None if spec.array is None else spec.array.size,
        )

    def _function(self, spec: JobSpec, log_group: aws.cloudwatch.LogGroup) -> Invocation:
        args, job = self._args, self._args.planned.name
        self._args.ledger.subscribe_attempts(args.names.log_group(job), log_group.name, parent=self)
        dead_letters = run_dead_letters(args.names, job, args.places.alarm_topic_arn, self._child)
        self.dead_letters = {f"{job}/{RUNS}": dead_letters.url}
        bus_arn = f"{args.places.arn('events')}:event-bus/default"
        access = self._access(
            spec,
            log_group,
            function_statements(
                dead_letters_arn=dead_letters.arn,
                log_group_arn=log_group.arn,
                bus_arn=bus_arn if args.awaited else None,
            ),
        )
        self.role_arn = access.role_arn
        function = LambdaFunction(
            self._name,
            LambdaFunctionArgs(
                names=args.names,
                job=job,
                spec=spec,
                image=self.image_reference,
                image_platform=args.planned.image_platform,
                environment=self._environment(spec),
                role_arn=access.role_arn,
                log_group_name=self.log_group_name,
                dead_letters_arn=dead_letters.arn,
                secrets=self._secret_sources(),
                tells=args.awaited,
                bus_arn=bus_arn,
                needs=access.grants,
            ),
            self._child,
        )
        self.function_arn = function.arn
        return Invocation(job=job, function_arn=function.arn)

    def _image(self, source: BuiltImage | PromotedImage) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        if isinstance(source, PromotedImage):
            return pulumi.Output.from_input(source.reference), pulumi.Output.from_input(source.repository_arn)
        image = Image(
            self._name,
            ImageArgs(
                names=self._args.names,
                job=self._args.planned.name,
                context=source.context,
                base_image=source.base_image,
                platform=self._args.planned.image_platform,
                keep=source.keep,
                login=source.login,
                force_destroy=source.force_destroy,
            ),
            self._child,
        )
        return image.reference, image.repository_arn

    def _log_group(self) -> aws.cloudwatch.LogGroup:
        name = self._args.names.log_group(self._args.planned.name)
        log_group = aws.cloudwatch.LogGroup(
            name, name=name, retention_in_days=self._args.log_retention_days, opts=self._child
        )
        self._args.ledger.subscribe(name, log_group.name, parent=self)
        return log_group

    def _access(
        self, spec: JobSpec, log_group: aws.cloudwatch.LogGroup, more: Sequence[policies.Statement] = ()
    ) -> JobAccess:
        buckets, manifest = self._args.buckets, spec.manifest
        return JobAccess(
            self._name,
            JobAccessArgs(
                names=self._args.names,
                job=self._args.planned.name,
                account=self._args.account.account_id,
                read={bucket: buckets[bucket].arn for bucket in spec.permissions.read},
                write={bucket: buckets[bucket].arn for bucket in spec.permissions.write},
                notify={topic: self._args.topics[topic] for topic in spec.permissions.notify},
                costs=spec.permissions.costs,
                more=[
                    *more,
                    *([] if manifest is None else [manifest_statement(manifest, buckets[manifest.bucket].arn)]),
                    *(
                        []
                        if spec.results is None
                        else results_statements(self._args.planned.name, buckets[spec.results.bucket].arn)
                    ),
                    *storage_statements(
                        spec.storage,
                        partition=self._args.account.partition,
                        region=self._args.region,
                        account=self._args.account.account_id,
                    ),
                ],
                fargate=spec.platform == "fargate",
                function=spec.platform == "lambda",
                secrets={
                    known.action: sorted({one.arn for one in self._args.secrets.values() if one.action == known.action})
                    for known in self._args.secrets.values()
                },
                repository_arn=self.repository_arn,
                log_group_arn=log_group.arn,
            ),
            self._child,
        )

    def _secret_sources(self) -> dict[str, str]:
        """Variable → where its value is, as definitions say it."""
        return {variable: known.value_from for variable, known in self._args.secrets.items()}

    def _definition(self, spec: JobSpec, access: JobAccess) -> JobDefinition:
        args = self._args
        return JobDefinition(
            self._name,
            JobDefinitionArgs(
                names=args.names,
                job=args.planned.name,
                region=args.region,
                image=self.image_reference,
                vcpus=spec.resources.vcpus_text,
                memory_mib=spec.resources.memory_mib,
                gpus=spec.resources.gpus,
                command=spec.command,
                parameters=spec.parameters,
                environment={**self._environment(spec), **self._results(spec)},
                secrets=self._secret_sources(),
                timeout_s=spec.timeout_s,
                attempts=spec.retry.attempts,
                exit_rules=retry_rules.rules(spec.retry),
                job_role_arn=access.role_arn,
                execution_role_arn=access.execution_role_arn,
                log_group_name=self.log_group_name,
                fargate=self._fargate(spec),
                storage=spec.storage,
                nodes=None if spec.nodes is None else spec.nodes.count,
                needs=access.grants,
            ),
            self._child,
        )

    def _fargate(self, spec: JobSpec) -> FargateShape | None:
        if spec.platform != "fargate":
            return None
        return FargateShape(
            assign_public_ip=self._args.assign_public_ip, image_platform=self._args.planned.image_platform
        )

    def _dispatch(self, spec: JobSpec, access: JobAccess, definition: JobDefinition) -> Dispatch:
        args = self._args
        assert spec.manifest is not None
        bucket = args.buckets[spec.manifest.bucket]
        return Dispatch(
            args.names.of("job definition", args.planned.name, "dispatch"),
            DispatchArgs(
                names=args.names,
                job=args.planned.name,
                spec=spec,
                region=args.region,
                account=args.account.account_id,
                image=self.image_reference,
                bucket_name=bucket.name,
                bucket_arn=bucket.arn,
                queue_arn=args.queue.arn,
                share=spec.share if args.queue.has_shares else None,
                definition_arn=definition.arn,
                definition_arn_prefix=definition.arn_prefix,
                environment=self._environment(spec),
                execution_role_arn=access.execution_role_arn,
                log_group_name=self.log_group_name,
                fargate=self._fargate(spec),
            ),
            self._child,
        )

    def _environment(self, spec: JobSpec) -> dict[str, pulumi.Input[str]]:
        own: dict[str, pulumi.Input[str]] = {
            # the instance's metadata, where SDKs look otherwise, is out of a container's reach
            "AWS_REGION": self._args.region,
            "AWS_DEFAULT_REGION": self._args.region,
            conventions.ENV_JOB: self._args.planned.name,
            conventions.ENV_OWNER: spec.owner,
            conventions.ENV_STAGE: self._args.names.stage,
        }
        buckets = {
            conventions.bucket_env(bucket): self._args.buckets[bucket].name for bucket in spec.permissions.buckets
        }
        topics = {conventions.topic_env(topic): self._args.topics[topic] for topic in spec.permissions.notify}
        return {**own, **buckets, **topics, **spec.environment}

    def _results(self, spec: JobSpec) -> Mapping[str, pulumi.Input[str]]:
        """Environment of the job itself; what submits its arrays has no results."""
        if spec.results is None:
            return {}
        return results_environment(spec.results, self._args.planned.name, self._args.buckets[spec.results.bucket].name)
