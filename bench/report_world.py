"""A stage's month at scale, made by DuckDB in one go: compacted days, raw objects of the same attempts, and the bill.

An instance has four vCPUs and runs attempts of a vCPU each, one after another on every vCPU, for about eight hours; a
tenth of the attempts run on Fargate. Numbers come from the row's number, so a size is always the same month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb

from reports.collect.instances import Environment
from reports.collect.load import Source
from reports.collect.store import Manifest, Store

STAGE: Final = "prod"
START: Final = date(2026, 11, 1)
DAYS: Final = 30
CLUSTERS: Final = {
    f"arn:aws:ecs:us-east-1:123456789012:cluster/{name}": Environment(name=name, purchase=name)
    for name in ("spot", "on-demand")
}
COMPUTE_ENVIRONMENTS: Final = {"batchyard-prod-fargate-0a1b": Environment(name="fargate", purchase="on-demand")}
_AN_INSTANCE: Final = 96
_OBJECTS_A_DAY: Final = 4

_INSTANCES: Final = """
CREATE TABLE lives AS
SELECT
  i, 'i-' || lpad(to_hex(i), 17, '0') AS instance_id, CASE WHEN hash(i) % 10 < 7 THEN 'spot' ELSE 'on-demand' END AS purchase,
  ['m6i.xlarge', 'c6i.xlarge', 'r6i.xlarge'][1 + i % 3] AS instance_type,
  TIMESTAMP '2026-11-01' + to_microseconds((hash(i, 1) % {span_us})::BIGINT) AS started_at
FROM range({instances}) AS r(i)
"""
_ATTEMPTS: Final = """
CREATE TABLE made AS
WITH numbered AS (
  SELECT n, n // 96 AS i, (n % 96) // 24 AS slot, n % 24 AS k FROM range({on_ec2}) AS r(n)
),
placed AS (
  SELECT
    n, l.instance_id, l.purchase, l.started_at + to_seconds(k * 1200) + to_milliseconds((hash(n, 2) % 200000)::BIGINT) AS began_at,
    to_milliseconds((100000 + hash(n, 3) % 900000)::BIGINT) AS lasted
  FROM numbered JOIN lives AS l USING (i)
  UNION ALL
  SELECT
    {on_ec2} + n, NULL, 'on-demand', TIMESTAMP '2026-11-01' + to_milliseconds((hash(n, 4) % {span_ms})::BIGINT),
    to_milliseconds((100000 + hash(n, 5) % 900000)::BIGINT)
  FROM range({on_fargate}) AS r(n)
),
drawn AS (SELECT *, (hash(n, 6) % 24)::INTEGER AS j, hash(n, 7) % 100 AS luck FROM placed)
SELECT
  n, md5(n::VARCHAR)::UUID::VARCHAR AS job_id, 'job-' || j AS job, CASE WHEN j % 2 = 0 THEN 'media' ELSE 'data' END AS owner,
  CASE WHEN instance_id IS NULL THEN 'serverless' ELSE 'standard' END AS queue,
  CASE WHEN instance_id IS NULL THEN 'fargate' ELSE purchase END AS environment,
  CASE WHEN instance_id IS NULL THEN 'fargate' ELSE 'ec2' END AS platform, purchase, instance_id,
  '123456789012.dkr.ecr.us-east-1.amazonaws.com/batchyard/prod/job-' || j || '@sha256:' || repeat('0', 64) AS image, 1.0 AS vcpus,
  (2048 * (1 + j % 3))::BIGINT AS memory_mib, began_at - INTERVAL 45 SECOND AS submitted_at, began_at AS started_at,
  began_at + lasted AS stopped_at,
  CASE WHEN luck < 95 THEN 'succeeded' WHEN luck < 98 THEN 'application-error' ELSE 'out-of-memory' END AS outcome,
  CASE WHEN luck < 95 THEN 0 WHEN luck < 98 THEN 1 ELSE 137 END AS exit_code,
  round(2048 * (1 + j % 3) * (0.3 + (hash(n, 8) % 500) / 1000.0), 3) AS peak_memory_mib,
  round(epoch_ms(lasted) / 1000.0 * 0.7, 3) AS cpu_s
