"""The aws stand-in under the real engine and the unmodified SDK, against moto."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.home import Home
from local.providers.framework.configuration import Clients, Configuration

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws

trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
asked = json.loads(os.environ["ASKED"])
vpc = aws.ec2.Vpc("net", cidr_block=asked.get("cidr", "10.0.0.0/16"), tags=asked.get("tags"))
group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id)
role = aws.iam.Role("role", assume_role_policy=trust, description=pulumi.Output.secret("hidden-words"))
aws.iam.RolePolicy("policy", role=role.name, policy=vpc.arn.apply(lambda arn: json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ec2:DescribeVpcs"], "Resource": [arn]}]})))
for id_ in asked.get("imported", []):
    aws.ec2.Vpc("adopted", cidr_block="10.9.0.0/16", opts=pulumi.ResourceOptions(import_=id_))
if asked.get("unknown"):
    aws.rds.Instance("database", instance_class="db.t3.micro")
if asked.get("mistakes"):
    aws.ec2.Subnet("subnet", vpc_id=vpc.id, outpost_arn="arn", availability_zone="a", availability_zone_id="b")
pulumi.export("vpc", vpc.id)
pulumi.export("role", role.name)
pulumi.export("description", role.description)
pulumi.export("account", aws.get_caller_identity().account_id)
"""


class Stack:
    """A program of its own with its own state, account and engine processes."""

    def __init__(self, folder: Path, home: Home, endpoint: str) -> None:
        self.folder = folder
        self.clients = Clients(Configuration(region="us-east-1", endpoint=endpoint))
        (folder / "Pulumi.yaml").write_text("name: stand-in\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "state").mkdir()
        self._environ = {
            **os.environ,
            "PATH": os.pathsep.join([str(home.venv / "bin"), str(home.bin), os.environ["PATH"]]),
            "PULUMI_HOME": str(home.pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_ENDPOINT_URL": endpoint,
        }
        self.run("stack", "init", "test")

    def run(self, *arguments: str, fails: bool = False, **asked: Any) -> str:
        """The engine's output; it fails exactly where `fails` says so."""
        environ = {**self._environ, "ASKED": json.dumps(asked)}
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, output
        return output

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self.run("stack", "output", "--json")))

    def vpc_ids(self) -> list[str]:
        vpcs = self.clients.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
        return [vpc["VpcId"] for vpc in vpcs]


@pytest.fixture
def stack(tmp_path: Path, home: Home) -> Iterator[Stack]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    # moto's state is the process's: start from an empty account
    reset = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST", data=b"")
    urllib.request.urlopen(reset, timeout=60).close()
    yield Stack(tmp_path, home, endpoint)
    server.stop()


def test_a_stack_goes_up_changes_is_repaired_and_goes_down(stack: Stack) -> None:
    stack.run("up", "--yes", "--skip-preview", tags={"a": "1"})
    first = stack.outputs()
    assert first["account"] == "123456789012"
    assert first["role"].startswith("role-")
    assert "hidden-words" not in stack.run("stack", "export")
    unchanged = stack.run("preview", "--expect-no-changes", tags={"a": "1"})
    assert "5 unchanged" in unchanged

    update = stack.run("preview", "--diff", tags={"a": "2"})
    assert "1 to update" in update
    assert '"1" => "2"' in update
    replacement = stack.run("preview", "--diff", cidr="10.1.0.0/16", tags={"a": "1"})
    assert "2 to replace" in replacement  # the network, and the group whose network isn't known yet
    assert '"10.0.0.0/16" => "10.1.0.0/16"' in replacement

    # the group goes behind the engine's back: refresh notices, the next up makes another
    groups = stack.clients.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [first["vpc"]]}]
    )
    for group in groups["SecurityGroups"]:
        if group["GroupName"] != "default":
            stack.clients.client("ec2").delete_security_group(GroupId=group["GroupId"])
    assert "1 deleted" in stack.run("refresh", "--yes", "--skip-preview", tags={"a": "1"})

    adopted = stack.clients.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    again = stack.run("up", "--yes", "--skip-preview", tags={"a": "1"}, imported=[adopted])
    assert "1 created" in again
    assert "1 imported" in again
    second = stack.outputs()
    assert second["role"] == first["role"]
    assert sorted(stack.vpc_ids()) == sorted([first["vpc"], adopted])

    stack.run("up", "--yes", "--skip-preview", cidr="10.1.0.0/16", imported=[adopted])
    assert first["vpc"] not in stack.vpc_ids()
    stack.run("destroy", "--yes", "--skip-preview")
    assert stack.vpc_ids() == []


def test_mistakes_are_told_at_once_and_nothing_is_made(stack: Stack) -> None:
    told = stack.run("up", "--yes", fails=True, mistakes=True)
    assert "'outpostArn' isn't a property the local stand-in knows of aws:ec2/subnet:Subnet" in told
    assert "availabilityZone, availabilityZoneId conflict: set one of them" in told
    assert stack.vpc_ids() == []
    unknown = stack.run("preview", fails=True, unknown=True)
    assert "resource type aws:rds/instance:Instance isn't one the local stand-in for the aws plugin knows" in unknown
