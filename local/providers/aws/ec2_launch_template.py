"""EC2: launch templates and their versions."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.calls import tag_list, tag_map
from local.providers.aws.ec2_common import arn, one, tag_specifications, tags_of, update_tags
from local.providers.aws.shapes import Field, Shape, block, blocks, drop_empty, from_service, pascal, to_service
from local.providers.framework import AutoName, Context, Plan, Props, ProviderError, ResourceType, name_prefix


def _flag(name: str) -> Field:
    """A switch that Pulumi keeps as text, so that "unset" differs from "false"."""
    return Field(
        name=name, encode=lambda value: str(value).lower() == "true", decode=lambda value: "true" if value else "false"
    )


_DATA: Final[Shape] = pascal(
    "disableApiStop",
    "disableApiTermination",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "kernelId",
    "keyName",
    "ramDiskId",
    "userData",
    blockDeviceMappings=blocks(
        "BlockDeviceMappings",
        pascal(
            "deviceName",
            "noDevice",
            "virtualName",
            ebs=block(
                "Ebs",
                pascal(
                    "iops",
                    "kmsKeyId",
                    "snapshotId",
                    "throughput",
                    "volumeSize",
                    "volumeType",
                    deleteOnTermination=_flag("DeleteOnTermination"),
                    encrypted=_flag("Encrypted"),
                ),
            ),
        ),
    ),
    cpuOptions=block("CpuOptions", pascal("amdSevSnp", "coreCount", "threadsPerCore")),
    creditSpecification=block("CreditSpecification", pascal("cpuCredits")),
    ebsOptimized=_flag("EbsOptimized"),
    iamInstanceProfile=block("IamInstanceProfile", pascal("arn", "name")),
    instanceMarketOptions=block(
        "InstanceMarketOptions",
        pascal(
            "marketType",
            spotOptions=block(
                "SpotOptions",
                pascal(
                    "blockDurationMinutes", "instanceInterruptionBehavior", "maxPrice", "spotInstanceType", "validUntil"
                ),
            ),
        ),
    ),
    metadataOptions=block(
        "MetadataOptions",
        pascal("httpEndpoint", "httpProtocolIpv6", "httpPutResponseHopLimit", "httpTokens", "instanceMetadataTags"),
    ),
    monitoring=block("Monitoring", pascal("enabled")),
    networkInterfaces=blocks(
        "NetworkInterfaces",
        pascal(
            "description",
            "deviceIndex",
            "interfaceType",
            "networkCardIndex",
            "networkInterfaceId",
            "privateIpAddress",
            "subnetId",
            associatePublicIpAddress=_flag("AssociatePublicIpAddress"),
            deleteOnTermination=_flag("DeleteOnTermination"),
            securityGroups="Groups",
        ),
    ),
    placement=block(
        "Placement",
        pascal("affinity", "availabilityZone", "groupName", "hostId", "partitionNumber", "spreadDomain", "tenancy"),
    ),
    securityGroupNames="SecurityGroups",
    tagSpecifications=blocks(
        "TagSpecifications",
        pascal("resourceType", tags=Field(name="Tags", encode=tag_list, decode=tag_map)),
    ),
    vpcSecurityGroupIds="SecurityGroupIds",
)
# changes of these alone make no new version
_OUTSIDE: Final = frozenset({"name", "namePrefix", "description", "defaultVersion", "updateDefaultVersion"})


def _create(context: Context, inputs: Props) -> str:
    request: dict[str, Any] = {"LaunchTemplateName": context.physical_name(inputs)}
    if inputs.get("description"):
        request["VersionDescription"] = inputs["description"]
    answer = context.client("ec2").create_launch_template(
        **request,
        LaunchTemplateData=to_service(_DATA, inputs),
        TagSpecifications=tag_specifications("launch-template", inputs),
    )
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def _read(context: Context, template_id: str, known: Props) -> Props | None:
    ec2 = context.client("ec2")
    template = one(ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"])
    if template is None:
        return None
    latest = int(template["LatestVersionNumber"])
    answer = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=[str(latest)])
    version = answer["LaunchTemplateVersions"][0]
    given = dict(version.get("LaunchTemplateData", {}))
    # moto files the template's own tags among those of what it launches; AWS knows no such entry there
    specifications = given.get("TagSpecifications", [])
    given["TagSpecifications"] = [one for one in specifications if one.get("ResourceType") != "launch-template"]
    data = drop_empty(from_service(_DATA, given))
    return {
        **{key: None for key in _DATA if key not in data},
        **data,
        "arn": arn(context, "launch-template", template_id),
        "name": template["LaunchTemplateName"],
        "namePrefix": name_prefix(template["LaunchTemplateName"]),
        "description": version.get("VersionDescription", ""),
        "defaultVersion": int(template["DefaultVersionNumber"]),
        "latestVersion": latest,
        "tagsAll": tags_of(template),
    }


def _update(context: Context, template_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    latest = int(old["latestVersion"])
    if context.changed - (_OUTSIDE - {"description"}) - {"tags", "tagsAll"}:
        more = {"VersionDescription": new["description"]} if new.get("description") else {}
        answer = ec2.create_launch_template_version(
            LaunchTemplateId=template_id, LaunchTemplateData=to_service(_DATA, new), **more
        )
        latest = int(answer["LaunchTemplateVersion"]["VersionNumber"])
    wanted = latest if new.get("updateDefaultVersion") else new.get("defaultVersion")
    if wanted and int(wanted) != int(old["defaultVersion"]):
        ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(int(wanted)))
    update_tags(context, template_id, old, new)


def _delete(context: Context, template_id: str, state: Props) -> None:
    context.client("ec2").delete_launch_template(LaunchTemplateId=template_id)


def _plan(plan: Plan) -> None:
    if plan.changed - _OUTSIDE:
        plan.recompute("latestVersion")
        if plan.new.get("updateDefaultVersion"):
            plan.recompute("defaultVersion")


def _name_problem(name: str) -> str | None:
    return None if 3 <= len(name) <= 128 else f"name {name!r} has {len(name)} characters; allowed: 3–128"


def _import_id(context: Context, text: str) -> tuple[str, Props]:
    if not text.startswith("lt-"):
        raise ProviderError(f"unexpected format of import ID ({text}), expected a launch template's id (lt-…)")
    return text, {}


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/launchTemplate:LaunchTemplate",
        label="EC2 LaunchTemplate",
        inputs=frozenset({"name", "namePrefix", "description", "defaultVersion", "updateDefaultVersion", *_DATA}),
        computed=frozenset({"namePrefix", "defaultVersion"}),
        outputs=frozenset({"arn", "latestVersion"}),
        auto_name=AutoName(),
        at_most_one_of=(("name", "namePrefix"), ("defaultVersion", "updateDefaultVersion")),
        checks={"name": _name_problem},
        replace=frozenset({"name", "namePrefix"}),
        sets=frozenset({"vpcSecurityGroupIds", "securityGroupNames", "networkInterfaces.securityGroups"}),
        maps=frozenset({"tagSpecifications.tags"}),
        not_read=frozenset({"updateDefaultVersion"}),
        plan=_plan,
        import_id=_import_id,
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    )
]
