-- The attempts as compacted files have them.
SELECT
  CAST(stopped_at AS DATE) AS day, job_id || '#1' AS attempt_id, job_id, 1 AS attempt, job, owner, 'prod' AS stage, queue, environment,
  platform, purchase, instance_id, image, vcpus, memory_mib, submitted_at, date_trunc('millisecond', started_at) AS pull_started_at, started_at,
  stopped_at, outcome, exit_code, peak_memory_mib, cpu_s, items, CAST(NULL AS INTEGER) AS array_index,
  'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id AS container_instance_arn,
  1 AS attempts_told, strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ') AS event_time, job_id AS event_id,
  strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ') AS usage_ended_at,
  CASE WHEN platform = 'fargate' THEN 'batchyard-prod-fargate-0a1b' ELSE 'batchyard-prod-' || purchase || '-0a1b' END AS usage_environment,
  replace(job_id, '-', '') AS task_id, 'arn:aws:ecs:us-east-1:123456789012:cluster/' || environment AS task_cluster_arn,
  CAST(NULL AS TIMESTAMP) AS pull_not_believed
FROM made
