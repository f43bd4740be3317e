"""IAM's tables against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

ROLE = "aws:iam/role:Role"
INLINE = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY = "aws:iam/policy:Policy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str) -> str:
    statement = {"Effect": "Allow", "Action": [action], "Resource": "arn:aws:s3:::bucket/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(stand_in: Any) -> Any:
    return stand_in.create(ROLE, called="job", assumeRolePolicy=trust("ecs-tasks.amazonaws.com"), tags={"a": "1"})


def test_a_role_keeps_its_name_and_changes_in_place(stand_in: Any, role: Any) -> None:
    assert role.id == role.state["name"]
    assert role.id.startswith("job-")
    assert role.state["arn"].endswith(f":role/{role.id}")
    stand_in.seed = b"another"
    events = trust("events.amazonaws.com")
    changed = stand_in.update(
        ROLE, role, called="job", assumeRolePolicy=events, description="x", maxSessionDuration=7200
    )
    assert changed.state["name"] == role.id
    assert changed.state["assumeRolePolicy"] == events
    assert changed.state["tagsAll"] == {}
    assert stand_in.differences(
        ROLE, changed, assumeRolePolicy=events, description="x", maxSessionDuration=7200, path="/jobs/"
    ) == {"path": "update+replace"}
    stand_in.delete(ROLE, changed)


def test_policies_in_a_role_are_exclusive_where_given(stand_in: Any) -> None:
    inline = [{"name": "read", "policy": allow("s3:GetObject")}]
    role = stand_in.create(ROLE, assumeRolePolicy=trust("a.amazonaws.com"), inlinePolicies=inline, managedPolicyArns=[])
    emptied = stand_in.update(
        ROLE, role, assumeRolePolicy=trust("a.amazonaws.com"), inlinePolicies=[{}], managedPolicyArns=[]
    )
    assert emptied.state["inlinePolicies"] == [{}]
    stand_in.delete(ROLE, emptied)


def test_an_inline_policy_is_compared_by_meaning(stand_in: Any, role: Any) -> None:
    made = stand_in.create(INLINE, called="read", role=role.id, policy=allow("s3:GetObject"))
    assert made.id == f"{role.id}:{made.state['name']}"
    single = allow("s3:GetObject").replace('["s3:GetObject"]', '"s3:GetObject"')
    assert single != made.state["policy"]
    assert stand_in.differences(INLINE, made, role=role.id, policy=single) == {}
    changed = stand_in.update(INLINE, made, called="read", role=role.id, policy=allow("s3:PutObject"))
    stand_in.delete(INLINE, changed)


def test_policies_are_attached_and_versioned(stand_in: Any, role: Any) -> None:
    policy = stand_in.create(POLICY, called="shared", policy=allow("s3:GetObject"), description="d")
    attachment = stand_in.create(ATTACHMENT, role=role.id, policyArn=policy.id)
    assert attachment.id == f"{role.id}/{policy.id}"
    for number in range(6):
        policy = stand_in.update(POLICY, policy, called="shared", policy=allow(f"s3:A{number}"), description="d")
    assert stand_in.differences(POLICY, policy, policy=allow("s3:A5"), description="e") == {
        "description": "update+replace"
    }
    plan = stand_in.plan(ATTACHMENT, attachment, role="other", policyArn=policy.id)
    assert plan.deletes_first([])
    stand_in.delete(ATTACHMENT, attachment)
    stand_in.delete(POLICY, policy)


def test_an_instance_profile_holds_one_role(stand_in: Any, role: Any) -> None:
    other = stand_in.create(ROLE, called="other", assumeRolePolicy=trust("ec2.amazonaws.com"))
    profile = stand_in.create(PROFILE, called="p", role=role.id)
    moved = stand_in.update(PROFILE, profile, called="p", role=other.id)
    assert moved.state["role"] == other.id
    stand_in.delete(PROFILE, moved)
    stand_in.delete(ROLE, other)


def test_a_missing_role_is_noticed(stand_in: Any, role: Any) -> None:
    stand_in.clients.client("iam").delete_role(RoleName=role.id)
    assert stand_in.read(ROLE, role) is None
    assert stand_in.import_(ROLE, role.id) is None


def test_a_name_too_long_is_refused_with_the_limit(stand_in: Any) -> None:
    checked = stand_in.check(ROLE, {"assumeRolePolicy": "{}"}, name="r" * 60)
    [failure] = checked.failures
    assert "has 68 characters, allowed: at most 64" in failure
    assert failure.endswith(f"Examine values at '{'r' * 60}.name'.")
