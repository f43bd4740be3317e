"""How a resource type is described: one table row, and four functions that talk to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from local.providers.framework.values import Properties

if TYPE_CHECKING:
    from local.providers.framework.context import Context
    from local.providers.framework.plan import Plan

Props = Properties
Kind = Literal["add", "update", "delete"]


@dataclass(frozen=True, kw_only=True)
class AutoName:
    """How a name is made when the program gives none: `<logical name>-<7 hex digits>`, kept from then on.

    `max_length` counts the suffix. `unless` are properties whose presence suppresses the automatic name (`namePrefix`).
    """

    property: str = "name"
    max_length: int = 255
    random: bool = True  # False: the logical name as it is
    lower: bool = False
    prefix: str = ""
    unless: tuple[str, ...] = ("namePrefix",)
    suffix: Callable[[Props], str] | None = None  # e.g. ".fifo" by another input


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One resource type of a provider. Property names are Pulumi's (camelCase).

    Sets of *paths* (`replace`, `sets`, `json`, …) hold property names, or dotted paths into nested blocks without list
    indices: `computeResources.subnets` is the property of the block, or of every block of a list.
    `region` (unless `regional` is False) and `tags`/`tagsAll` (if `tags`) are added by the framework.
    """

    token: str
    label: str  # the words of errors: "EC2 Subnet"; the first word is the service
    inputs: frozenset[str]  # every property a program may set, other than region, tags
    create: Callable[[Context, Props], str]  # inputs → id; call context.created(id) as soon as the object exists
    read: Callable[[Context, str, Props], Props | None]  # id, what is known → outputs; None when it is gone
    update: Callable[[Context, str, Props, Props], None] | None = (
        None  # id, old state, new inputs; None: never in place
    )
    delete: Callable[[Context, str, Props], None]  # id, state; "not there" may be raised, it is a success

    required: frozenset[str] = frozenset()
    computed: frozenset[str] = (
        frozenset()
    )  # inputs the service fills in when unset: no difference while they stay unset
    outputs: frozenset[str] = frozenset()  # what only the service sets; shown as not yet known in previews
    defaults: Mapping[str, Any] = field(default_factory=dict)  # filled in by check; top-level names only
    auto_name: AutoName | None = None

    replace: frozenset[str] = frozenset()  # paths whose change replaces the resource
    replace_on_count: frozenset[str] = frozenset()  # lists of blocks: a change in their number replaces
    delete_before_replace: bool = False
    explicit_name_deletes_first: bool = True  # False for what the official plugin builds on the Plugin Framework
    sets: frozenset[str] = frozenset()  # lists whose order means nothing
    json: frozenset[str] = frozenset()  # JSON text: compared by content; objects given are turned into text
    policies: frozenset[str] = frozenset()  # IAM policies: as json, and a one-element list equals its element
    maps: frozenset[str] = frozenset()  # objects with free keys: a key that is not asked for is a difference
    equal: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)  # path → (old, new) are equivalent
    secret_outputs: frozenset[str] = frozenset()
    not_read: frozenset[str] = frozenset()  # inputs no service answers (forceDestroy): an import takes their defaults
    fresh_on_update: frozenset[str] = frozenset()  # outputs any update changes: not yet known in its preview

    one_of: tuple[tuple[str, ...], ...] = ()  # exactly one of each group must be set
    at_most_one_of: tuple[tuple[str, ...], ...] = ()
    checks: Mapping[str, Callable[[Any], str | None]] = field(
        default_factory=dict
    )  # property → what is wrong with a known value
    problems: Callable[[Props], Iterable[str]] | None = None  # of all inputs, once all are known and none is missing
    prepare: Callable[[Props, Props], Props] | None = (
        None  # (checked inputs, old inputs) → the inputs to keep; may refuse
    )
    plan: Callable[[Plan], None] | None = None  # conditional replacement, plan-time errors, outputs that become unknown

    tags: bool = False
    regional: bool = True
    keeps_object_on_failure: bool = True  # False (Plugin Framework): an error after creation loses the object
    delete_timeout_s: float = 300.0
    busy_codes: frozenset[str] = frozenset()  # further error codes of delete that are worth another try
    import_id: Callable[[Context, str], tuple[str, Props]] | None = None  # import's text → (id, what read may know)

    @property
    def service(self) -> str:
        return self.label.split(" ", 1)[0]

    @cached_property
    def every_input(self) -> frozenset[str]:
        """All properties a program may set."""
        extra = {"region"} if self.regional else set()
        if self.tags:
            extra |= {"tags", "tagsAll"}
        return self.inputs | extra

    @cached_property
    def every_computed(self) -> frozenset[str]:
        return self.computed | ({"region"} if self.regional else set())

    @cached_property
    def every_replace(self) -> frozenset[str]:
        return self.replace | ({"region"} if self.regional else set())

    @cached_property
    def every_map(self) -> frozenset[str]:
        return self.maps | ({"tags", "tagsAll"} if self.tags else set())


@dataclass(frozen=True, kw_only=True)
class Invoke:
    """One function of a provider: `call(context, arguments)` gives the results."""

    token: str
    call: Callable[[Context, Props], Props]
    required: frozenset[str] = frozenset()
    secret_results: frozenset[str] = frozenset()
    service: str = ""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider plugin: its name, version and tables."""

    name: str
    version: str
    resources: tuple[ResourceType, ...]
    invokes: tuple[Invoke, ...]
    where: str  # where a missing type would be added, for the error that names the remedy
    needs_aws: bool = True
    ready: Callable[[], None] | None = None  # asked once, when the engine configures the plugin; ProviderError refuses

    @cached_property
    def types(self) -> Mapping[str, ResourceType]:
        return {resource.token: resource for resource in self.resources}

    @cached_property
    def functions(self) -> Mapping[str, Invoke]:
        return {invoke.token: invoke for invoke in self.invokes}
