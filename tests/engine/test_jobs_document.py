"""The examples of docs/jobs.md in one stage, brought up by the real engine and run as real containers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local.lane import Lane
from local.processes import wait_until
from tests.engine.document_runs import ended, followed, results_manifest, run
from tests.engine.stages import DOCKERFILE, SETTINGS, Project, Stack
from tests.unit.jobs.spec import jobs_document

DEADLINE_S = 240.0
KEY, URL = "k-5d41402abc4b2a76", "https://supplier.example/7d793037a076"
# says what of its environment it has got, without saying it
MAIN = """\
import hashlib, json, os
found = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in os.environ.items()}
folders = [path for path in ("/scratch", "/dev/shm") if os.path.ismount(path)]
mounted = {path: os.statvfs(path).f_blocks * os.statvfs(path).f_frsize >> 20 for path in folders}
print(json.dumps({"environment": found, "mounted": mounted}))
"""


def keep_secrets(lane: Lane) -> None:
    """As somebody would who may see them; again after a run that broke off."""
    with contextlib.suppress(lane.client("secretsmanager").exceptions.ResourceExistsException):
        lane.client("secretsmanager").create_secret(Name="supplier/login", SecretString=json.dumps({"api_key": KEY}))
    lane.client("ssm").put_parameter(Name="/supplier/url", Value=URL, Type="SecureString", Overwrite=True)


@pytest.fixture(scope="module")
def stack(lane: Lane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    project = Project.create(tmp_path_factory.mktemp("kinds") / "project", lane)
    for name, text in jobs_document.jobs().items():
        folder = project.folder / "jobs" / name
        folder.mkdir()
        # of the emulated clock, a twentieth as long: time enough for a run on a busy machine
        (folder / "job.yaml").write_text(re.sub(r"timeout_s: \d+", "timeout_s: 900", text))
        (folder / "Dockerfile").write_text(jobs_document.dockerfiles().get(name, DOCKERFILE))
        (folder / "main.py").write_text(jobs_document.programs().get(name, MAIN))
    keep_secrets(lane)
    added = jobs_document.settings()
    changes = {key: {**SETTINGS.get(f"batchyard:{key}", {}), **value} for key, value in added.items()}
    stack = project.stack("kinds", **changes)
    stack.up()
    yield stack
    stack.destroy()
    lane.client("secretsmanager").delete_secret(SecretId="supplier/login", ForceDeleteWithoutRecovery=True)
    lane.client("ssm").delete_parameter(Name="/supplier/url")


@pytest.fixture(scope="module")
def stage(stack: Stack) -> dict[str, Any]:
    return stack.outputs()


def printed(lane: Lane, stage: dict[str, Any], job: str, described: dict[str, Any]) -> dict[str, Any]:
    """What `MAIN` said."""
    events = lane.client("logs").get_log_events(
        logGroupName=stage["log_groups"][job], logStreamName=described["container"]["logStreamName"]
    )["events"]
    (line,) = [event["message"] for event in events if event["message"].startswith('{"environment"')]
    said: dict[str, Any] = json.loads(line)
    return said


def definition(lane: Lane, stage: dict[str, Any], job: str) -> dict[str, Any]:
    """As Batch has registered it."""
    name = stage["job_definitions"][job].rsplit("/", 1)[1]
    (found,) = lane.client("batch").describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    return dict(found)


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_secrets_reach_the_container_and_nothing_else(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    described = run(lane, stage, "crawl")

    assert described["status"] == "SUCCEEDED", described
    environment = printed(lane, stage, "crawl", described)["environment"]
    assert environment["API_KEY"] == hashed(KEY)
    assert environment["SUPPLIER_URL"] == hashed(URL)
    definitions = lane.client("batch").describe_job_definitions()["jobDefinitions"]
    kept = json.dumps([stack.resources(), stage, described, definitions], default=str)
    assert KEY not in kept
    assert URL not in kept


def test_a_parameter_that_vanished_is_the_attempts_reason(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    lane.client("ssm").delete_parameter(Name="/supplier/url")
    try:
        described = run(lane, stage, "crawl")
    finally:
        lane.client("ssm").put_parameter(Name="/supplier/url", Value=URL, Type="SecureString")

    assert described["status"] == "FAILED"
    assert described["statusReason"] == "Task failed to start"
    reason = described["attempts"][-1]["container"]["reason"]
    assert reason.startswith("ResourceInitializationError")
    assert "SUPPLIER_URL from arn:aws:ssm:us-east-1:" in reason
    assert "parameter/supplier/url" in reason


def test_a_secret_that_is_missing_stops_the_preview(stack: Stack) -> None:
    file = stack.project.folder / "jobs" / "crawl" / "job.yaml"
    text = file.read_text()
    file.write_text(text.replace("secret: supplier/login", "secret: supplier/logni"))
    try:
        refused = stack.pulumi("preview", check=False)
    finally:
        file.write_text(text)

    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "secrets.API_KEY.secret is supplier/logni, which Secrets Manager doesn't show in us-east-1" in output
    assert "nothing was touched" in output
    assert "Traceback" not in output


def test_a_manifest_becomes_children_with_a_line_each(stack: Stack, stage: dict[str, Any]) -> None:
    """An upload starts it, as on AWS: event, rule, the job that counts, the array, its children."""
    lane, batch = stack.project.lane, stack.project.lane.client("batch")
    lane.client("s3").put_object(Bucket=stage["buckets"]["uploads"], Key="lists/a b.txt", Body="one\nzwölf\n".encode())
    name = stage["job_definitions"]["pages"].rsplit("/", 1)[1]

    def arrays() -> list[dict[str, Any]]:
        filters = [{"name": "JOB_DEFINITION", "values": [name]}]
        found = batch.list_jobs(jobQueue=stage["queues"]["standard"], filters=filters)["jobSummaryList"]
        return [one for one in found if one["jobDefinition"].rsplit("/", 1)[1].partition(":")[0] == name]

    assert wait_until(lambda: len(arrays()) == 1, timeout_s=DEADLINE_S), "the upload submitted no array"
    described = ended(lane, arrays()[0]["jobId"])

    assert described["status"] == "SUCCEEDED", described
    assert described["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 2
    assert described["parameters"] == {"size": "small"}
    ids = [f"{described['jobId']}:{index}" for index in range(2)]
    children = batch.describe_jobs(jobs=ids)["jobs"]
    lines = {
        child["jobId"]: printed(lane, stage, "pages", child)["environment"]["BATCHYARD_ARRAY_LINE"]
        for child in children
    }
    assert lines == {ids[0]: hashed("one"), ids[1]: hashed("zwölf")}


def test_an_empty_manifest_fails_and_says_why(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    lane.client("s3").put_object(Bucket=stage["buckets"]["uploads"], Key="empty", Body=b"")
    described = run(lane, stage, "pages-dispatch", parameters={"key": "empty"})

    assert (described["status"], described["container"]["exitCode"]) == ("FAILED", 65)
    events = lane.client("logs").get_log_events(
        logGroupName=stage["log_groups"]["pages"], logStreamName=described["container"]["logStreamName"]
    )["events"]
    assert any("/empty is empty; a manifest has a line for each child" in event["message"] for event in events)


def test_a_job_on_lambda_runs_its_image_for_an_upload(stack: Stack, stage: dict[str, Any]) -> None:
    """By the function of the same Dockerfile that Batch's jobs have, in a container of its own."""
    lane = stack.project.lane
    lane.client("s3").put_object(Bucket=stage["buckets"]["uploads"], Key="letters/a.txt", Body=b"words")
    group, logs = stage["log_groups"]["stamps"], lane.client("logs")

    def lines(kind: str) -> list[dict[str, Any]]:
        events = logs.filter_log_events(logGroupName=group)["events"]
        texts = [event["message"] for event in events if event["message"].startswith(kind)]
        return [json.loads(text) for text in texts]

    assert wait_until(lambda: bool(lines('{"type":"attempt"')), timeout_s=DEADLINE_S), "no run"
    (row,), (said,) = lines('{"type":"attempt"'), lines('{"environment"')
    assert (row["status"], row["exit_code"]) == ("SUCCEEDED", 0)
    assert (row["parameters"]["key"], row["parameters"]["ink"]) == ("letters/a.txt", "red")
    assert said["environment"]["AWS_BATCH_JOB_ID"] == hashed(row["job_id"])
    assert "AWS_LAMBDA_RUNTIME_API" not in said["environment"]
    function = lane.client("lambda").get_function(FunctionName=stage["functions"]["stamps"])
    assert function["Code"]["ImageUri"] == stage["images"]["stamps"]


