"""One program with one of each type of the aws stand-in for Batch and what surrounds it, on a lane's emulator."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.lane import Lane

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws

prefix = pulumi.Config().require("prefix")
size = pulumi.Config().get_int("size") or 16
tags = {"batchyard:stage": prefix}


def role(name, service, actions, resources):
    made = aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}), tags=tags)
    policy = pulumi.Output.all(*resources).apply(lambda arns: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": arns}]}))
    granted = aws.iam.RolePolicy(name, role=made.name, policy=policy)
    return pulumi.Output.all(made.arn, granted.id).apply(lambda both: both[0])


def statement(service, action, resource):
    return resource.apply(lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": arn}]}))


vpc = aws.ec2.Vpc("net", cidr_block="10.31.0.0/16", tags=tags)
subnet = aws.ec2.Subnet("net", vpc_id=vpc.id, cidr_block="10.31.1.0/24", tags=tags)
group = aws.ec2.SecurityGroup("net", vpc_id=vpc.id, tags=tags)
storage = aws.ec2.VpcEndpoint("s3", vpc_id=vpc.id, service_name="com.amazonaws.us-east-1.s3",
    vpc_endpoint_type="Gateway", tags=tags)
https = {"security_group_id": group.id, "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "tags": tags}
aws.vpc.SecurityGroupEgressRule("s3", prefix_list_id=storage.prefix_list_id, description="S3", **https)
aws.vpc.SecurityGroupEgressRule("own", referenced_security_group_id=group.id, description="its own", **https)

bucket = aws.s3.Bucket("uploads", bucket_prefix=prefix + "-", force_destroy=True, tags=tags)
aws.s3.BucketVersioning("uploads", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketServerSideEncryptionConfiguration("uploads", bucket=bucket.id, rules=[
    {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}])
aws.s3.BucketLifecycleConfiguration("uploads", bucket=bucket.id, rules=[
    {"id": "expire", "status": "Enabled", "expiration": {"days": 30}, "filter": {"prefix": "old/"}}])
blocked = aws.s3.BucketPublicAccessBlock("uploads", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
aws.s3.BucketPolicy("uploads", bucket=bucket.id, policy=bucket.arn.apply(lambda arn: json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",
     "Resource": [arn, arn + "/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})),
    opts=pulumi.ResourceOptions(depends_on=[blocked]))
aws.s3.BucketNotification("uploads", bucket=bucket.id, eventbridge=True)
aws.s3.BucketObjectv2("readme", bucket=bucket.id, key="a b/ü.txt", content="words", tags=tags)

repository = aws.ecr.Repository("images", name=prefix + "/images", image_tag_mutability="IMMUTABLE",
    image_scanning_configuration={"scan_on_push": True}, force_delete=True, tags=tags)
aws.ecr.LifecyclePolicy("images", repository=repository.name, policy=json.dumps({"rules": [
    {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
     "action": {"type": "expire"}}]}))
aws.ecr.RepositoryPolicy("images", repository=repository.name, policy=json.dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"},
        "Action": ["ecr:BatchGetImage"]}]}))

environment = aws.batch.ComputeEnvironment("spot", type="MANAGED", compute_resources={
    "type": "SPOT", "allocation_strategy": "SPOT_PRICE_CAPACITY_OPTIMIZED", "max_vcpus": size,
    "instance_types": ["m5.large", "m5.xlarge"], "subnets": [subnet.id], "security_group_ids": [group.id],
    "instance_role": "arn:aws:iam::123456789012:instance-profile/ecs",
    "ec2_configurations": [{"image_type": "ECS_AL2023"}]}, tags=tags)
theirs = aws.batch.ComputeEnvironment("theirs", type="UNMANAGED", tags=tags)
fair = aws.batch.SchedulingPolicy("fair", name=prefix, fair_share_policy={"share_decay_seconds": 3600,
    "share_distributions": [{"share_identifier": "a", "weight_factor": 0.5}]}, tags=tags)
queue = aws.batch.JobQueue("standard", name=prefix, state="ENABLED", priority=1, tags=tags,
    compute_environment_orders=[{"order": 1, "compute_environment": environment.arn}],
    job_state_time_limit_actions=[{"action": "CANCEL", "max_time_seconds": 600, "state": "RUNNABLE",
        "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}])
job = aws.batch.JobDefinition("job", name=prefix, type="container", platform_capabilities=["EC2"], tags=tags,
    container_properties=repository.repository_url.apply(lambda url: json.dumps({"image": url + "@sha256:" + "0" * 64,
        "command": ["--size", str(size)], "environment": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]})),
    retry_strategy={"attempts": 2, "evaluate_on_exits": [{"action": "RETRY", "on_status_reason": "Host EC2*"},
        {"action": "EXIT", "on_reason": "*"}]}, timeout={"attempt_duration_seconds": 60})

letters = aws.sqs.Queue("letters", message_retention_seconds=1209600, tags=tags)
aws.sqs.QueuePolicy("letters", queue_url=letters.id,
    policy=statement("events.amazonaws.com", "sqs:SendMessage", letters.arn))
topic = aws.sns.Topic("failures", tags=tags)
aws.sns.TopicPolicy("failures", arn=topic.arn, policy=statement("events.amazonaws.com", "sns:Publish", topic.arn))
aws.sns.TopicSubscription("failures", topic=topic.arn, protocol="sqs", endpoint=letters.arn)

trigger = role("trigger", "events.amazonaws.com", ["batch:SubmitJob"], [queue.arn, job.arn])
bus = aws.cloudwatch.EventBus("bus", name=prefix, tags=tags)
rule = aws.cloudwatch.EventRule("uploads", event_pattern=bucket.id.apply(lambda name: json.dumps(
    {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [name]}}})), tags=tags)
aws.cloudwatch.EventTarget("uploads", rule=rule.name, arn=queue.arn, role_arn=trigger,
    batch_target={"job_definition": job.arn, "job_name": "job"}, dead_letter_config={"arn": letters.arn},
    retry_policy={"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 600},
    input_transformer={"input_paths": {"key": "$.detail.object.key"},
        "input_template": '{"Parameters": {"key": "<key>"}}'})
schedules = aws.scheduler.ScheduleGroup("daily", name=prefix, tags=tags)
planner = role("planner", "scheduler.amazonaws.com", ["batch:SubmitJob"], [queue.arn, job.arn])
aws.scheduler.Schedule("daily", group_name=schedules.name, schedule_expression="cron(0 6 ? * MON *)",
    schedule_expression_timezone="Europe/Berlin", flexible_time_window={"mode": "OFF"},
    target={"arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob", "role_arn": planner,
        "input": pulumi.Output.json_dumps({"JobName": "a", "JobQueue": queue.arn, "JobDefinition": job.arn})})

logs = aws.cloudwatch.LogGroup("logs", name="/" + prefix + "/job", retention_in_days=7, tags=tags)
writer = role("writer", "firehose.amazonaws.com", ["s3:PutObject"], [bucket.arn.apply(lambda arn: arn + "/*")])
stream = aws.kinesis.FirehoseDeliveryStream("usage", name=prefix, destination="extended_s3", tags=tags,
    extended_s3_configuration={"bucket_arn": bucket.arn, "role_arn": writer, "buffering_interval": 60,
        "prefix": "usage/day=!{timestamp:yyyy-MM-dd}/", "error_output_prefix": "errors/!{firehose:error-output-type}/"})
sender = role("sender", "logs.amazonaws.com", ["firehose:PutRecord", "firehose:PutRecordBatch"], [stream.arn])
aws.cloudwatch.LogSubscriptionFilter("usage", log_group=logs.name, destination_arn=stream.arn, role_arn=sender,
    filter_pattern='{ $.type = "usage" }')
aws.cloudwatch.MetricAlarm("letters", comparison_operator="GreaterThanThreshold", evaluation_periods=1, threshold=0,
    metric_name="ApproximateNumberOfMessagesVisible", namespace="AWS/SQS", statistic="Maximum", period=60,
    dimensions={"QueueName": letters.name}, alarm_actions=[topic.arn], tags=tags)
aws.cloudwatch.Dashboard("stage", dashboard_name=prefix, dashboard_body=json.dumps({"widgets": []}))

runner = role("runner", "lambda.amazonaws.com", ["sqs:SendMessage"], [letters.arn])
function = aws.lambda_.Function("function", name=prefix, package_type="Image", role=runner, memory_size=size * 16,
    image_uri=repository.repository_url.apply(lambda url: url + "@sha256:" + "0" * 64), timeout=60, tags=tags,
    image_config={"commands": ["--key", "Ref::key"]}, dead_letter_config={"target_arn": letters.arn},
    logging_config={"log_format": "Text", "log_group": logs.name}, environment={"variables": {"SIZE": str(size)}})
aws.lambda_.FunctionEventInvokeConfig("function", function_name=function.name, maximum_retry_attempts=1)
aws.lambda_.Permission("uploads", action="lambda:InvokeFunction", function=function.arn,
    principal="events.amazonaws.com", source_arn=rule.arn)

catalog = aws.glue.CatalogDatabase("catalog", name=prefix.replace("-", "_"), description="results", tags=tags)
aws.glue.CatalogTable("rows", name="rows", database_name=catalog.name, table_type="EXTERNAL_TABLE",
    parameters={"projection.enabled": "true", "size": str(size)}, partition_keys=[{"name": "day", "type": "string"}],
    storage_descriptor={"location": bucket.id.apply(lambda name: f"s3://{name}/rows/"),
        "columns": [{"name": "city", "type": "string"}],
        "ser_de_info": {"serialization_library": "org.openx.data.jsonserde.JsonSerDe"}})

aws.ssm.Parameter("key", name="/" + prefix + "/key", type="SecureString", value="hidden-words", tags=tags)
aws.secretsmanager.Secret("key", name=prefix, recovery_window_in_days=0, tags=tags)

pulumi.export("bucket", bucket.id)
pulumi.export("environment", environment.name)
pulumi.export("job", job.arn)
pulumi.export("user", aws.ecr.get_authorization_token().user_name)
"""


