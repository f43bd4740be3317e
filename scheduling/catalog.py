"""What AWS sells to run jobs on: EC2 instance types and Fargate's sizes.

Sources: EC2 instance type pages and the Fargate table of botocore's `batch` ResourceRequirement (1.44.5), read 2026-11.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ARM64 = "arm64"
X86_64 = "x86_64"

# The ECS agent keeps 32 MiB, kernel and platform about 3 %. AWS documents two instances, and the share below is no more
# generous than either (Batch user guide, memory-management; ECS developer guide, ECS container instance events).
_AGENT_RESERVE_MIB = 32
_USABLE_SHARE = 0.9665
_MEASURED_USABLE_MIB = {"m4.large": 7985, "r5d.xlarge": 31672}

# size -> vCPUs of the regular series
_SIZES = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "9xlarge": 36,
    "10xlarge": 40,
    "12xlarge": 48,
    "16xlarge": 64,
    "18xlarge": 72,
    "24xlarge": 96,
    "32xlarge": 128,
    "48xlarge": 192,
}
_GENERATION_5 = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
_GENERATION_6_INTEL = (*_GENERATION_5, "32xlarge")
_GENERATION_7 = (*_GENERATION_5, "48xlarge")
_GRAVITON = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_COMPUTE_5 = ("large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge")

# family -> (architecture, MiB per vCPU, sizes)
_SERIES: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "m4": (X86_64, 4096, ("large", "xlarge", "2xlarge", "4xlarge", "10xlarge", "16xlarge")),
    "m5": (X86_64, 4096, _GENERATION_5),
    "m5a": (X86_64, 4096, _GENERATION_5),
    "m5d": (X86_64, 4096, _GENERATION_5),
    "m6a": (X86_64, 4096, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "m6i": (X86_64, 4096, _GENERATION_6_INTEL),
    "m7a": (X86_64, 4096, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "m7i": (X86_64, 4096, _GENERATION_7),
    "m6g": (ARM64, 4096, _GRAVITON),
    "m7g": (ARM64, 4096, _GRAVITON),
    "c5": (X86_64, 2048, _COMPUTE_5),
    "c5a": (X86_64, 2048, _GENERATION_5),
    "c6a": (X86_64, 2048, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "c6i": (X86_64, 2048, _GENERATION_6_INTEL),
    "c7a": (X86_64, 2048, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "c7i": (X86_64, 2048, _GENERATION_7),
    "c6g": (ARM64, 2048, _GRAVITON),
    "c7g": (ARM64, 2048, _GRAVITON),
    "r5": (X86_64, 8192, _GENERATION_5),
    "r5a": (X86_64, 8192, _GENERATION_5),
    "r5d": (X86_64, 8192, _GENERATION_5),
    "r6a": (X86_64, 8192, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "r6i": (X86_64, 8192, _GENERATION_6_INTEL),
    "r7a": (X86_64, 8192, (*_GENERATION_5, "32xlarge", "48xlarge")),
    "r7i": (X86_64, 8192, _GENERATION_7),
    "r6g": (ARM64, 8192, _GRAVITON),
    "r7g": (ARM64, 8192, _GRAVITON),
}

# families that follow no rule: name -> (architecture, vCPUs, MiB, GPUs)
_SINGLES: dict[str, tuple[str, int, int, int]] = {
    "c4.large": (X86_64, 2, 3840, 0),
    "c4.xlarge": (X86_64, 4, 7680, 0),
    "c4.2xlarge": (X86_64, 8, 15360, 0),
    "c4.4xlarge": (X86_64, 16, 30720, 0),
    "c4.8xlarge": (X86_64, 36, 61440, 0),
    "r4.large": (X86_64, 2, 15616, 0),
    "r4.xlarge": (X86_64, 4, 31232, 0),
    "r4.2xlarge": (X86_64, 8, 62464, 0),
    "r4.4xlarge": (X86_64, 16, 124928, 0),
    "r4.8xlarge": (X86_64, 32, 249856, 0),
    "r4.16xlarge": (X86_64, 64, 499712, 0),
    "t3.micro": (X86_64, 2, 1024, 0),
    "t3.small": (X86_64, 2, 2048, 0),
    "t3.medium": (X86_64, 2, 4096, 0),
    "t3.large": (X86_64, 2, 8192, 0),
    "t3.xlarge": (X86_64, 4, 16384, 0),
    "t3.2xlarge": (X86_64, 8, 32768, 0),
    "m7g.medium": (ARM64, 1, 4096, 0),
    "m6g.medium": (ARM64, 1, 4096, 0),
    "c7g.medium": (ARM64, 1, 2048, 0),
    "c6g.medium": (ARM64, 1, 2048, 0),
    "r7g.medium": (ARM64, 1, 8192, 0),
    "r6g.medium": (ARM64, 1, 8192, 0),
    "g4dn.xlarge": (X86_64, 4, 16384, 1),
    "g4dn.2xlarge": (X86_64, 8, 32768, 1),
    "g4dn.4xlarge": (X86_64, 16, 65536, 1),
    "g4dn.8xlarge": (X86_64, 32, 131072, 1),
    "g4dn.12xlarge": (X86_64, 48, 196608, 4),
    "g4dn.16xlarge": (X86_64, 64, 262144, 1),
    "g5.xlarge": (X86_64, 4, 16384, 1),
    "g5.2xlarge": (X86_64, 8, 32768, 1),
    "g5.4xlarge": (X86_64, 16, 65536, 1),
    "g5.8xlarge": (X86_64, 32, 131072, 1),
    "g5.12xlarge": (X86_64, 48, 196608, 4),
    "g5.16xlarge": (X86_64, 64, 262144, 1),
    "g5.24xlarge": (X86_64, 96, 393216, 4),
    "g5.48xlarge": (X86_64, 192, 786432, 8),
    "p3.2xlarge": (X86_64, 8, 62464, 1),
    "p3.8xlarge": (X86_64, 32, 249856, 4),
    "p3.16xlarge": (X86_64, 64, 499712, 8),
}

# Batch's own words for "any of these families" (botocore batch ComputeResource.instanceTypes)
_GROUPS = {
    "optimal": ("m4", "c4", "r4"),
    "default_x86_64": ("m6i", "c6i", "r6i", "c7i"),
    "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
}


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One EC2 instance type."""

    name: str
    vcpus: int
    # what the type is sold with
    memory_mib: int
    # what Batch can give to jobs of it
    usable_memory_mib: int
    architecture: str
    gpus: int = 0

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