def test_an_array_of_a_fixed_size_counts_its_children(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    described = run(lane, stage, "shards", arrayProperties={"size": 3})
    assert described["status"] == "SUCCEEDED", described
    assert described["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    last = lane.client("batch").describe_jobs(jobs=[f"{described['jobId']}:2"])["jobs"][0]
    assert printed(lane, stage, "shards", last)["environment"]["AWS_BATCH_JOB_ARRAY_INDEX"] == hashed("2")


def test_memory_folders_are_as_large_as_asked(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    described = run(lane, stage, "sorting")
    assert described["status"] == "SUCCEEDED", described
    mounted = printed(lane, stage, "sorting", described)["mounted"]
    assert (mounted["/scratch"], mounted["/dev/shm"]) == (64, 128)


def test_a_share_reaches_the_job(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    described = run(lane, stage, "simulate", "shared", shareIdentifier="research")
    assert (described["status"], described["shareIdentifier"]) == ("SUCCEEDED", "research")
    schedules = lane.client("scheduler")
    (one,) = [found for found in schedules.list_schedules()["Schedules"] if "-simulate-" in found["Name"]]
    target = schedules.get_schedule(Name=one["Name"], GroupName=one["GroupName"])["Target"]
    assert json.loads(target["Input"])["ShareIdentifier"] == "research"


def test_a_job_runs_on_the_instance_that_somebody_registers(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    batch, ecs, ec2 = (lane.client(service) for service in ("batch", "ecs", "ec2"))
    theirs = stage["environments"]["theirs"]
    assert theirs["kind"] == "ec2-unmanaged"
    cluster = theirs["ecs_cluster_arn"]
    submitted = batch.submit_job(
        jobName="crawl", jobQueue=stage["queues"]["theirs"], jobDefinition=stage["job_definitions"]["crawl"]
    )["jobId"]
    assert wait_until(
        lambda: batch.describe_jobs(jobs=[submitted])["jobs"][0]["status"] == "RUNNABLE", timeout_s=DEADLINE_S
    )
    assert ecs.list_container_instances(cluster=cluster)["containerInstanceArns"] == []

    instance = ec2.run_instances(ImageId="ami-12c6146b", InstanceType="m7i.large", MinCount=1, MaxCount=1)
    instance_id = instance["Instances"][0]["InstanceId"]
    registered = ecs.register_container_instance(
        cluster=cluster, instanceIdentityDocument=json.dumps({"instanceId": instance_id})
    )["containerInstance"]["containerInstanceArn"]
    try:
        described = ended(lane, submitted)
        assert described["status"] == "SUCCEEDED", described
        assert described["attempts"][-1]["container"]["containerInstanceArn"] == registered
    finally:
        ecs.deregister_container_instance(cluster=cluster, containerInstance=registered, force=True)
        ec2.terminate_instances(InstanceIds=[instance_id])


def test_an_isolated_job_runs_alone_and_goes_out_as_declared(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    described = run(lane, stage, "audit", "audit_isolated")
    assert described["status"] == "SUCCEEDED", described

    group = stage["security_groups"]["audit"]
    own = stage["environments"]["audit_isolated_spot"]
    (environment,) = lane.client("batch").describe_compute_environments(computeEnvironments=[own["arn"]])[
        "computeEnvironments"
    ]
    assert environment["computeResources"]["securityGroupIds"] == [group]
    assert environment["computeResources"]["maxvCpus"] == 2
    assert own["ecs_cluster_arn"] == environment["ecsClusterArn"]
    instance = described["attempts"][-1]["container"]["containerInstanceArn"]
    assert environment["ecsClusterArn"].rpartition("/")[2] in instance

    ec2 = lane.client("ec2")
    (seen,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert seen["IpPermissions"] == [], "nothing comes in"
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [stage["network"]["vpc_id"]]}])
    (endpoints_group,) = {
        one["GroupId"] for endpoint in endpoints["VpcEndpoints"] for one in endpoint.get("Groups") or ()
    }
    out = {
        (one["FromPort"], one.get("CidrIpv4") or one.get("PrefixListId") or one["ReferencedGroupInfo"]["GroupId"])
        for one in ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
            "SecurityGroupRules"
        ]
        if one["IsEgress"]
    }
    (s3,) = ec2.describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
    )["PrefixLists"]
    assert out == {
        (443, s3["PrefixListId"]),
        (443, endpoints_group),
        (443, "198.51.100.7/32"),
        (5432, "10.20.0.0/16"),
    }


def test_what_a_laptop_cannot_run_is_registered_as_asked(stack: Stack, stage: dict[str, Any]) -> None:
    lane = stack.project.lane
    embed = definition(lane, stage, "embed")["containerProperties"]
    assert embed["ephemeralStorage"] == {"sizeInGiB": 60}
    assert embed["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    assert embed["volumes"][0]["efsVolumeConfiguration"]["transitEncryption"] == "ENABLED"
    assert embed["mountPoints"] == [{"sourceVolume": "efs1", "containerPath": "/models", "readOnly": True}]

    train = definition(lane, stage, "train")["containerProperties"]
    assert {"type": "GPU", "value": "1"} in train["resourceRequirements"]

    weather = definition(lane, stage, "weather")
    assert (weather["type"], weather["nodeProperties"]["numNodes"]) == ("multinode", 4)
    stack.pulumi("preview", "--expect-no-changes")


def test_results_lie_under_the_runs_id_and_the_next_job_reads_them(stack: Stack, stage: dict[str, Any]) -> None:
    lane, bucket = stack.project.lane, stage["buckets"]["results"]
    described = run(lane, stage, "readings", parameters={"city": "Quito"})
    assert described["status"] == "SUCCEEDED", described
    manifest = results_manifest(lane, bucket, "readings", described["jobId"])
    (left,) = manifest["objects"]
    assert left["key"] == f"{manifest['prefix']}readings.parquet"
    assert manifest["prefix"] == f"readings/data/day={manifest['written_at'][:10]}/run={described['jobId']}/"
    stored = lane.client("s3").head_object(Bucket=bucket, Key=left["key"])
    assert (stored["ContentLength"], stored["ETag"]) == (left["size_bytes"], f'"{left["etag"]}"')

    next_run = followed(lane, stage, "summary", described["jobId"])
    assert next_run["status"] == "SUCCEEDED", next_run
    (summed,) = results_manifest(lane, bucket, "summary", next_run["jobId"])["objects"]
    text = lane.client("s3").get_object(Bucket=bucket, Key=summed["key"])["Body"].read().decode()
    assert text.splitlines() == ["city,readings,warmest", "Quito,24,20.0"]


def test_a_runs_objects_are_what_its_table_says(stack: Stack, stage: dict[str, Any], tmp_path: Path) -> None:
    """No Athena runs here: DuckDB reads the objects at the table's location, as its projection finds them."""
    lane, s3 = stack.project.lane, stack.project.lane.client("s3")
    described = run(lane, stage, "readings")
    database, name = stage["results"]["readings"]["table"].split(".")
    assert (database, name) == ("batchyard_kinds", "readings")
    table = lane.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    rules, day = (
        table["Parameters"],
        results_manifest(lane, stage["buckets"]["results"], "readings", described["jobId"]),
    )
    assert (rules["projection.enabled"], rules["projection.day.type"]) == ("true", "date")
    assert rules["projection.day.range"] == "2026-11-01,NOW"
    template = rules["storage.location.template"]
    partition = template.replace("${day}", day["prefix"].split("/")[2].removeprefix("day="))
    assert partition.startswith(table["StorageDescriptor"]["Location"])
    bucket, _, prefix = partition.removeprefix("s3://").partition("/")
    found = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    assert {one["key"] for one in day["objects"]} <= set(found)
    for key in found:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(tmp_path / key))
    types = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE"}
    rows = duckdb.read_parquet(f"{tmp_path}/**/*.parquet", hive_partitioning=False)
    wanted = {column["Name"]: types[column["Type"]] for column in table["StorageDescriptor"]["Columns"]}
    assert dict(zip(rows.columns, map(str, rows.types), strict=True)) == wanted
    assert [key["Name"] for key in table["PartitionKeys"]] == ["day"]
    assert len(rows.fetchall()) == 24 * len(found)


def test_a_run_that_succeeded_is_a_copy_for_redshift(stack: Stack, stage: dict[str, Any]) -> None:
    """No Redshift runs here: the emulated Data API keeps what the pipe asked of it."""
    lane, bucket = stack.project.lane, stage["buckets"]["results"]
    described = run(lane, stage, "readings")
    role = stage["results"]["readings"]["copy_role_arn"]
    folder = f"readings/manifests/{described['jobId']}/"
    wanted = (
        f'COPY "public"."readings" FROM \'s3://{bucket}/{folder}redshift.json\' '
        f"IAM_ROLE '{role}' FORMAT AS PARQUET MANIFEST"
    )
    asked: Any = lane.client("redshift-data")

    def kept() -> list[str]:
        name = "batchyard-kinds-readings-redshift"
        return [sql for one in asked.list_statements(StatementName=name)["Statements"] for sql in one["QueryStrings"]]

    assert wait_until(lambda: wanted in kept(), timeout_s=DEADLINE_S), f"asked was {kept()}"
    entries = json.load(lane.client("s3").get_object(Bucket=bucket, Key=f"{folder}redshift.json")["Body"])["entries"]
    (left,) = results_manifest(lane, bucket, "readings", described["jobId"])["objects"]
    assert entries == [
        {"url": f"s3://{bucket}/{left['key']}", "mandatory": True, "meta": {"content_length": left["size_bytes"]}}
    ]


def test_a_quicksight_manifest_names_the_folder_of_all_runs(stack: Stack, stage: dict[str, Any]) -> None:
    bucket = stage["buckets"]["results"]
    kept = stack.project.lane.client("s3").get_object(Bucket=bucket, Key="summary/quicksight.json")["Body"].read()
    assert json.loads(kept) == {
        "fileLocations": [{"URIPrefixes": [f"s3://{bucket}/summary/data/"]}],
        "globalUploadSettings": {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"},
    }
