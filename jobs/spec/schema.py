"""JSON schema of job.yaml, for editors: `docs/job.schema.json` is its text."""

from __future__ import annotations

import json
from typing import Any

from jobs.spec.model import JobSpec
from jobs.spec.triggers import PART_WORDS


def json_schema() -> dict[str, Any]:
    """Draft 2020-12, with descriptions and examples. Checks between fields are beyond it."""
    schema = JobSpec.model_json_schema()
    definitions = schema["$defs"]
    for key in ("suffix", "wildcard"):
        texts = definitions["S3Source"]["properties"][key]
        texts["anyOf"] = [{"type": "string"}, {"type": "array", "items": texts.pop("items")}]
        del texts["type"]
    # the word stands for the mapping
    schema["properties"]["isolated"]["default"] = False
    definitions["Trigger"]["oneOf"] = [{"required": [kind]} for kind in PART_WORDS]
    definitions["ScheduleSource"]["oneOf"] = [{"required": [word]} for word in ("cron", "rate", "at")]
    definitions["Array"]["oneOf"] = [{"required": [word]} for word in ("size", "manifest")]
    definitions["SecretSource"]["oneOf"] = [{"required": [word]} for word in ("secret", "parameter")]
    definitions["Redshift"]["oneOf"] = [{"required": [word]} for word in ("workgroup", "cluster")]
    for part in (schema, *definitions.values()):
        for key, described in part["properties"].items():
            _without_noise(key, described)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Batchyard job"}


def _without_noise(key: str, described: dict[str, Any]) -> None:
    """pydantic repeats the key as a title and offers null where a key may be left out; an editor needs neither."""
    described.pop("title", None)
    options = described.get("anyOf", [])
    if {"type": "null"} in options:
        (option,) = (option for option in options if option != {"type": "null"})
        del described["anyOf"]
        described |= option
        if described.get("default") is None:
            described.pop("default", None)
    if key == "description":
        described.setdefault("minLength", 1)


def schema_text() -> str:
    """As the file has it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
