-- What is read and not yet merged. Rows of `ledger_attempts` are attempts of one event each; the event's weight
-- (attempts_told, event_time, event_id) says which event of a job wins. Values stand as JSON text until told_* unwraps them.
-- Environment, purchase and instance are filled only in rows that come from compacted files.
CREATE OR REPLACE TEMP MACRO is_text(x) AS x IS NULL OR starts_with(x, '"');
CREATE OR REPLACE TEMP MACRO told_text(x) AS coalesce(json_extract_string(x, '$'), '');
CREATE OR REPLACE TEMP MACRO is_whole(x) AS x IS NULL OR x = '""' OR regexp_full_match(x, '[0-9]{1,18}|"[0-9]{1,18}"');
CREATE OR REPLACE TEMP MACRO told_whole(x) AS TRY_CAST(trim(x, '"') AS BIGINT);
CREATE OR REPLACE TEMP MACRO is_time(x) AS x IS NULL OR x IN ('""', '0') OR regexp_full_match(x, '[1-9][0-9]{12}|"[1-9][0-9]{12}"');
CREATE OR REPLACE TEMP MACRO told_time(x) AS make_timestamp(nullif(told_whole(x), 0) * 1000);
CREATE OR REPLACE TEMP MACRO is_measured(x) AS x IS NULL OR regexp_full_match(x, '[0-9]{1,15}(\.[0-9]{1,15})?');
CREATE OR REPLACE TEMP MACRO told_measured(x) AS TRY_CAST(x AS DOUBLE);
CREATE OR REPLACE TEMP MACRO is_count(x) AS x IS NULL OR regexp_full_match(x, '0|[1-9][0-9]{0,11}|1000000000000');
CREATE OR REPLACE TEMP MACRO is_moment(x) AS
  regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)')
  -- narrower than the first and the last moment of reports/collect/values.py
  AND coalesce(TRY_CAST(x AS TIMESTAMP) BETWEEN TIMESTAMP '2001-09-10' AND TIMESTAMP '2286-11-20', FALSE);
CREATE OR REPLACE TEMP MACRO is_moment_or_none(x) AS coalesce(x, '""') = '""' OR is_moment(told_text(x));
CREATE OR REPLACE TEMP MACRO told_moment(x) AS TRY_CAST(told_text(x) AS TIMESTAMP);
CREATE OR REPLACE TEMP MACRO last_part(x) AS split_part(told_text(x), '/', -1);
-- A pull later than the start, or long before the submission, is another clock's.
CREATE OR REPLACE TEMP MACRO is_pull(pull_at, submitted_at, started_at) AS pull_at BETWEEN submitted_at - INTERVAL 1 HOUR AND started_at;

CREATE OR REPLACE TEMP TABLE ledger_attempts (
  job_id VARCHAR, attempt INTEGER, job VARCHAR, queue VARCHAR, platform VARCHAR, image VARCHAR, vcpus DOUBLE, memory_mib BIGINT,
  submitted_at TIMESTAMP, started_at TIMESTAMP, stopped_at TIMESTAMP, outcome VARCHAR, exit_code INTEGER, array_index INTEGER,
  container_instance_arn VARCHAR, attempts_told INTEGER, event_time VARCHAR, event_id VARCHAR,
  task_id VARCHAR, environment VARCHAR, purchase VARCHAR, instance_id VARCHAR
);

CREATE OR REPLACE TEMP TABLE ledger_usage (
  job_id VARCHAR, attempt INTEGER, owner VARCHAR, compute_environment VARCHAR, peak_memory_mib DOUBLE, cpu_s DOUBLE,
  items BIGINT, started_at VARCHAR, ended_at VARCHAR
);

CREATE OR REPLACE TEMP TABLE ledger_instances (
  container_instance_arn VARCHAR, instance_id VARCHAR, cluster_arn VARCHAR, instance_type VARCHAR, vcpus INTEGER, memory_mib BIGINT,
  started_at TIMESTAMP, ended_at TIMESTAMP, last_at TIMESTAMP, last_connected BOOLEAN
);

CREATE OR REPLACE TEMP TABLE ledger_tasks (
  task_id VARCHAR, cluster_arn VARCHAR, pull_started_at TIMESTAMP, begun_at TIMESTAMP
);

CREATE OR REPLACE TEMP TABLE ledger_clusters (cluster_arn VARCHAR, environment VARCHAR, purchase VARCHAR);

CREATE OR REPLACE TEMP TABLE ledger_environments (compute_environment VARCHAR, environment VARCHAR, purchase VARCHAR);

CREATE OR REPLACE TEMP TABLE ledger_owners (job VARCHAR, owner VARCHAR)
