"""ECR: repositories, their policies, and the two look-ups a build needs."""

from __future__ import annotations

import base64
import re
from typing import Any

from local.providers.aws.calls import found_or_none, json_text, retag, rfc3339, tag_list, tag_map
from local.providers.aws.shapes import from_service, same, to_service
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType, code_of

_ABSENT = ("RepositoryNotFoundException",)
_ENCRYPTION = same("encryptionType", "kmsKey")
_SCANNING = same("scanOnPush")
_EXCLUSION = same("filter", "filterType")
_MUTABILITIES = ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")


# --- repositories ---


def _create_repository(context: Context, inputs: Props) -> str:
    request: dict[str, Any] = {
        "repositoryName": inputs["name"],
        "imageTagMutability": inputs.get("imageTagMutability") or "MUTABLE",
        "tags": tag_list(inputs.get("tagsAll")),
    }
    encryptions = inputs.get("encryptionConfigurations")
    if encryptions:
        request["encryptionConfiguration"] = to_service(_ENCRYPTION, encryptions[0])
    if inputs.get("imageScanningConfiguration"):
        request["imageScanningConfiguration"] = to_service(_SCANNING, inputs["imageScanningConfiguration"])
    if inputs.get("imageTagMutabilityExclusionFilters"):
        request["imageTagMutabilityExclusionFilters"] = [
            to_service(_EXCLUSION, entry) for entry in inputs["imageTagMutabilityExclusionFilters"]
        ]
    return str(context.client("ecr").create_repository(**request)["repository"]["repositoryName"])