FROM drawn
"""
_COMPACTED: Final = """
SELECT
  CAST(stopped_at AS DATE) AS day, job_id || '#1' AS attempt_id, job_id, 1 AS attempt, job, owner, 'prod' AS stage, queue, environment,
  platform, purchase, instance_id, image, vcpus, memory_mib, submitted_at, CAST(NULL AS TIMESTAMP) AS pull_started_at, started_at,
  stopped_at, outcome, exit_code, peak_memory_mib, cpu_s, CAST(NULL AS INTEGER) AS array_index,
  'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id AS container_instance_arn,
  1 AS attempts_told, strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ') AS event_time, job_id AS event_id,
  strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ') AS usage_ended_at,
  CASE WHEN platform = 'fargate' THEN 'batchyard-prod-fargate-0a1b' ELSE 'batchyard-prod-' || purchase || '-0a1b' END AS usage_environment
FROM made
"""
_HOSTS: Final = """
SELECT
  'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id AS container_instance_arn, instance_id,
  'arn:aws:ecs:us-east-1:123456789012:cluster/' || purchase AS cluster_arn, instance_type, 4 AS vcpus, 15600::BIGINT AS memory_mib,
  started_at, started_at + INTERVAL 29500 SECOND AS ended_at, started_at + INTERVAL 29500 SECOND AS last_at, TRUE AS last_connected
FROM lives
"""
_BILL: Final = """
WITH hours AS (
  SELECT
    instance_type, purchase, greatest(started_at - INTERVAL 90 SECOND, day_at) AS from_at,
    least(started_at + INTERVAL 29590 SECOND, day_at + INTERVAL 1 DAY) AS to_at, CAST(day_at AS DATE) AS day
  FROM (
    SELECT *, unnest(range(date_trunc('day', started_at - INTERVAL 90 SECOND), started_at + INTERVAL 29590 SECOND, INTERVAL 1 DAY)) AS day_at
    FROM lives
  )
),
tasks AS (
  SELECT CAST(stopped_at AS DATE) AS day, sum(epoch_ms(stopped_at - started_at)) / 3.6e6 AS hours,
    sum(epoch_ms(stopped_at - started_at) * (memory_mib / 1024)) / 3.6e6 AS gb_hours
  FROM made WHERE platform = 'fargate' GROUP BY day
),
lines AS (
  SELECT
    day, CASE purchase WHEN 'spot' THEN 'SpotUsage:' ELSE 'BoxUsage:' END || instance_type AS usage_type, 'ec2' AS kind, purchase,
    instance_type, sum(epoch_us(to_at) - epoch_us(from_at)) / 3.6e9 AS quantity, CASE purchase WHEN 'spot' THEN 0.07 ELSE 0.19 END AS price
  FROM hours GROUP BY ALL
  UNION ALL
  SELECT day, 'USE1-Fargate-vCPU-Hours:perCPU', 'fargate-vcpu', 'on-demand', '', hours, 0.04048 FROM tasks
  UNION ALL
  SELECT day, 'USE1-Fargate-GB-Hours', 'fargate-gb', 'on-demand', '', gb_hours, 0.004445 FROM tasks
  UNION ALL
  SELECT DATE '2026-11-01' + d::INTEGER, 'TimedStorage-ByteHrs', 'storage', '', '', 12.5, 0.023
  FROM range(30) AS r(d)
)
SELECT
  day, '' AS service, usage_type, kind, purchase, instance_type, 'prod' AS stage, '' AS job, 'usage' AS record_type,
  CAST(quantity AS DECIMAL(38, 12)) AS quantity, 'Hrs' AS unit, CAST(round(quantity * price * 1e9) AS BIGINT) AS cost_nano,
  'USD' AS currency, FALSE AS estimated
FROM lines
"""
_ATTEMPT_LINES: Final = """
SELECT
  to_json({{
    event_id: job_id, time: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'), job_id: job_id, job_name: job,
    job_queue: 'arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-prod-' || queue,
    job_definition: 'arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-prod-' || job || ':3',
    status: CASE outcome WHEN 'succeeded' THEN 'SUCCEEDED' ELSE 'FAILED' END, status_reason: 'Essential container in task exited',
    created_at: epoch_ms(submitted_at), started_at: epoch_ms(started_at), stopped_at: epoch_ms(stopped_at),
    attempts: [{{
      container: {{
        "containerInstanceArn": 'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id,
        "taskArn": 'arn:aws:ecs:us-east-1:123456789012:task/' || job_id, "exitCode": exit_code,
        "logStreamName": job || '/default/' || job_id, "networkInterfaces": CAST([] AS VARCHAR[]),
        reason: CASE outcome WHEN 'out-of-memory' THEN 'OutOfMemoryError: Container killed' ELSE '' END
      }},
      "startedAt": epoch_ms(started_at), "stoppedAt": epoch_ms(stopped_at), "statusReason": 'Essential container in task exited'
    }}],
    resource_requirements: [{{type: 'VCPU', value: '1'}}, {{type: 'MEMORY', value: memory_mib::VARCHAR}}], image: image,
    exit_code: exit_code, reason: CASE outcome WHEN 'out-of-memory' THEN 'OutOfMemoryError: Container killed' ELSE '' END,
    log_stream: job || '/default/' || job_id, array_index: '', array_size: '',
    parameters: {{bucket: 'uploads-1', key: 'photos/' || n || '.jpg'}}, platform_capabilities: [upper(platform)]
  }})::VARCHAR AS line
