"""Provider plugins from tables: describe a resource type and write four functions; the framework does the rest.

An example, whole:

    QUEUE = ResourceType(
        token="aws:sqs/queue:Queue",
        label="SQS Queue",                      # words of errors: "creating SQS Queue (name): operation error SQS: …"
        inputs=frozenset({"name", "namePrefix", "delaySeconds", "policy"}),
        defaults={"delaySeconds": 0},           # filled in by check and remembered
        auto_name=AutoName(max_length=80),      # name-<7 hex>, stable from then on
        computed=frozenset({"policy"}),         # unset = the service's own: never a difference
        outputs=frozenset({"arn", "url"}),      # unknown in previews
        replace=frozenset({"name", "namePrefix"}),
        policies=frozenset({"policy"}),         # compared as IAM does
        tags=True,                              # adds tags, tagsAll (= defaultTags + tags)
        create=create, read=read, update=update, delete=delete,
    )

    def create(context: Context, inputs: Props) -> str:      # → the id
        sqs = context.client("sqs")
        url = sqs.create_queue(QueueName=context.physical_name(inputs), tags=inputs["tagsAll"])["QueueUrl"]
        context.created(url)                                 # a failure from here on keeps the object
        …                                                    # second calls, context.wait("…", probe)
        return url

    def read(context: Context, queue_id: str, known: Props) -> Props | None:
        …                                                    # inputs as read back + outputs + tagsAll; None: gone

    def update(context: Context, queue_id: str, old: Props, new: Props) -> None:    # old state, new inputs
    def delete(context: Context, queue_id: str, state: Props) -> None:

A "not found" error of the service may be raised in `read` (gone) and `delete` (success).
After create and update the framework calls `read` and keeps what it answers. Rules of `read`: leave out what the
service doesn't tell (`forceDestroy`; name it in `not_read` too), answer None for a property to drop it from the state,
"" or [] for "not set". `known` is the state so far (in an import: only what `import_id` gave). Where the answer means
the same as what was asked for (JSON, sets, "8" and 8), the asked-for form is kept. `read` may answer another "id".

Differences: new inputs against the old state. "", [], {}, 0, False and missing are the same; unset `computed` inputs
never differ; keys of blocks nobody asked for are the service's; `maps` (free keys, such as tags) are compared whole.
`plan` is for what a table can't say: `plan.touches("a.b")`, `plan.replace_on("a")`, `plan.drop("a")`,
`plan.recompute("arn")`, `plan.fail("…")`; `plan.old` is {} and `plan.creating` true for a creation; values may be
UNKNOWN.
"""

from local.providers.framework.context import Context, name_prefix
from local.providers.framework.errors import ProviderError, code_of, is_gone
from local.providers.framework.plan import Plan
from local.providers.framework.resource_type import AutoName, Invoke, Props, Provider, ResourceType
from local.providers.framework.values import UNKNOWN, Asset, holds_unknown

__all__ = [
    "UNKNOWN",
    "Asset",
    "AutoName",
    "Context",
    "Invoke",
    "Plan",
    "Props",
    "Provider",
    "ProviderError",
    "ResourceType",
    "code_of",
    "holds_unknown",
    "is_gone",
    "name_prefix",
]
