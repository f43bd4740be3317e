"""What a job on Lambda may ask for. The word alone moves a job, so what Lambda hasn't got is refused, never passed
over."""

from __future__ import annotations

import json
import math
import re
from typing import Final

from jobs.conventions import LAMBDA_VCPU_MIB
from jobs.spec.found import Found, PlaceOf, problem_at
from jobs.spec.model import JobSpec
from jobs.spec.yaml_file import KeyPath

TIMEOUT_MAX_S: Final = 900
MEMORY_MIB: Final = (128, 10_240)
LEAST_VCPUS: Final = 0.25
"""What `vcpus` may say at any memory: the least the key takes."""
ATTEMPTS_MAX: Final = 3
"""Lambda tries an event at most twice again."""
ENVIRONMENT_MAX_BYTES: Final = 3_072
"""Lambda takes 4 KiB of variables in all; the rest is the platform's own."""
_SOURCE_BYTES: Final = 110
"""Of a secret in the function's environment beside both its names: its ARN and marks."""
_OTHER: Final = "write platform: fargate"
_RESERVED: Final = re.compile(
    r"_HANDLER|_X_AMZN_.*|AWS_LAMBDA_.*|LAMBDA_.*|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|TZ"
    r"|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN"
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+")


def vcpus_of(memory_mib: int) -> float:
    """vCPUs that a function of this memory has."""
    return memory_mib / LAMBDA_VCPU_MIB


def lambda_problems(spec: JobSpec, place_of: PlaceOf, bad: set[int | str]) -> list[Found]:
    """What keeps the job off Lambda; none for a job elsewhere. `bad` are fields that hold a mistake already."""
    if spec.platform != "lambda":
        return []
    found: list[tuple[KeyPath, str, str, str]] = []
    if spec.timeout_s > TIMEOUT_MAX_S:
        allowed = f"Lambda ends an attempt after {TIMEOUT_MAX_S} s"
        found.append((("timeout_s",), str(spec.timeout_s), allowed, f"write {TIMEOUT_MAX_S} or less, or {_OTHER}"))
    found += _resources(spec)
    if spec.retry.attempts > ATTEMPTS_MAX:
        allowed = "Lambda tries an event three times in all"
        found.append((("retry", "attempts"), str(spec.retry.attempts), allowed, f"write 1–3, or {_OTHER}"))
    if spec.retry.on_out_of_memory == "retry" and spec.retry.on_application_error == "fail":
        allowed = "Lambda doesn't tell the two apart: it tries again after any error or after none"
        remedy = "write on_application_error: retry too, or leave both out"
        found.append((("retry", "on_out_of_memory"), "retry beside on_application_error: fail", allowed, remedy))
    for key, given, what in (
        ("array", spec.array is not None, "array jobs"),
        ("isolated", spec.isolated.enabled, "place in the stage's network"),
        ("schedulable", spec.schedulable, "submissions, which users' schedules are"),
        ("share", spec.share is not None, "queues, and so no shares"),
        ("results", spec.results is not None, "id that a run's attempts share, which results would lie under"),
    ):
        if given:
            found.append(((key,), "given with platform: lambda", f"Lambda has no {what}", f"remove it, or {_OTHER}"))
    found += _environment(spec)
    return [problem_at(place_of, *one) for one in found if one[0][0] not in bad]


def _resources(spec: JobSpec) -> list[tuple[KeyPath, str, str, str]]:
    resources = spec.resources
    found: list[tuple[KeyPath, str, str, str]] = []
    least, most = MEMORY_MIB
    if resources.gpus:
        found.append((("resources", "gpus"), str(resources.gpus), "Lambda has no GPUs", "write platform: ec2"))
    if not least <= resources.memory_mib <= most:
        allowed = f"a function has {least}–{most:,} MiB"
        remedy = f"write a number in that range, or {_OTHER}"
        found.append((("resources", "memory_mib"), str(resources.memory_mib), allowed, remedy))
        return found
    if resources.vcpus > max(LEAST_VCPUS, vcpus_of(resources.memory_mib)):
        needed = math.ceil(resources.vcpus * LAMBDA_VCPU_MIB)
        given = f"{resources.memory_mib:,} MiB come with {vcpus_of(resources.memory_mib):.2f}"
        allowed = f"on Lambda memory brings the vCPUs, {LAMBDA_VCPU_MIB:,} MiB one: {given}"
        lower = f"{max(LEAST_VCPUS, int(vcpus_of(resources.memory_mib) * 100) / 100):g}"
        more = f"write memory_mib: {needed} or vcpus: {lower}" if needed <= most else f"write vcpus: {lower}"
        found.append((("resources", "vcpus"), resources.vcpus_text, allowed, f"{more}, or {_OTHER}"))
    return found


def _environment(spec: JobSpec) -> list[tuple[KeyPath, str, str, str]]:
    found: list[tuple[KeyPath, str, str, str]] = []
    for name in spec.environment:
        if _RESERVED.fullmatch(name) or not _NAME.fullmatch(name):
            allowed = "a function's variable is two or more letters, digits and _, first a letter, and not Lambda's own"
            found.append((("environment", name), "a name Lambda refuses", allowed, "rename it"))
    size = sum(len(text.encode()) for pair in spec.environment.items() for text in pair)
    size += len(json.dumps(spec.parameters).encode()) if spec.parameters else 0
    for variable, source in spec.secrets.items():
        size += _SOURCE_BYTES + len(variable) + len(source.secret or source.parameter or "") + len(source.key or "")
    if size > ENVIRONMENT_MAX_BYTES:
        allowed = f"Lambda leaves {ENVIRONMENT_MAX_BYTES:,} bytes for environment, parameters and names of secrets"
        got = f"{size:,} bytes with parameters and secrets"
        found.append((("environment",), got, allowed, "put long values into a file of a bucket"))
    return found
