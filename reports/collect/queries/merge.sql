-- The staging tables → `ledger_merged`: one row an attempt, of the job's heaviest event, with the probe's last line.
CREATE OR REPLACE TEMP TABLE contested_jobs AS
SELECT job_id
FROM ledger_attempts
GROUP BY job_id
HAVING count(*) > greatest(max(attempts_told), 1) OR min(attempts_told) <> max(attempts_told) OR min(event_id) <> max(event_id);

CREATE OR REPLACE TEMP TABLE contested_usage AS
SELECT job_id, attempt FROM ledger_usage GROUP BY job_id, attempt HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE tasks_once AS
SELECT task_id, max(cluster_arn) AS cluster_arn, min(pull_started_at) AS pull_started_at, min(begun_at) AS begun_at
FROM ledger_tasks
GROUP BY task_id;

CREATE OR REPLACE TEMP TABLE ledger_merged AS
WITH heaviest AS (
  SELECT * FROM ledger_attempts AS a SEMI JOIN contested_jobs AS c ON c.job_id = a.job_id
  QUALIFY rank() OVER (PARTITION BY job_id ORDER BY attempts_told DESC, event_time DESC, event_id DESC) = 1
),
attempts_once AS (
  SELECT * FROM ledger_attempts AS a ANTI JOIN contested_jobs AS c ON c.job_id = a.job_id
  UNION ALL
  SELECT * FROM heaviest
  QUALIFY
    row_number() OVER (PARTITION BY job_id, attempt ORDER BY instance_id NULLS LAST, environment NULLS LAST, stopped_at, started_at) = 1
),
usage_once AS (
  SELECT * FROM ledger_usage AS u ANTI JOIN contested_usage AS c ON c.job_id = u.job_id AND c.attempt = u.attempt
  UNION ALL
  SELECT * FROM ledger_usage AS u SEMI JOIN contested_usage AS c ON c.job_id = u.job_id AND c.attempt = u.attempt
  QUALIFY
    row_number() OVER (
      PARTITION BY job_id, attempt
      ORDER BY ended_at DESC, peak_memory_mib DESC, cpu_s DESC, items DESC, owner DESC, compute_environment DESC
    ) = 1
)
SELECT
  CAST(a.stopped_at AS DATE) AS day, a.job_id || '#' || a.attempt AS attempt_id, a.job_id, a.attempt, a.job,
  coalesce(nullif(u.owner, ''), o.owner, '') AS owner, $stage AS stage, a.queue,
  coalesce(h.environment, c.environment, e.environment, a.environment, nullif(u.compute_environment, '')) AS environment, a.platform,
  coalesce(h.purchase, c.purchase, e.purchase, a.purchase) AS purchase, coalesce(h.instance_id, a.instance_id) AS instance_id, a.image,
  a.vcpus, a.memory_mib, a.submitted_at,
  CASE WHEN is_pull(t.pull_started_at, a.submitted_at, coalesce(a.started_at, a.stopped_at)) THEN t.pull_started_at END AS pull_started_at,
  a.started_at, a.stopped_at, a.outcome,
  a.exit_code, u.peak_memory_mib, u.cpu_s, u.items, a.array_index, a.container_instance_arn, a.attempts_told, a.event_time, a.event_id,
  u.ended_at AS usage_ended_at, u.compute_environment AS usage_environment, a.task_id, t.cluster_arn AS task_cluster_arn,
  CASE WHEN NOT is_pull(t.pull_started_at, a.submitted_at, coalesce(a.started_at, a.stopped_at)) THEN t.pull_started_at END
    AS pull_not_believed
FROM attempts_once AS a
LEFT JOIN usage_once AS u ON u.job_id = a.job_id AND u.attempt = a.attempt
LEFT JOIN ledger_hosts AS h ON h.container_instance_arn = a.container_instance_arn
LEFT JOIN tasks_once AS t ON t.task_id = a.task_id
LEFT JOIN ledger_clusters AS c ON c.cluster_arn = t.cluster_arn
LEFT JOIN ledger_environments AS e ON e.compute_environment = u.compute_environment
LEFT JOIN ledger_owners AS o ON o.job = a.job;

CREATE OR REPLACE TEMP TABLE tasks_waiting AS
SELECT t.* FROM tasks_once AS t ANTI JOIN ledger_merged AS m ON m.task_id = t.task_id;

CREATE OR REPLACE TEMP TABLE usage_waiting AS
SELECT DISTINCT ON (u.job_id, u.attempt) u.*
FROM ledger_usage AS u
ANTI JOIN ledger_merged AS m ON m.job_id = u.job_id AND m.attempt = u.attempt
ORDER BY u.job_id, u.attempt, u.ended_at DESC, u.peak_memory_mib DESC, u.cpu_s DESC, u.items DESC, u.owner DESC, u.compute_environment DESC
