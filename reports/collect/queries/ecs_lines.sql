-- Lines of `ecs/` → `ecs_lines`, an event a row, of an instance or of a task, with `suspect` as in attempt_lines.sql.
CREATE OR REPLACE TEMP TABLE ecs_lines AS
WITH lines AS (
  SELECT
    * EXCLUDE (registered_resources, attributes),
    detail_type = $instance_change AS is_instance, detail_type = $task_change AS is_task,
    coalesce(registered_resources, '""') <> '""' AND NOT starts_with(registered_resources, '[')
    OR coalesce(attributes, '""') <> '""' AND NOT starts_with(attributes, '[') AS unlisted,
    -- only an instance's lists are looked into
    from_json(
      CASE WHEN is_instance AND starts_with(registered_resources, '[') THEN registered_resources END,
      '[{"name":"JSON","integerValue":"JSON"}]'
    ) AS resources,
    from_json(
      CASE WHEN is_instance AND starts_with(attributes, '[') THEN attributes END, '[{"name":"JSON","value":"JSON"}]'
    ) AS told_attributes
  FROM {lines}
),
picked AS (
  SELECT
    *,
    list_filter(resources, lambda one: one.name = '"CPU"')[-1]."integerValue" AS cpu,
    list_filter(resources, lambda one: one.name = '"MEMORY"')[-1]."integerValue" AS memory,
    list_filter(told_attributes, lambda one: one.name = $instance_type)[-1].value AS instance_type
  FROM lines
)
SELECT
  filename,
  NOT coalesce(
    NOT unlisted AND is_text(cluster_arn) AND is_moment(told_text("time"))
    AND CASE
      WHEN is_instance
      THEN
        is_text(container_instance_arn) AND coalesce(container_instance_arn, '""') <> '""' AND is_text(instance_id) AND is_text(status)
        AND is_text(instance_type) AND is_moment_or_none(registered_at) AND is_whole(cpu) AND is_whole(memory)
        AND coalesce(greatest(told_whole(cpu), told_whole(memory)), 0) < 2147483648
        AND (agent_connected IS NULL OR agent_connected IN ('""', 'true', 'false'))
      WHEN is_task
      THEN
        is_text(task_arn) AND last_part(task_arn) <> '' AND is_moment_or_none(created_at) AND is_moment_or_none(pull_started_at)
      ELSE FALSE
    END,
    FALSE
  ) AS suspect,
  CASE
    WHEN is_instance
    THEN {
      'container_instance_arn': told_text(container_instance_arn), 'instance_id': told_text(instance_id),
      'cluster_arn': told_text(cluster_arn), 'instance_type': told_text(instance_type),
      'vcpus': TRY_CAST(told_whole(cpu) // 1024 AS INTEGER), 'memory_mib': told_whole(memory),
      'started_at': least(told_moment("time"), told_moment(registered_at)),
      'ended_at': CASE WHEN status IN ('"INACTIVE"', '"DEREGISTERING"') THEN told_moment("time") END,
      'last_at': told_moment("time"), 'last_connected': CASE agent_connected WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END
    }
  END AS instance,
  CASE
    WHEN is_task
    THEN {
      'task_id': last_part(task_arn), 'cluster_arn': told_text(cluster_arn), 'pull_started_at': told_moment(pull_started_at),
      'begun_at': least(told_moment("time"), told_moment(created_at), told_moment(pull_started_at))
    }
  END AS task
FROM picked
