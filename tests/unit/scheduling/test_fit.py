"""Where a job fits, and the sentence when it fits nowhere."""

from __future__ import annotations

import pytest

from scheduling.catalog import FARGATE, INSTANCE_TYPES, UnknownInstanceType, families, instance_type, resolve
from scheduling.fit import Fit, NoFit, Request, check_fit
from scheduling.model import Environment

SPOT = Environment(name="spot", kind="ec2-spot", instance_types=("m5.large",), max_vcpus=4)
FARGATE_ENVIRONMENT = Environment(name="fargate", kind="fargate", max_vcpus=4)


def test_the_memory_aws_documents_is_the_memory_used() -> None:
    assert instance_type("m4.large").usable_memory_mib == 7985
    assert instance_type("r5d.xlarge").usable_memory_mib == 31672


def test_no_instance_gives_all_its_memory_to_jobs() -> None:
    assert all(0 < kind.usable_memory_mib < kind.memory_mib for kind in INSTANCE_TYPES.values())


def test_families_and_groups_stand_for_their_types() -> None:
    assert resolve("m5") == families["m5"]
    assert {kind.family for kind in resolve("optimal")} == {"m4", "c4", "r4"}


def test_an_unknown_type_names_its_neighbours() -> None:
    with pytest.raises(UnknownInstanceType, match=r"'m5\.larg' is not in the catalogue; did you mean m5\.large"):
        instance_type("m5.larg")


def test_fits_in_the_environments_given_in_their_order() -> None:
    on_demand = Environment(name="on-demand", kind="ec2-on-demand", instance_types=("m5",), max_vcpus=16)
    small = Request(vcpus=1, memory_mib=512)
    assert check_fit(small, [SPOT, on_demand]) == Fit(environments=("spot", "on-demand"), instance_type="m5.large")
    large = Request(vcpus=8, memory_mib=512)
    assert check_fit(large, [SPOT, on_demand]) == Fit(environments=("on-demand",), instance_type="m5.2xlarge")


def test_a_whole_instances_memory_fits_no_instance() -> None:
    answer = check_fit(Request(vcpus=1, memory_mib=8192), [SPOT])
    assert isinstance(answer, NoFit)
    assert str(answer) == (
        "asked for 1 vCPU, 8192 MiB; the largest there is spot: m5.large with 2 vCPU, 7885 MiB usable of 8192; "
        "ask for less, add a larger instance type to an environment (and to its max_vcpus), or choose another queue"
    )
    assert answer.code == "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"


def test_more_vcpus_than_any_environment_may_have() -> None:
    answer = check_fit(Request(vcpus=5, memory_mib=512), [SPOT])
    assert isinstance(answer, NoFit)
    assert answer.code == "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
    assert answer.remedy == "ask for fewer vCPUs, or raise max_vcpus of an environment"


def test_fargate_takes_only_its_grid() -> None:
    assert isinstance(check_fit(Request(vcpus=0.25, memory_mib=512), [FARGATE_ENVIRONMENT]), Fit)
    answer = check_fit(Request(vcpus=1, memory_mib=512), [FARGATE_ENVIRONMENT])
    assert isinstance(answer, NoFit)
    assert answer.largest == "fargate: 1 vCPU with 2048–8192 in steps of 1024 MiB"


def test_a_disabled_environment_still_counts_as_a_place() -> None:
    off = Environment(name="off", kind="ec2-spot", instance_types=("m5.large",), max_vcpus=4, enabled=False)
    assert isinstance(check_fit(Request(vcpus=1, memory_mib=512), [off]), Fit)


def test_a_queue_without_environments() -> None:
    answer = check_fit(Request(vcpus=1, memory_mib=512), [])
    assert isinstance(answer, NoFit)
    assert answer.remedy == "give the queue a compute environment"


def test_fargates_grid_is_ascending() -> None:
    assert list(FARGATE) == sorted(FARGATE)
    assert all(list(sizes) == sorted(sizes) for sizes in FARGATE.values())
