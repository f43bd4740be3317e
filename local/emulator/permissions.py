"""May a service do something? Asked of moto's IAM roles, queues and topics before a rule, a schedule or a log filter
delivers.

moto itself lets everybody do everything; a trigger whose role or queue policy is wrong would first fail on AWS.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

# The condition keys a delivering service fills in; statements with others are taken as met.
_SOURCE_ARN = "aws:sourcearn"


def role_refusal(
    role_arn: str,
    *,
    service: str,
    action: str,
    resources: Iterable[str | tuple[str, ...]],
    source_arn: str = "",
    regional_service: bool = False,
) -> str | None:
    """Why `service` can't do `action` on every one of `resources` as the role; None if it can.

    `source_arn` is what the service acts for: a trust policy may ask for it. With `regional_service` the policy may
    name the service with its region (`logs.us-east-1.amazonaws.com`). A resource that has several names (a job
    definition with and without revision) is a tuple: one allowed name suffices.
    """
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    backend = iam_backends[account]["aws"] if account else None
    role = next((one for one in list(backend.roles.values()) if one.arn == role_arn), None) if backend else None
    if backend is None or role is None:
        return f"The role {role_arn} does not exist"
    wanted = [(one,) if isinstance(one, str) else one for one in resources]
    trust = _document(role.assume_role_policy_document)
    names = [service, _regional(service, wanted[0][0])] if regional_service else [service]
    if not any(_trusts(trust, name, source_arn) for name in names):
        what = f" for {source_arn}" if source_arn else ""
        return f"The role {role_arn} does not let {service} assume it{what}: see its trust policy"
    documents = [_document(text) for text in list(role.policies.values())]
    for policy in list(role.managed_policies.values()):
        documents += [_document(version.document) for version in policy.versions if version.is_default]
    for alternatives in wanted:
        if not any(_allows(documents, action, name) for name in alternatives):
            return f"The role {role_arn} is not authorized to perform {action} on resource {alternatives[0]}"
    return None


def queue_refusal(queue_arn: str, *, service: str, source_arn: str) -> str | None:
    """Why a queue's policy doesn't let `service` send for `source_arn`; None if it does, or if there is no such
    queue."""
    region, account, name = queue_arn.split(":")[3:6]
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None or _resource_allows(queue.policy, service, "sqs:SendMessage", queue_arn, source_arn):
        return None
    return f"The policy of {queue_arn} does not let {service} do sqs:SendMessage for {source_arn}"


def topic_refusal(topic_arn: str, *, service: str, source_arn: str) -> str | None:
    """As queue_refusal, of a topic and sns:Publish."""
    region, account = topic_arn.split(":")[3:5]
    topic = sns_backends[account][region].topics.get(topic_arn)
    if topic is None or _resource_allows(topic.policy, service, "sns:Publish", topic_arn, source_arn):
        return None
    return f"The policy of {topic_arn} does not let {service} do sns:Publish for {source_arn}"


def function_refusal(function_arn: str, *, service: str, source_arn: str) -> str | None:
    """As queue_refusal, of a Lambda function and lambda:InvokeFunction."""
    region, account, _, name = function_arn.split(":")[3:7]
    known = lambda_backends[account][region]._lambdas._functions.get(name)
    if known is None:
        return None
    policy = {"Statement": known["latest"].policy.statements}
    if _resource_allows(policy, service, "lambda:InvokeFunction", function_arn, source_arn):
        return None
    return f"The policy of {function_arn} does not let {service} do lambda:InvokeFunction for {source_arn}"


def _resource_allows(policy: Any, service: str, action: str, resource: str, source_arn: str) -> bool:
    document = _document(policy)
    statements = [
        one for one in _statements(document) if _names(one, service) and _source_meets(one.get("Condition"), source_arn)
    ]
    return _allows([{"Statement": statements}], action, resource)


def _source_meets(condition: Any, source_arn: str) -> bool:
    if not source_arn:
        return True
    for tests in (condition or {}).values():
        for key, patterns in tests.items():
            if key.lower() == _SOURCE_ARN and not _any_glob(patterns, source_arn):
                return False
    return True


def _document(text: Any) -> Mapping[str, Any]:
    if not isinstance(text, str):
        return text if isinstance(text, Mapping) else {}
    try:
        loaded = json.loads(unquote(text) if text.lstrip().startswith("%") else text)
    except json.JSONDecodeError:
        return {}
    return loaded if isinstance(loaded, Mapping) else {}


def _regional(service: str, arn: str) -> str:
    """`logs.amazonaws.com` in the region of the ARN."""
    head, _, tail = service.partition(".")
    return f"{head}.{arn.split(':')[3]}.{tail}"


def _trusts(document: Mapping[str, Any], service: str, source_arn: str) -> bool:
    return any(
        one.get("Effect") == "Allow" and _names(one, service) and _source_meets(one.get("Condition"), source_arn)
        for one in _statements(document)
    )


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal") or {}
    services = principal if isinstance(principal, str) else principal.get("Service", [])
    return any(one in (service, "*") for one in _list(services))


def _allows(documents: Iterable[Mapping[str, Any]], action: str, resource: str) -> bool:
    allowed = False
    for document in documents:
        for statement in _statements(document):
            if not _any_glob(statement.get("Action"), action.lower(), fold=True):
                continue
            if not _any_glob(statement.get("Resource"), resource):
                continue
            if statement.get("Effect") == "Deny":
                return False
            allowed = True
    return allowed


def _any_glob(patterns: Any, value: str, *, fold: bool = False) -> bool:
    return any(fnmatch.fnmatchcase(value, _escaped(one.lower() if fold else one)) for one in _list(patterns))


def _escaped(pattern: str) -> str:
    # IAM's globs have * and ? but no [ ].
    return pattern.replace("[", "[[]")


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in _list(document.get("Statement")) if isinstance(one, Mapping)]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