@pytest.fixture
def prefix() -> str:
    return f"types-{secrets.token_hex(4)}"


@pytest.fixture
def run(tmp_path: Path, lane: Lane, prefix: str) -> Iterator[Callable[..., str]]:
    """Runs `pulumi` on the program, on a state of its own; what is up at the end goes down."""
    (tmp_path / "Pulumi.yaml").write_text("name: types\nruntime: python\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    state = tmp_path / "state"
    state.mkdir()

    def pulumi(*arguments: str) -> str:
        environ = {"PULUMI_BACKEND_URL": f"file://{state}"}
        done = lane.pulumi(*arguments, "--color=never", cwd=tmp_path, environ=environ, timeout_s=600)
        return done.stdout

    pulumi("stack", "init", "types")
    pulumi("config", "set", "prefix", prefix)
    yield pulumi
    if left_over(lane, prefix):
        pulumi("destroy", "--yes", "--skip-preview")


def left_over(lane: Lane, prefix: str) -> list[str]:
    """What the lane's services still hold of the program, by name."""
    questions: list[tuple[str, str, str, str]] = [
        ("batch", "describe_compute_environments", "computeEnvironments", "computeEnvironmentName"),
        ("batch", "describe_job_queues", "jobQueues", "jobQueueName"),
        ("s3", "list_buckets", "Buckets", "Name"),
        ("ecr", "describe_repositories", "repositories", "repositoryName"),
        ("events", "list_event_buses", "EventBuses", "Name"),
        ("events", "list_rules", "Rules", "Name"),
        ("scheduler", "list_schedule_groups", "ScheduleGroups", "Name"),
        ("scheduler", "list_schedules", "Schedules", "GroupName"),
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ("sns", "list_topics", "Topics", "TopicArn"),
        ("ssm", "describe_parameters", "Parameters", "Name"),
        ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ]
    databases = lane.client("glue").get_databases()["DatabaseList"]
    found: list[str] = []
    for service, operation, key, name in questions:
        answer: Any = getattr(lane.client(service), operation)()
        found += [f"{service}: {entry[name]}" for entry in answer.get(key, ()) if prefix in str(entry)]
    found += [f"glue: {one['Name']}" for one in databases if one["Name"] == prefix.replace("-", "_")]
    found += [f"sqs: {url}" for url in lane.client("sqs").list_queues().get("QueueUrls", ()) if prefix in url]
    found += [
        f"firehose: {n}" for n in lane.client("firehose").list_delivery_streams()["DeliveryStreamNames"] if prefix in n
    ]
    active = lane.client("batch").describe_job_definitions(jobDefinitionName=prefix, status="ACTIVE")["jobDefinitions"]
    return found + [f"batch: {definition['jobDefinitionArn']}" for definition in active]


def test_every_type_goes_up_stays_changes_and_goes_down(run: Callable[..., str], lane: Lane, prefix: str) -> None:
    unchanged = ("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes")
    run("up", "--yes", "--skip-preview")
    assert left_over(lane, prefix)
    exported = run("stack", "export")
    assert "hidden-words" not in exported
    first = outputs(exported)
    assert first["user"] == "AWS"
    assert first["job"].endswith(f"{prefix}:1")
    run(*unchanged)

    # a bigger environment: in place for the environment, a new revision for the job, and its dependents follow
    changed = run("up", "--yes", "--skip-preview", "--config", "size=32")
    assert "replaced" not in changed
    second = outputs(run("stack", "export"))
    assert second["job"].endswith(f"{prefix}:2")
    assert second["environment"] == first["environment"]
    [environment] = lane.client("batch").describe_compute_environments(computeEnvironments=[second["environment"]])[
        "computeEnvironments"
    ]
    assert environment["computeResources"]["maxvCpus"] == 32
    run(*unchanged)

    # what is deleted behind the engine's back is noticed and comes again
    lane.client("ssm").delete_parameter(Name=f"/{prefix}/key")
    lane.client("cloudwatch").delete_dashboards(DashboardNames=[prefix])
    assert "2 created" in run("up", "--yes", "--skip-preview", "--refresh")

    run("destroy", "--yes", "--skip-preview")
    assert left_over(lane, prefix) == []


def outputs(exported: str) -> dict[str, Any]:
    """The stack's outputs in an exported state."""
    resources = json.loads(exported)["deployment"]["resources"]
    [stack] = [resource for resource in resources if resource["type"] == "pulumi:pulumi:Stack"]
    return dict(stack["outputs"])