class UnknownInstanceType(ValueError):
    """Neither an instance type, a family nor a group that this catalogue holds."""

    def __init__(self, name: str) -> None:
        self.name = name
        near = difflib.get_close_matches(name, [*INSTANCE_TYPES, *families, *_GROUPS], n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; families known: {', '.join(sorted(families))}"
        super().__init__(f"instance type {name!r} is not in the catalogue{hint}")


def usable_memory_mib(name: str, memory_mib: int) -> int:
    """Memory an instance registers for jobs, MiB: documented where AWS documents it, else a cautious estimate."""
    measured = _MEASURED_USABLE_MIB.get(name)
    return measured if measured is not None else int(memory_mib * _USABLE_SHARE) - _AGENT_RESERVE_MIB


def _build() -> dict[str, InstanceType]:
    rows = dict(_SINGLES)
    for family, (architecture, mib_per_vcpu, sizes) in _SERIES.items():
        for size in sizes:
            vcpus = _SIZES[size]
            rows[f"{family}.{size}"] = (architecture, vcpus, int(vcpus * mib_per_vcpu), 0)
    return {
        name: InstanceType(
            name=name,
            vcpus=vcpus,
            memory_mib=memory_mib,
            usable_memory_mib=usable_memory_mib(name, memory_mib),
            architecture=architecture,
            gpus=gpus,
        )
        for name, (architecture, vcpus, memory_mib, gpus) in rows.items()
    }


def _size_order(kind: InstanceType) -> tuple[int, int, int, str]:
    return (kind.gpus, kind.vcpus, kind.memory_mib, kind.name)


INSTANCE_TYPES: Mapping[str, InstanceType] = MappingProxyType(_build())

# family -> its types, smallest first
families: Mapping[str, tuple[InstanceType, ...]] = MappingProxyType(
    {
        family: tuple(sorted((kind for kind in INSTANCE_TYPES.values() if kind.family == family), key=_size_order))
        for family in sorted({kind.family for kind in INSTANCE_TYPES.values()})
    }
)


def instance_type(name: str) -> InstanceType:
    """The type of that exact name (`m5.large`). Raises UnknownInstanceType."""
    try:
        return INSTANCE_TYPES[name]
    except KeyError:
        raise UnknownInstanceType(name) from None


def resolve(name: str) -> tuple[InstanceType, ...]:
    """The types a compute environment's entry stands for, smallest first: a type, a family (`m5`), a group (`optimal`).

    Raises UnknownInstanceType.
    """
    if name in INSTANCE_TYPES:
        return (INSTANCE_TYPES[name],)
    if name in families:
        return families[name]
    if name in _GROUPS:
        return tuple(sorted((kind for family in _GROUPS[name] for kind in families[family]), key=_size_order))
    raise UnknownInstanceType(name)


def resolve_all(names: tuple[str, ...]) -> tuple[InstanceType, ...]:
    """Every type the entries stand for, once each, smallest first (types without GPUs before those with)."""
    return tuple(sorted({kind.name: kind for name in names for kind in resolve(name)}.values(), key=_size_order))


# vCPUs -> memory sizes in MiB a Fargate job may ask for with them
FARGATE: Mapping[float, tuple[int, ...]] = MappingProxyType(
    {
        0.25: (512, 1024, 2048),
        0.5: (1024, 2048, 3072, 4096),
        1.0: tuple(range(2048, 8192 + 1, 1024)),
        2.0: tuple(range(4096, 16384 + 1, 1024)),
        4.0: tuple(range(8192, 30720 + 1, 1024)),
        8.0: tuple(range(16384, 61440 + 1, 4096)),
        16.0: tuple(range(32768, 122880 + 1, 8192)),
        32.0: (61440, 122880, 249856),
    }
)