FROM made WHERE {chosen}
"""
_USAGE_LINES: Final = """
SELECT
  to_json({{
    type: 'usage', version: 1, job_id: job_id, attempt: 1, job: job, owner: owner, stage: 'prod', array_index: NULL::INTEGER,
    exit_code: exit_code, signal: NULL::VARCHAR, peak_memory_mib: peak_memory_mib, memory_limit_mib: memory_mib::DOUBLE, cpu_s: cpu_s,
    wall_s: epoch_ms(stopped_at - started_at) / 1000.0, cgroup_version: 2,
    started_at: strftime(started_at, '%Y-%m-%dT%H:%M:%SZ'), ended_at: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'),
    compute_environment: 'batchyard-prod-' || environment || '-0a1b'
  }})::VARCHAR AS line
FROM made WHERE {chosen}
"""


def make(folder: Path, *, attempts: int, raw: bool) -> None:
    """Write `compacted/` and `bill.parquet` under `folder`, and with `raw` the same attempts under `raw/`."""
    folder.mkdir(parents=True)
    on_ec2 = attempts * 9 // 10 // _AN_INSTANCE * _AN_INSTANCE
    sizes = {
        "instances": on_ec2 // _AN_INSTANCE,
        "on_ec2": on_ec2,
        "on_fargate": attempts - on_ec2,
        "span_us": (DAYS * 24 - 10) * 3_600_000_000,
        "span_ms": (DAYS * 24 - 10) * 3_600_000,
    }
    with duckdb.connect(str(folder / "world.duckdb")) as connection:
        connection.execute("SET preserve_insertion_order = FALSE; SET memory_limit = '2GB'")
        connection.execute(_INSTANCES.format(**sizes))
        connection.execute(_ATTEMPTS.format(**sizes))
        connection.execute(f"COPY ({_BILL}) TO '{folder / 'bill.parquet'}'")
        _compacted(connection, Store(folder=folder / "compacted"))
        if raw:
            _raw(connection, folder / "raw")
    (folder / "world.duckdb").unlink()


def source(folder: Path, *, compacted: str = "compacted", raw: str = "none") -> Source:
    """The month as the collector takes it."""
    return Source(
        stage=STAGE,
        raw=folder / raw,
        compacted=folder / compacted,
        clusters=CLUSTERS,
        compute_environments=COMPUTE_ENVIRONMENTS,
    )


def _compacted(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    manifest = Manifest()
    days: dict[str, str] = {}
    for day in _days():
        name, path = store.new(f"attempts/day={day}", "parquet")
        connection.execute(
            f"COPY ({_COMPACTED} WHERE CAST(stopped_at AS DATE) = DATE '{day}') TO '{path}' (COMPRESSION zstd)"
        )
        days[day] = name
    name, path = store.new("instances", "parquet")
    connection.execute(f"COPY ({_HOSTS}) TO '{path}' (COMPRESSION zstd)")
    store.commit(replace(manifest, days=days, instances=name))


def _raw(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for day in _days():
        for kind, lines in (("attempts", _ATTEMPT_LINES), ("usage", _USAGE_LINES)):
            place = folder / kind / f"day={day}"
            place.mkdir(parents=True)
            for number in range(_OBJECTS_A_DAY):
                chosen = f"CAST(stopped_at AS DATE) = DATE '{day}' AND n % {_OBJECTS_A_DAY} = {number}"
                connection.execute(
                    f"COPY ({lines.format(chosen=chosen)}) TO '{place / f'part-{number}'}' "
                    "(FORMAT csv, HEADER FALSE, QUOTE '', ESCAPE '', DELIMITER '\x01')"
                )


def _days() -> list[str]:
    return [(START + timedelta(days=n)).isoformat() for n in range(DAYS)]
