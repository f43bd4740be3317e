-- Lives that touch the time asked for. An instance whose agent's last word was a lost connection ended then.
INSERT INTO instances BY NAME
SELECT
  instance_id, h.environment, $stage AS stage, any_value(i.instance_type) AS instance_type,
  coalesce(any_value(h.purchase), 'on-demand') AS purchase, coalesce(max(i.vcpus), 0) AS vcpus, coalesce(max(i.memory_mib), 0) AS memory_mib,
  min(i.started_at) AS started_at,
  CASE
    WHEN bool_and(i.ended_at IS NOT NULL OR coalesce(NOT i.last_connected, FALSE)) THEN max(coalesce(i.ended_at, i.last_at))
  END AS ended_at
FROM ledger_instances AS i
JOIN ledger_hosts AS h USING (container_instance_arn, instance_id)
GROUP BY instance_id, h.environment
HAVING
  ($until IS NULL OR min(i.started_at) < $until)
  AND (
    $since IS NULL OR max(coalesce(i.ended_at, i.last_at)) >= $since
    OR NOT bool_and(i.ended_at IS NOT NULL OR coalesce(NOT i.last_connected, FALSE))
  )
