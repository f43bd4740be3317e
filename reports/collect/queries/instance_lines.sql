-- Lines of `instances/` → `instance_lines`, a row an event, with `suspect` as in attempt_lines.sql.
CREATE OR REPLACE TEMP TABLE instance_lines AS
SELECT
  filename,
  NOT coalesce(
    is_text(container_instance_arn) AND container_instance_arn <> '""' AND is_text(instance_id) AND is_text(cluster_arn)
    AND is_text(status) AND is_text(instance_type) AND is_moment(told_text("time"))
    AND (coalesce(registered_at, '""') = '""' OR is_moment(told_text(registered_at)))
    AND is_whole(vcpus_registered) AND is_whole(memory_mib_registered)
    AND (agent_connected IS NULL OR agent_connected IN ('""', 'true', 'false')),
    FALSE
  ) AS suspect,
  told_text(container_instance_arn) AS container_instance_arn, told_text(instance_id) AS instance_id,
  told_text(cluster_arn) AS cluster_arn, told_text(instance_type) AS instance_type,
  TRY_CAST(told_whole(vcpus_registered) // 1024 AS INTEGER) AS vcpus, told_whole(memory_mib_registered) AS memory_mib,
  least(
    TRY_CAST(told_text("time") AS TIMESTAMP), coalesce(TRY_CAST(told_text(registered_at) AS TIMESTAMP), 'infinity')
  ) AS started_at,
  CASE WHEN status IN ('"INACTIVE"', '"DEREGISTERING"') THEN TRY_CAST(told_text("time") AS TIMESTAMP) END AS ended_at,
  TRY_CAST(told_text("time") AS TIMESTAMP) AS last_at, agent_connected <> 'false' AS last_connected
FROM {lines}
