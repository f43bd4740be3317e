"""One stage, from checked settings and specifications. What it is depends on them alone, never on the stack's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import reference
from components.access import InstanceAccess, InstanceAccessArgs
from components.account import Account
from components.buckets import Bucket, BucketArgs
from components.build_context import BuildContext
from components.check import Plan, PlannedJob, gpus_of
from components.compute_environment import ComputeEnvironment, ComputeEnvironmentArgs
from components.image import RegistryLogin, registry_login
from components.isolated_group import IsolatedGroup, IsolatedGroupArgs
from components.job import BuiltImage, Job, JobArgs, PromotedImage
from components.job_queue import FairShare, JobQueue, JobQueueArgs, StateTimeLimit
from components.job_triggers import TriggerPlaces
from components.ledger import Ledger, LedgerArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.names import Names
from components.network import Network
from components.results_place import make_results_places
from components.secrets import JobSecrets
from components.settings import ComputeEnvironmentSettings, QueueSettings
from components.stage_network import network_args
from components.stage_outputs import make_stage_file, stage_outputs
from components.state_patterns import Watched
from components.tagging import stage_tags, tagging
from components.topics import stage_topics
from components.user_schedules import make_user_schedules
from jobs import conventions


@dataclass(frozen=True, kw_only=True)
class StageArgs:
    plan: Plan
    account: Account
    zones: Sequence[str] = ()
    """Availability zones of a new VPC."""
    contexts: Mapping[str, BuildContext]
    """Job → its prepared build context; empty when images are promoted."""
    promoted: Mapping[str, PromotedImage]
    """Job → the image of another stage; empty when images are built."""
    secrets: Mapping[str, JobSecrets]
    """Job → its secrets."""
    streams: Mapping[str, str]
    """Table of the settings → ARN of its stream, where a trigger reads it."""
    endpoint_url: str | None = None
    """Where AWS is, when it isn't AWS."""


