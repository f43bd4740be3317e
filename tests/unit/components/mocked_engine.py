"""A stage declared against mocks instead of the engine; unknown types and calls are errors, not silent successes."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks

from components.program import declare
from components.stage import Stage

with warnings.catch_warnings():
    # the SDK warns of its own old classes when the module's first name is read
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_aws import s3

    BUCKET_CLASS = s3.Bucket

ACCOUNT = "123456789012"
REGION = "us-east-1"
DIGEST = "sha256:" + "5" * 64
ZONES = "abcdef"

Inputs = Mapping[str, Any]
ARN = f"arn:aws:{{service}}:{REGION}:{ACCOUNT}:{{rest}}"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _named(service: str, kind: str) -> Callable[[str, Inputs], Inputs]:
    def outputs(name: str, inputs: Inputs) -> Inputs:
        physical = inputs.get("name") or f"{name}-1234567"
        return {"name": physical, "arn": arn(service, f"{kind}{physical}")}

    return outputs


def _identified(prefix: str) -> Callable[[str, Inputs], Inputs]:
    def outputs(name: str, inputs: Inputs) -> Inputs:
        return {"id": f"{prefix}-{name}", "allocationId": f"{prefix}-{name}", "latestVersion": 3}

    return outputs


def _endpoint(name: str, inputs: Inputs) -> Inputs:
    return {"id": f"vpce-{name}", "prefixListId": f"pl-{name}"}


def _role(name: str, inputs: Inputs) -> Inputs:
    return {"name": f"{name}-1234567", "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}-1234567"}


def _bucket(name: str, inputs: Inputs) -> Inputs:
    return {"bucket": f"{name}-1234567", "arn": f"arn:aws:s3:::{name}-1234567"}


def _repository(name: str, inputs: Inputs) -> Inputs:
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    return {"arn": arn("ecr", f"repository/{inputs['name']}"), "repositoryUrl": f"{host}/{inputs['name']}"}


def _image(name: str, inputs: Inputs) -> Inputs:
    return {"repoDigest": f"{inputs['imageName'].rsplit(':', 1)[0]}@{DIGEST}"}


def _environment(name: str, inputs: Inputs) -> Inputs:
    cluster = arn("ecs", f"cluster/AWSBatch-{name}-1234567")
    return {**_named("batch", "compute-environment/")(name, inputs), "ecsClusterArn": cluster}


def _definition(name: str, inputs: Inputs) -> Inputs:
    prefix = arn("batch", f"job-definition/{inputs['name']}")
    return {"arn": f"{prefix}:1", "arnPrefix": prefix, "revision": 1}


def _queue(name: str, inputs: Inputs) -> Inputs:
    physical = f"{name}-1234567"
    return {
        "name": physical,
        "arn": arn("sqs", physical),
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{physical}",
    }


def _nothing(name: str, inputs: Inputs) -> Inputs:
    return {}


OUTPUTS: Mapping[str, Callable[[str, Inputs], Inputs]] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": _environment,
    "aws:batch/jobDefinition:JobDefinition": _definition,
    "aws:batch/jobQueue:JobQueue": _named("batch", "job-queue/"),
    "aws:batch/schedulingPolicy:SchedulingPolicy": _named("batch", "scheduling-policy/"),
    "aws:cloudwatch/eventRule:EventRule": _named("events", "rule/"),
    "aws:cloudwatch/eventTarget:EventTarget": _nothing,
    "aws:cloudwatch/logGroup:LogGroup": _named("logs", "log-group:"),
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": _nothing,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:"),
    "aws:ec2/eip:Eip": _identified("eipalloc"),
    "aws:ec2/internetGateway:InternetGateway": _identified("igw"),
    "aws:ec2/launchTemplate:LaunchTemplate": _identified("lt"),
    "aws:ec2/natGateway:NatGateway": _identified("nat"),
    "aws:ec2/route:Route": _nothing,
    "aws:ec2/routeTable:RouteTable": _identified("rtb"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _nothing,
    "aws:ec2/securityGroup:SecurityGroup": _identified("sg"),
    "aws:ec2/subnet:Subnet": _identified("subnet"),
    "aws:ec2/vpc:Vpc": _identified("vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _nothing,
    "aws:ecr/repository:Repository": _repository,
    "aws:glue/catalogDatabase:CatalogDatabase": _named("glue", "database/"),
    "aws:glue/catalogTable:CatalogTable": _named("glue", "table/"),
    "aws:iam/instanceProfile:InstanceProfile": _role,
    "aws:iam/role:Role": _role,
    "aws:iam/rolePolicy:RolePolicy": _nothing,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _nothing,
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _named("firehose", "deliverystream/"),
    "aws:lambda/function:Function": _named("lambda", "function:"),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _nothing,
    "aws:lambda/permission:Permission": _nothing,
    "aws:pipes/pipe:Pipe": _named("pipes", "pipe/"),
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObjectv2:BucketObjectv2": _nothing,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _nothing,
    "aws:s3/bucketNotification:BucketNotification": _nothing,
    "aws:s3/bucketPolicy:BucketPolicy": _nothing,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _nothing,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _nothing,
    "aws:s3/bucketVersioning:BucketVersioning": _nothing,
    "aws:scheduler/schedule:Schedule": _named("scheduler", "schedule/jobs/"),
    "aws:scheduler/scheduleGroup:ScheduleGroup": _named("scheduler", "schedule-group/"),
    "aws:sns/topic:Topic": _named("sns", ""),
    "aws:sns/topicPolicy:TopicPolicy": _nothing,
    "aws:sns/topicSubscription:TopicSubscription": _nothing,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _nothing,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _nothing,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _nothing,
    "docker:index/image:Image": _image,
}


def _table(name: str) -> Any:
    """What DynamoDB says of a table; its name tells what there is."""
    if "missing" in name:
        return {}, [("name", "couldn't find resource")]
    stream = {
        "streamEnabled": "quiet" not in name,
        "streamArn": "" if "quiet" in name else arn("dynamodb", f"table/{name}/stream/2026-01-01T00:00:00.000"),
        "streamViewType": "KEYS_ONLY" if "keys" in name else "NEW_AND_OLD_IMAGES",
    }
    return {"name": name, "id": name, "arn": arn("dynamodb", f"table/{name}"), **stream}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource as the program declared it, with plain inputs."""

    type: str
    name: str
    inputs: Inputs
    outputs: Inputs
    dependencies: tuple[str, ...] = ()