def _read_repository(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("ecr")
    answer = found_or_none(lambda: client.describe_repositories(repositoryNames=[name]), *_ABSENT)
    if answer is None:
        return None
    [repository] = answer["repositories"]
    arn = repository["repositoryArn"]
    read: Props = {
        "name": repository["repositoryName"],
        "arn": arn,
        "registryId": repository["registryId"],
        "repositoryUrl": repository["repositoryUri"],
        "imageTagMutability": repository["imageTagMutability"],
        "imageScanningConfiguration": from_service(
            _SCANNING, repository.get("imageScanningConfiguration", {"scanOnPush": False})
        ),
        "encryptionConfigurations": [
            {
                "kmsKey": "",
                **from_service(_ENCRYPTION, repository.get("encryptionConfiguration", {"encryptionType": "AES256"})),
            }
        ],
        "imageTagMutabilityExclusionFilters": [
            from_service(_EXCLUSION, entry) for entry in repository.get("imageTagMutabilityExclusionFilters", ())
        ],
        "tagsAll": tag_map(client.list_tags_for_resource(resourceArn=arn).get("tags")),
    }
    return read


def _update_repository(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("ecr")
    if context.changed & {"imageTagMutability", "imageTagMutabilityExclusionFilters"}:
        filters = new.get("imageTagMutabilityExclusionFilters") or ()
        more = (
            {"imageTagMutabilityExclusionFilters": [to_service(_EXCLUSION, entry) for entry in filters]}
            if filters
            else {}
        )
        client.put_image_tag_mutability(
            repositoryName=name, imageTagMutability=new.get("imageTagMutability") or "MUTABLE", **more
        )
    if "imageScanningConfiguration" in context.changed:
        scanning = new.get("imageScanningConfiguration") or {"scanOnPush": False}
        client.put_image_scanning_configuration(
            repositoryName=name, imageScanningConfiguration=to_service(_SCANNING, scanning)
        )
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(resourceArn=old["arn"], tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(resourceArn=old["arn"], tagKeys=keys),
    )


def _delete_repository(context: Context, name: str, state: Props) -> None:
    client = context.client("ecr")
    try:
        client.delete_repository(repositoryName=name, force=bool(state.get("forceDelete")))
    except Exception as error:
        if code_of(error) == "RepositoryNotEmptyException":
            raise ProviderError(f"ECR Repository ({name}) not empty, consider using force_delete: {error}") from error
        raise


# --- lifecycle and repository policies ---


def _put_lifecycle(context: Context, inputs: Props) -> str:
    policy = json_text(inputs["policy"])
    context.client("ecr").put_lifecycle_policy(repositoryName=inputs["repository"], lifecyclePolicyText=policy)
    return str(inputs["repository"])


def _read_lifecycle(context: Context, repository: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("ecr").get_lifecycle_policy(repositoryName=repository),
        *_ABSENT,
        "LifecyclePolicyNotFoundException",
    )
    if answer is None:
        return None
    return {
        "repository": answer["repositoryName"],
        "registryId": answer["registryId"],
        "policy": answer["lifecyclePolicyText"],
    }


def _delete_lifecycle(context: Context, repository: str, state: Props) -> None:
    context.client("ecr").delete_lifecycle_policy(repositoryName=repository)


def _put_policy(context: Context, inputs: Props) -> str:
    context.client("ecr").set_repository_policy(
        repositoryName=inputs["repository"], policyText=json_text(inputs["policy"])
    )
    return str(inputs["repository"])


def _update_policy(context: Context, repository: str, old: Props, new: Props) -> None:
    _put_policy(context, new)


def _read_policy(context: Context, repository: str, known: Props) -> Props | None:
    answer = found_or_none(
        lambda: context.client("ecr").get_repository_policy(repositoryName=repository),
        *_ABSENT,
        "RepositoryPolicyNotFoundException",
    )
    if answer is None:
        return None
    return {"repository": answer["repositoryName"], "registryId": answer["registryId"], "policy": answer["policyText"]}


def _delete_policy(context: Context, repository: str, state: Props) -> None:
    context.client("ecr").delete_repository_policy(repositoryName=repository)


# --- look-ups ---


def _get_authorization_token(context: Context, arguments: Props) -> Props:
    request = {"registryIds": [arguments["registryId"]]} if arguments.get("registryId") else {}
    [data] = context.client("ecr").get_authorization_token(**request)["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return {
        "authorizationToken": data["authorizationToken"],
        "expiresAt": rfc3339(data["expiresAt"]),
        "id": context.region,
        "password": password,
        "proxyEndpoint": data["proxyEndpoint"],
        "region": context.region,
        "registryId": arguments.get("registryId"),
        "userName": user,
    }


def _get_image(context: Context, arguments: Props) -> Props:
    client = context.client("ecr")
    name = arguments["repositoryName"]
    wanted = {key: arguments[key] for key in ("imageDigest", "imageTag") if arguments.get(key)}
    if not wanted and not arguments.get("mostRecent"):
        raise ProviderError("one of `image_digest,image_tag,most_recent` must be specified")
    repository = client.describe_repositories(repositoryNames=[name])["repositories"][0]
    request: dict[str, Any] = {"repositoryName": name, **({"imageIds": [wanted]} if wanted else {})}
    pages = client.get_paginator("describe_images").paginate(**request)
    images = [image for page in pages for image in page["imageDetails"]]
    if not images:
        raise ProviderError(f"no matching ECR Image found in repository {name}")
    image = max(images, key=lambda details: details["imagePushedAt"])
    digest = image["imageDigest"]
    return {
        "id": digest,
        "imageDigest": digest,
        "imagePushedAt": int(image["imagePushedAt"].timestamp()),
        "imageSizeInBytes": image.get("imageSizeInBytes", 0),
        "imageTag": arguments.get("imageTag"),
        "imageTags": image.get("imageTags", []),
        "imageUri": f"{repository['repositoryUri']}@{digest}",
        "mostRecent": arguments.get("mostRecent"),
        "region": context.region,
        "registryId": repository["registryId"],
        "repositoryName": name,
    }


def _name_problem(name: str) -> str | None:
    if re.fullmatch(r"(?=.{2,256}$)[a-z0-9]+([._/-]?[a-z0-9]+)*", name):
        return None
    return (
        f"{name!r} is no name for ECR; allowed: 2–256 lower-case letters and digits, single ., _, - or / between them"
    )


def _mutability_problem(value: str) -> str | None:
    return (
        None
        if value in _MUTABILITIES
        else f"expected image_tag_mutability to be one of {list(_MUTABILITIES)}, got {value}"
    )


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:ecr/repository:Repository",
        label="ECR Repository",
        inputs=frozenset(
            {
                "encryptionConfigurations",
                "forceDelete",
                "imageScanningConfiguration",
                "imageTagMutability",
                "imageTagMutabilityExclusionFilters",
                "name",
            }
        ),
        outputs=frozenset({"arn", "registryId", "repositoryUrl"}),
        # both are read back also where the program doesn't mention them
        computed=frozenset({"encryptionConfigurations", "imageScanningConfiguration"}),
        defaults={"imageTagMutability": "MUTABLE"},
        auto_name=AutoName(unless=()),
        replace=frozenset({"name", "encryptionConfigurations"}),
        not_read=frozenset({"forceDelete"}),
        checks={"name": _name_problem, "imageTagMutability": _mutability_problem},
        tags=True,
        create=_create_repository,
        read=_read_repository,
        update=_update_repository,
        delete=_delete_repository,
    ),
    ResourceType(
        token="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        label="ECR Lifecycle Policy",
        inputs=frozenset({"repository", "policy"}),
        required=frozenset({"repository", "policy"}),
        outputs=frozenset({"registryId"}),
        replace=frozenset({"repository", "policy"}),
        delete_before_replace=True,
        json=frozenset({"policy"}),
        create=_put_lifecycle,
        read=_read_lifecycle,
        delete=_delete_lifecycle,
    ),
    ResourceType(
        token="aws:ecr/repositoryPolicy:RepositoryPolicy",
        label="ECR Repository Policy",
        inputs=frozenset({"repository", "policy"}),
        required=frozenset({"repository", "policy"}),
        outputs=frozenset({"registryId"}),
        replace=frozenset({"repository"}),
        policies=frozenset({"policy"}),
        create=_put_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
]
INVOKES: list[Invoke] = [
    Invoke(
        token="aws:ecr/getAuthorizationToken:getAuthorizationToken",
        call=_get_authorization_token,
        secret_results=frozenset({"authorizationToken", "password"}),
        service="ECR",
    ),
    Invoke(
        token="aws:ecr/getImage:getImage",
        call=_get_image,
        required=frozenset({"repositoryName"}),
        service="ECR",
    ),
]