class Stage(pulumi.ComponentResource):
    """Children: Network, IsolatedGroups (of isolated jobs), InstanceAccess (with EC2), ComputeEnvironments, JobQueues,
    Buckets, Monitoring and ReportTopic (by setting), Ledger, a ScheduleGroup (with schedules), Jobs, UserSchedules
    (with schedulable jobs), what is kept of jobs' results, and `stage.json` in the reports' bucket where there is one.
    All carry the stage's tags."""

    outputs: Mapping[str, Any]
    """The outputs contract: see `components/reference.py`."""

    def __init__(self, name: str, args: StageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = args.plan.settings
        self._tags = stage_tags(stage=settings.stage, owner=settings.owner)
        super().__init__(
            "batchyard:components:Stage",
            name,
            None,
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[tagging(self._tags)])),
        )
        self._args = args
        self._settings = settings
        self._names = Names(stage=settings.stage)
        self._child = pulumi.ResourceOptions(parent=self)

        self.network = self._network()
        self.isolated_groups = self._isolated_groups()
        self.compute_environments = self._compute_environments()
        self.queues = {queue: self._queue(queue, wanted) for queue, wanted in settings.queues.items()}
        self.buckets = self._buckets()
        self.monitoring = self._monitoring()
        self.topics = self._topics()
        self.ledger = self._ledger()
        self._trigger_places = self._places()
        self.jobs = self._jobs()
        started = [(planned.spec, self.jobs[planned.name].start) for planned in args.plan.jobs]
        self.schedules = make_user_schedules(started, settings, args.account, self._alarm_topic_arn, self._child)
        self.results = make_results_places(args.plan.jobs, self._trigger_places, self._child)

        self.outputs = stage_outputs(self, args)
        make_stage_file(self, args, self._child)
        self.register_outputs({reference.OUTPUT: self.outputs})

    @property
    def _watched_queues(self) -> list[Watched]:
        account, region = self._args.account, self._settings.region
        return [Watched.queue(one.arn, one.queue_name, account, region) for _, one in sorted(self.queues.items())]

    @property
    def _alarm_topic_arn(self) -> pulumi.Output[str] | None:
        return None if self.monitoring is None else self.monitoring.topic_arn

    def _network(self) -> Network:
        args = network_args(self._args.plan, names=self._names, zones=self._args.zones)
        return Network(self._names.of("network", "network"), args, self._child)

    def _isolated_groups(self) -> dict[str, IsolatedGroup]:
        """Job → its security group, of those that run alone."""
        network = self.network
        if network.s3_prefix_list_id is None or network.endpoints_group_id is None:
            return {}  # the check has seen to it that no job is isolated
        return {
            planned.name: IsolatedGroup(
                self._names.of("network", planned.name, "isolated"),
                IsolatedGroupArgs(
                    names=self._names,
                    job=planned.name,
                    vpc_id=network.vpc_id,
                    s3_prefix_list_id=network.s3_prefix_list_id,
                    endpoints_group_id=network.endpoints_group_id,
                    opens_endpoints=self._settings.network.vpc_id is None,
                    egress=planned.spec.isolated.egress,
                    has_nodes=planned.spec.nodes is not None,
                ),
                self._child,
            )
            for planned in self._args.plan.jobs
            if planned.is_isolated
        }

    def _compute_environments(self) -> dict[str, ComputeEnvironment]:
        wanted = self._settings.compute_environments
        access = None
        if any(environment.boots_instances for environment in wanted.values()):
            access = InstanceAccess(
                self._names.of("role", "instances"),
                InstanceAccessArgs(names=self._names, partition=self._args.account.partition),
                self._child,
            )
        return {name: self._compute_environment(name, one, access) for name, one in wanted.items()}

    def _compute_environment(
        self, name: str, wanted: ComputeEnvironmentSettings, access: InstanceAccess | None
    ) -> ComputeEnvironment:
        alone = self.isolated_groups.get(self._args.plan.isolated_environments.get(name, ""))
        needs = [] if access is None else access.attachments
        return ComputeEnvironment(
            self._names.of("compute environment", name),
            ComputeEnvironmentArgs(
                names=self._names,
                environment=name,
                kind=wanted.kind,
                max_vcpus=wanted.max_vcpus or 0,
                min_vcpus=wanted.min_vcpus,
                instance_types=wanted.instance_types,
                allocation_strategy=wanted.allocation_strategy,
                bid_percentage=wanted.bid_percentage,
                gpus=gpus_of(wanted.instance_types),
                subnet_ids=self.network.subnet_ids,
                security_group_ids=[self.network.security_group_id if alone is None else alone.security_group_id],
                instance_profile_arn=None if access is None else access.instance_profile_arn,
                instance_tags=self._tags,
                needs=needs if alone is None else [*needs, *alone.rules],
            ),
            self._child,
        )

    def _queue(self, name: str, wanted: QueueSettings) -> JobQueue:
        return JobQueue(
            self._names.of("job queue", name),
            JobQueueArgs(
                names=self._names,
                queue=name,
                priority=wanted.priority,
                compute_environment_arns=[
                    self.compute_environments[environment].arn for environment in wanted.compute_environments
                ],
                state_time_limits=[
                    StateTimeLimit(reason=limit.reason, max_time_s=limit.max_time_s)
                    for limit in wanted.state_time_limit_actions
                ],
                fair_share=None
                if wanted.fair_share is None
                else FairShare(
                    weights=wanted.fair_share.shares,
                    decay_s=wanted.fair_share.decay_s,
                    compute_reservation=wanted.fair_share.compute_reservation,
                ),
            ),
            self._child,
        )

    def _buckets(self) -> dict[str, Bucket]:
        force = self._settings.force_destroy
        wanted = {
            name: BucketArgs(
                names=self._names,
                bucket=name,
                versioned=one.versioned,
                expire_after_days=one.expire_after_days,
                force_destroy=force,
                sends_events=True,
            )
            for name, one in self._settings.buckets.items()
        }
        wanted[conventions.LEDGER_BUCKET] = BucketArgs(
            names=self._names,
            bucket=conventions.LEDGER_BUCKET,
            expire_after_days=self._settings.ledger.retention_days,
            force_destroy=force,
        )
        return {name: Bucket(self._names.of("bucket", name), one, self._child) for name, one in wanted.items()}

    def _monitoring(self) -> Monitoring | None:
        wanted = self._settings.monitoring
        if not wanted.failure_topic:
            return None
        return Monitoring(
            self._names.of("topic", "failures"),
            MonitoringArgs(
                names=self._names,
                account=self._args.account.account_id,
                queues=self._watched_queues,
                email=wanted.email,
            ),
            self._child,
        )

    def _topics(self) -> dict[str, pulumi.Output[str]]:
        """Those jobs may notify, and triggers listen to those of the settings: name → ARN."""
        return stage_topics(self._settings, self._names, self._child)

    def _ledger(self) -> Ledger:
        return Ledger(
            self._names.of("delivery stream", "ledger"),
            LedgerArgs(
                names=self._names,
                region=self._settings.region,
                partition=self._args.account.partition,
                account=self._args.account.account_id,
                bucket_arn=self.buckets[conventions.LEDGER_BUCKET].arn,
                queues=self._watched_queues,
                clusters=[
                    Watched.cluster(one.ecs_cluster_arn, self._args.account, self._settings.region)
                    for _, one in sorted(self.compute_environments.items())
                ],
                has_functions=any(job.spec.platform == "lambda" for job in self._args.plan.jobs),
                buffer_s=self._settings.ledger.buffer_s,
                buffer_mib=self._settings.ledger.buffer_mib,
                alarm_topic_arn=self._alarm_topic_arn,
            ),
            self._child,
        )

    def _jobs(self) -> dict[str, Job]:
        planned_jobs = self._args.plan.jobs
        login = registry_login(self) if self._args.contexts else None
        return {
            planned.name: Job(
                self._names.of("job definition", planned.name),
                JobArgs(
                    names=self._names,
                    planned=planned,
                    account=self._args.account,
                    region=self._settings.region,
                    image=self._image(planned, login),
                    queue=self.queues[planned.spec.queue],
                    buckets=self.buckets,
                    topics=self.topics,
                    secrets=self._args.secrets[planned.name],
                    ledger=self.ledger,
                    places=self._trigger_places,
                    awaited=self._args.plan.awaited(planned.name),
                    # an isolated job has its image without one, by the endpoints
                    assign_public_ip=self.network.assign_public_ip
                    and (not planned.is_isolated or bool(planned.spec.isolated.egress)),
                    log_retention_days=self._settings.logs.retention_days,
                ),
                self._child,
            )
            for planned in planned_jobs
        }

    def _places(self) -> TriggerPlaces:
        """What the jobs' triggers name."""
        triggers = [trigger for planned in self._args.plan.jobs for trigger in planned.spec.triggers]
        group = None
        if any(trigger.schedule is not None for trigger in triggers):
            group = aws.scheduler.ScheduleGroup(self._names.of("schedule group", "jobs"), opts=self._child)
        return TriggerPlaces(
            names=self._names,
            account=self._args.account,
            region=self._settings.region,
            buckets=self.buckets,
            queues={planned.name: self.queues[planned.spec.queue].arn for planned in self._args.plan.jobs},
            functions=frozenset(job.name for job in self._args.plan.jobs if job.spec.platform == "lambda"),
            topics=self.topics,
            streams=self._args.streams,
            schedule_group=group,
            log_retention_days=self._settings.logs.retention_days,
            alarm_topic_arn=self._alarm_topic_arn,
        )

    def _image(self, planned: PlannedJob, login: RegistryLogin | None) -> BuiltImage | PromotedImage:
        if login is None:
            return self._args.promoted[planned.name]
        return BuiltImage(
            context=self._args.contexts[planned.name],
            base_image=self._settings.images.base_image,
            keep=self._settings.images.keep,
            login=login,
            force_destroy=self._settings.force_destroy,
        )