class UnknownToMocks(Exception):
    """The program asked for something no mock knows."""


@dataclass
class Mocks(mocks.Mocks):
    stacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other stacks' outputs, by full name."""
    resources: list[Declared] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if not args.custom:
            return "", dict(args.inputs)
        if args.typ not in OUTPUTS:
            raise UnknownToMocks(f"{args.typ} {args.name}: the mocks know no such type")
        outputs = {**args.inputs, **OUTPUTS[args.typ](args.name, args.inputs)}
        identity = str(outputs.pop("id", f"{args.name}-id"))
        self.resources.append(
            Declared(type=args.typ, name=args.name, inputs=_plain(args.inputs), outputs={**outputs, "id": identity})
        )
        return identity, outputs

    def call(self, args: mocks.MockCallArgs) -> Any:
        self.calls.append(args.token)
        if args.token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/test", "id": ACCOUNT, "userId": "test"}
        if args.token == "aws:index/getPartition:getPartition":
            return {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws", "reverseDnsPrefix": "com.amazonaws"}
        if args.token == "aws:index/getRegion:getRegion":
            return {"region": REGION, "name": REGION, "id": REGION, "description": "", "endpoint": ""}
        if args.token == "aws:index/getAvailabilityZones:getAvailabilityZones":
            return {"names": [f"{REGION}{letter}" for letter in ZONES], "id": REGION, "zoneIds": []}
        if args.token == "aws:ecr/getAuthorizationToken:getAuthorizationToken":
            return {"userName": "AWS", "password": "secret", "id": REGION}
        if args.token == "aws:secretsmanager/getSecret:getSecret":
            name = args.args["name"]
            if "missing" in name:
                return {}, [("name", "couldn't find resource")]
            return {"name": name, "arn": arn("secretsmanager", f"secret:{name}-AbCdEf"), "id": name}
        if args.token == "aws:dynamodb/getTable:getTable":
            return _table(args.args["name"])
        if args.token == "pulumi:pulumi:readStackOutputs":
            stack = args.args["name"]
            if stack not in self.stacks:
                return {}, [("name", f'returned an error: unknown stack "{stack}"')]
            return {"name": stack, "outputs": self.stacks[stack], "secretOutputNames": []}
        raise UnknownToMocks(f"{args.token}: the mocks know no such call")


def _plain(value: Any) -> Any:
    """Without the engine's wrapping of secrets."""
    if isinstance(value, Mapping):
        if "4dabf18193072939515e22adb298388d" in value:
            return _plain(value["value"])
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What one run of the program declared."""

    resources: tuple[Declared, ...]
    calls: tuple[str, ...]
    outputs: Mapping[str, Any]

    def of(self, type_suffix: str) -> list[Declared]:
        """All resources of a type, named by its last word: `JobQueue`."""
        return [one for one in self.resources if one.type.rsplit(":", 1)[-1] == type_suffix]

    def one(self, type_suffix: str, name: str) -> Declared:
        """The only resource of a type with that logical name."""
        found = [one for one in self.of(type_suffix) if one.name == name]
        names = sorted(one.name for one in self.of(type_suffix))
        assert len(found) == 1, f"{type_suffix} {name}: {len(found)} declared; there are {names}"
        return found[0]

    def policies(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every policy document of every kind: where it stands, and the document."""
        for resource in self.resources:
            for key in ("policy", "assumeRolePolicy"):
                text = resource.inputs.get(key)
                if isinstance(text, str) and '"Statement"' in text:
                    yield f"{resource.type.rsplit(':', 1)[-1]} {resource.name}.{key}", json.loads(text)


def record(
    config: Mapping[str, object],
    *,
    stack: str,
    repository: Path,
    stacks: Mapping[str, Mapping[str, Any]] | None = None,
) -> Recording:
    """Runs the program's declaration to its end. Raises what the program raises, and UnknownToMocks."""
    engine = Mocks(stacks=stacks or {})
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(engine, project="batchyard", stack=stack, preview=False)
    seen: dict[str, Any] = {}

    def program() -> pulumi.Output[Any]:
        stage: Stage = declare(config, stack=stack, repository=repository)
        return pulumi.Output.all(**stage.outputs).apply(lambda values: seen.update(values))

    run_to_the_end: Callable[..., Callable[[], None]] = pulumi.runtime.test
    run_to_the_end(program)()
    return Recording(resources=tuple(engine.resources), calls=tuple(engine.calls), outputs=seen)
