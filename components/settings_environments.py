"""Settings of compute environments: managed ones, and clusters that somebody else fills with instances."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from jobs.spec.base import AsTuple, Hint, Strict, refuse

ComputeEnvironmentKind = Literal["ec2-spot", "ec2-on-demand", "ec2-unmanaged", "fargate", "fargate-spot"]
AllocationStrategy = Literal["BEST_FIT_PROGRESSIVE", "SPOT_CAPACITY_OPTIMIZED", "SPOT_PRICE_CAPACITY_OPTIMIZED"]


class ComputeEnvironmentSettings(Strict):
    """One compute environment. All allocation strategies offered can be updated in place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "fargate", "max_vcpus": 16}]})

    kind: ComputeEnvironmentKind = Field(examples=["ec2-spot"])
    """Where its capacity comes from."""
    max_vcpus: Annotated[
        int | None,
        Field(ge=1, le=100_000, examples=[16]),
        Hint(allowed="max_vcpus is a whole number from 1 to 100,000", remedy="write the most vCPUs it may run at once"),
    ] = None
    """Most vCPUs at once; Batch may exceed it by one instance. Required, but for ec2-unmanaged."""
    min_vcpus: Annotated[
        int,
        Field(ge=0, le=100_000),
        Hint(allowed="min_vcpus is a whole number from 0 up", remedy="0 costs nothing while no job runs"),
    ] = 0
    """vCPUs kept running without jobs; EC2 only."""
    instance_types: Annotated[
        tuple[
            Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)?$", max_length=40)], ...
        ],
        AsTuple,
        Hint(
            allowed="instance types are a list like [m7i.large, c7i.xlarge]", remedy="write names of types or families"
        ),
    ] = ()
    """Instance types or families; EC2 only."""
    allocation_strategy: AllocationStrategy | None = None
    """Left out: price-capacity-optimized for spot, best-fit-progressive for on-demand."""
    bid_percentage: Annotated[
        int | None,
        Field(ge=1, le=100),
        Hint(allowed="bid_percentage is 1–100", remedy="leave it out: the on-demand price is the cap by default"),
    ] = None
    """Highest spot price in percent of on-demand; spot only."""
    architecture: Literal["x86_64", "arm64"] | None = None
    """Of the processors that somebody registers; ec2-unmanaged only. Left out: x86_64."""

    @property
    def is_fargate(self) -> bool:
        return self.kind in ("fargate", "fargate-spot")

    @property
    def is_spot(self) -> bool:
        return self.kind in ("ec2-spot", "fargate-spot")

    @property
    def is_unmanaged(self) -> bool:
        """Whether its instances are somebody else's: Batch makes the ECS cluster and boots nothing."""
        return self.kind == "ec2-unmanaged"

    @property
    def boots_instances(self) -> bool:
        """Whether Batch boots EC2 instances for it."""
        return not self.is_fargate and not self.is_unmanaged

    def _nothing_managed(self) -> None:
        managed = ("max_vcpus", "min_vcpus", "instance_types", "allocation_strategy", "bid_percentage")
        given = [name for name in managed if getattr(self, name)]
        if given:
            raise refuse(
                f"{self.kind} with {', '.join(given)}",
                "Batch boots nothing there, so it takes only kind and architecture",
                f"remove {', '.join(given)}",
                about=("kind", *given),
            )

    @model_validator(mode="after")
    def _fields_of_its_kind(self) -> ComputeEnvironmentSettings:
        if self.is_unmanaged:
            self._nothing_managed()
            return self
        if self.architecture is not None:
            raise refuse(
                f"{self.architecture} with {self.kind}",
                "managed instances have the architecture of their types, Fargate that of its jobs",
                "remove it",
                key=("architecture",),
                about=("kind", "architecture"),
            )
        if self.max_vcpus is None:
            raise refuse(
                "missing",
                "a managed environment has a limit",
                "add max_vcpus: 16",
                key=("max_vcpus",),
                about=("kind", "max_vcpus"),
            )
        ec2_only = ("instance_types", "allocation_strategy", "bid_percentage", "min_vcpus")
        given = [name for name in ec2_only if getattr(self, name)]
        if self.is_fargate and given:
            raise refuse(
                f"{self.kind} with {', '.join(given)}",
                "Fargate takes only kind and max_vcpus",
                f"remove {', '.join(given)}",
                about=("kind",),
            )
        if not self.is_fargate and not self.instance_types:
            raise refuse(
                f"{self.kind} without instance_types",
                "an EC2 environment names its types",
                "add instance_types: [m7i.large]",
                about=("kind", "instance_types"),
            )
        if self.min_vcpus > self.max_vcpus:
            raise refuse(
                f"{self.min_vcpus} with max_vcpus {self.max_vcpus}",
                "min_vcpus is at most max_vcpus",
                "lower min_vcpus",
                key=("min_vcpus",),
                about=("min_vcpus", "max_vcpus"),
            )
        if self.bid_percentage is not None and not self.is_spot:
            raise refuse(
                str(self.bid_percentage),
                "only spot has a bid",
                "remove it, or write kind: ec2-spot",
                key=("bid_percentage",),
                about=("kind",),
            )
        if self.allocation_strategy is not None and self.allocation_strategy.startswith("SPOT_") and not self.is_spot:
            raise refuse(
                self.allocation_strategy,
                "on-demand takes BEST_FIT_PROGRESSIVE",
                "remove it, or write kind: ec2-spot",
                key=("allocation_strategy",),
                about=("kind",),
            )
        return self
