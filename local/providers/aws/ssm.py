"""SSM: parameters."""

from __future__ import annotations

from collections.abc import Iterable

from local.providers.aws.calls import changed, found_or_none, retag, tag_list, tag_map
from local.providers.aws.shapes import drop_empty, from_service, pascal, to_service
from local.providers.framework import AutoName, Context, Invoke, Plan, Props, ResourceType

_ABSENT = ("ParameterNotFound",)
_VALUES = ("value", "insecureValue", "valueWo")
_TYPES = ("String", "StringList", "SecureString")
_REQUEST = pascal("allowedPattern", "dataType", "description", "keyId", "name", "tier", "type")


def _create(context: Context, inputs: Props) -> str:
    _put(context, inputs, overwrite=bool(inputs.get("overwrite")))
    context.created(str(inputs["name"]))
    client = context.client("ssm")
    if inputs.get("tagsAll"):
        # not in PutParameter itself: the service refuses tags together with an overwrite
        client.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=inputs["name"], Tags=tag_list(inputs["tagsAll"])
        )
    return str(inputs["name"])


def _put(context: Context, inputs: Props, *, overwrite: bool) -> None:
    [value] = [inputs[key] for key in _VALUES if inputs.get(key) is not None]
    request = drop_empty(to_service(_REQUEST, inputs))
    if inputs["type"] != "SecureString":
        request.pop("KeyId", None)
    context.client("ssm").put_parameter(**request, Value=value, Overwrite=overwrite)


def _read(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("ssm")
    answer = found_or_none(lambda: client.get_parameter(Name=name, WithDecryption=True), *_ABSENT)
    if answer is None:
        return None
    parameter = answer["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    [details] = client.describe_parameters(ParameterFilters=filters)["Parameters"]
    read: Props = {
        "allowedPattern": "",
        "description": "",
        "keyId": "",
        **from_service(_REQUEST, details),
        "name": parameter["Name"],
        "type": parameter["Type"],
        "dataType": parameter.get("DataType", "text"),
        "arn": parameter["ARN"],
        "version": parameter["Version"],
        "hasValueWo": known.get("valueWo") is not None,
        "tagsAll": tag_map(client.list_tags_for_resource(ResourceType="Parameter", ResourceId=name).get("TagList")),
    }
    if known.get("insecureValue") is not None and parameter["Type"] != "SecureString":
        read["insecureValue"] = parameter["Value"]
        read["value"] = parameter["Value"]
    elif known.get("valueWo") is None:
        read["value"] = parameter["Value"]
    return read


def _update(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("ssm")
    if changed(old, new, *_VALUES, "valueWoVersion", "type", "description", "keyId", "allowedPattern", "tier"):
        # on update the plugin overwrites unless it is told not to
        _put(context, new, overwrite=new.get("overwrite") is not False)
    retag(
        old,
        new,
        add=lambda tags: client.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tag_list(tags)),
        remove=lambda keys: client.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=keys),
    )


def _delete(context: Context, name: str, state: Props) -> None:
    context.client("ssm").delete_parameter(Name=name)


def _problems(inputs: Props) -> Iterable[str]:
    if inputs.get("type") not in _TYPES:
        yield f"expected type to be one of {list(_TYPES)}, got {inputs.get('type')}"
    if inputs.get("type") == "SecureString" and inputs.get("insecureValue") is not None:
        yield "invalid configuration, `insecure_value` can't be set for a SecureString"


def _plan(plan: Plan) -> None:
    if plan.creating:
        return
    before, after = plan.old.get("tier"), plan.new.get("tier")
    if after == "Intelligent-Tiering":
        plan.drop("tier")  # the service chooses: whatever it chose is right
    elif before == "Advanced" and after == "Standard":
        plan.replace_on("tier")
    if plan.touches("value", "insecureValue", "valueWoVersion", "description"):
        plan.recompute("version")


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:ssm/parameter:Parameter",
        label="SSM Parameter",
        inputs=frozenset(
            {
                "allowedPattern",
                "arn",
                "dataType",
                "description",
                "insecureValue",
                "keyId",
                "name",
                "overwrite",
                "tier",
                "type",
                "value",
                "valueWo",
                "valueWoVersion",
            }
        ),
        required=frozenset({"type"}),
        outputs=frozenset({"version", "hasValueWo"}),
        computed=frozenset({"arn", "dataType", "keyId", "tier", "value"}),
        auto_name=AutoName(unless=()),
        replace=frozenset({"name", "dataType"}),
        one_of=(_VALUES,),
        not_read=frozenset({"overwrite", "valueWo", "valueWoVersion"}),
        secret_outputs=frozenset({"value", "valueWo"}),
        problems=_problems,
        plan=_plan,
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
]
INVOKES: list[Invoke] = []
