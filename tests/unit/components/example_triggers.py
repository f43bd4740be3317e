"""Jobs with every kind of trigger, and a clock that stands still for those that ask it."""

from __future__ import annotations

from datetime import UTC, datetime

HEAD = """\
description: One kind of trigger
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
"""
TIMED = f"""{HEAD}
triggers:
  - schedule:
      {{rate: 1 day, window_minutes: 15, start: 2029-12-01T00:00, end: 2030-06-01T02:00, timezone: Europe/Berlin}}
  - schedule: {{rate: 1 day, start: 2024-12-01T00:00}}
  - schedule: {{at: 2030-06-01T06:00, timezone: Europe/Berlin}}
"""
CHAINED = f"""{HEAD}
command: ["Ref::after_job_id", "Ref::day", "Ref::why"]
parameters: {{why: ""}}
triggers:
  - after: {{job: base, take: {{day: date}}}}
  - after: {{job: base, status: failed, take: {{day: date}}}}
    parameters: {{why: the base failed}}
"""
BASE = f"""{HEAD}
command: ["Ref::date"]
parameters: {{date: today}}
"""
ORDERED = f"""{HEAD}
command: ["Ref::order", "Ref::lines"]
triggers:
  - event:
      bus: shop
      pattern: {{source: [shop.orders], detail: {{paid: [true]}}}}
      sample: {{source: shop.orders, detail: {{paid: true, order: a-1, lines: 3}}}}
      take: {{order: $.detail.order, lines: $.detail.lines}}
    enabled: false
"""
LOADED = f"""{HEAD}
command: ["Ref::order", "Ref::mode"]
triggers:
  - sqs: {{take: {{order: $.body.order}}, receives: 3}}
    parameters: {{mode: all}}
"""
QUICK = """\
description: A job that Lambda runs
owner: media
platform: lambda
queue: standard
resources: {vcpus: 0.25, memory_mib: 256}
timeout_s: 895
retry: {attempts: 2, on_application_error: retry}
storage: {ephemeral_storage_mib: 2048}
permissions: {read: [uploads]}
environment: {LEVEL: info}
secrets: {TOKEN: {parameter: /quick/token}}
command: [--key, "Ref::key", --size, "Ref::size"]
parameters: {size: small}
triggers:
  - s3: {bucket: uploads, prefix: quick/}
  - schedule: {rate: 1 day}
    parameters: {key: all}
  - sqs: {take: {key: $.body.key}, receives: 3}
    parameters: {size: large}
  - sns: {topic: orders, take: {key: $.body.key}}
  - dynamodb: {table: orders, events: [insert], take: {key: $.dynamodb.NewImage.id.S}}
"""
NEXT = f"""{HEAD}
command: ["Ref::after_job_id", "Ref::after_job_name", "Ref::after_exit_code", "Ref::key"]
triggers:
  - after: {{job: quick, take: {{key: key}}}}
"""
NOTIFIED = f"""{HEAD}
command: ["Ref::order"]
triggers:
  - sns: {{topic: orders, filter: {{kind: [paid]}}, take: {{order: $.body.order}}, receives: 3}}
  - sns: {{topic: shop, take: {{order: $.body}}}}
"""
CHANGED = f"""{HEAD}
command: ["Ref::order"]
triggers:
  - dynamodb:
      table: orders
      events: [insert, modify]
      filter: {{NewImage: {{status: {{S: [paid]}}}}}}
      take: {{order: $.dynamodb.NewImage.id.S}}
      retries: 3
"""
SHOP_TOPIC = "arn:aws:sns:us-east-1:123456789012:shop"
SOURCES = {"topics": {"orders": {}, "shop": {"arn": SHOP_TOPIC}}, "tables": {"orders": {"name": "shop-orders"}}}
"""Settings the jobs need beside the example's."""
JOBS = {
    "timed": TIMED,
    "chained": CHAINED,
    "base": BASE,
    "ordered": ORDERED,
    "loaded": LOADED,
    "quick": QUICK,
    "next": NEXT,
    "notified": NOTIFIED,
    "changed": CHANGED,
}


class Clock(datetime):
    """2026 has just begun."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 1, tzinfo=UTC)
