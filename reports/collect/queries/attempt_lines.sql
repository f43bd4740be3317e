-- Lines of `attempts/` → `attempt_lines`: an attempt a row, with `suspect` where a line isn't plainly a row. A file with a suspect
-- line is read again line by line, so everything here may be stricter than reports/collect/rows.py, never laxer.
CREATE OR REPLACE TEMP TABLE attempt_lines AS
WITH lines AS (
  SELECT
    filename, attempts, array_size,
    NOT (
      is_text(event_id) AND is_text("time") AND is_text(job_id) AND coalesce(job_id, '""') <> '""'
      AND coalesce(status IN ('"SUCCEEDED"', '"FAILED"'), FALSE)
      AND is_text(job_definition) AND is_text(job_queue) AND is_text(status_reason) AND is_text(image)
      AND is_text(job_name) AND is_text(log_stream)
      AND coalesce(is_time(created_at) AND created_at NOT IN ('""', '0'), FALSE) AND is_time(started_at) AND is_time(stopped_at)
      AND is_whole(exit_code) AND is_whole(array_index) AND is_whole(array_size)
      AND (parameters IS NULL OR parameters = '""' OR starts_with(parameters, '{'))
      AND (platform_capabilities IS NULL OR platform_capabilities IN ('""', '[]') OR starts_with(platform_capabilities, '["'))
    ) AS suspect,
    told_text(event_id) AS event_id, told_text("time") AS event_time, told_text(job_id) AS job_id, status = '"SUCCEEDED"' AS succeeded,
    split_part(split_part(told_text(job_definition), '/', -1), ':', 1) AS job_name,
    split_part(split_part(told_text(job_queue), '/', -1), ':', 1) AS queue_name,
    told_text(status_reason) AS status_reason, told_text(image) AS image,
    told_time(created_at) AS submitted_at, told_time(started_at) AS started_at, told_time(stopped_at) AS stopped_at,
    told_whole(exit_code) AS exit_code, told_whole(array_index) AS array_index,
    CASE
      WHEN contains(platform_capabilities, '"LAMBDA"') THEN 'lambda'
      WHEN contains(platform_capabilities, '"FARGATE"') THEN 'fargate'
      ELSE 'ec2'
    END AS platform,
    list_filter(resource_requirements, lambda one: one.type = '"VCPU"')[-1].value AS vcpus,
    list_filter(resource_requirements, lambda one: one.type = '"MEMORY"')[-1].value AS memory_mib
  FROM {lines}
),
numbered AS (
  SELECT
    * EXCLUDE (attempts), coalesce(len(attempts), 0) AS attempts_told,
    unnest(CASE WHEN coalesce(len(attempts), 0) = 0 THEN [NULL] ELSE attempts END) AS one,
    unnest(range(1, greatest(coalesce(len(attempts), 0), 1) + 1)) AS attempt
  FROM lines
  WHERE suspect OR coalesce(len(attempts), 0) > 0 OR array_index IS NOT NULL OR told_whole(array_size) IS NULL
),
told AS (
  SELECT
    *,
    attempt >= attempts_told AS is_last,
    coalesce(told_time(one.startedAt), CASE WHEN attempt = attempts_told THEN started_at END) AS began_at,
    coalesce(
      told_time(one.stoppedAt),
      CASE
        WHEN attempt >= attempts_told
        THEN coalesce(stopped_at, CASE WHEN is_moment(event_time) THEN TRY_CAST(event_time AS TIMESTAMP) END)
      END
    ) AS ended_at,
    coalesce(told_whole(one.container.exitCode), CASE WHEN attempt >= attempts_told THEN exit_code END) AS code,
    told_text(one.container.reason) AS why,
    CASE
      WHEN attempt >= attempts_told THEN coalesce(nullif(status_reason, ''), told_text(one.statusReason))
      ELSE told_text(one.statusReason)
    END AS status_why
  FROM numbered
)
SELECT
  filename,
  suspect
  OR NOT (
    is_time(one.startedAt) AND is_time(one.stoppedAt) AND is_whole(one.container.exitCode) AND is_text(one.container.reason)
    AND is_text(one.statusReason) AND is_text(one.container.containerInstanceArn) AND is_text(one.container.taskArn) AND is_text(one.container.logStreamName)
    AND job_name <> '' AND queue_name <> '' AND ended_at IS NOT NULL
    AND coalesce(code, 0) < 2147483648 AND coalesce(array_index, 0) < 2147483648
    AND coalesce(regexp_full_match(vcpus, '"[0-9]{1,5}"|[0-9]{1,5}|"[0-9]{1,4}\.[0-9]{1,6}"|[0-9]{1,4}\.[0-9]{1,6}'), FALSE)
    AND coalesce(regexp_full_match(memory_mib, '"[0-9]{1,8}"|[0-9]{1,8}'), FALSE)
    AND coalesce(TRY_CAST(trim(vcpus, '"') AS DOUBLE) > 0 AND told_whole(memory_mib) > 0, FALSE)
    AND job_name <> $prefix AND queue_name <> $prefix
  ) AS suspect,
  job_id, CAST(attempt AS INTEGER) AS attempt,
  CASE WHEN starts_with(job_name, $prefix) THEN substr(job_name, length($prefix) + 1) ELSE job_name END AS job,
  CASE WHEN starts_with(queue_name, $prefix) THEN substr(queue_name, length($prefix) + 1) ELSE queue_name END AS queue,
  platform, image,
  TRY_CAST(trim(vcpus, '"') AS DOUBLE) AS vcpus, told_whole(memory_mib) AS memory_mib, submitted_at, began_at AS started_at,
  ended_at AS stopped_at,
  CASE
    WHEN is_last AND succeeded THEN 'succeeded'
    WHEN starts_with(why, 'OutOfMemoryError') THEN 'out-of-memory'
    WHEN starts_with(status_why, 'Host EC2') OR starts_with(status_why, 'Your Spot Task was interrupted') THEN 'reclaimed'
    WHEN starts_with(status_why, 'Job attempt duration exceeded timeout') THEN 'timed-out'
    WHEN began_at IS NULL
    THEN
      CASE
        WHEN
          why <> '' OR status_why = '' OR starts_with(status_why, 'Essential container in task exited')
          OR starts_with(status_why, 'Task failed to start') OR starts_with(status_why, 'Cannot')
          OR starts_with(status_why, 'ResourceInitializationError')
        THEN 'not-started'
        ELSE 'cancelled'
      END
    WHEN
      NOT (status_why = '' OR starts_with(status_why, 'Essential container in task exited'))
      AND (code IS NULL OR code IN (137, 143))
    THEN 'cancelled'
    ELSE 'application-error'
  END AS outcome,
  TRY_CAST(code AS INTEGER) AS exit_code, TRY_CAST(array_index AS INTEGER) AS array_index,
  nullif(told_text(one.container.containerInstanceArn), '') AS container_instance_arn,
  CAST(attempts_told AS INTEGER) AS attempts_told, event_time, event_id, nullif(last_part(one.container.taskArn), '') AS task_id
FROM told
