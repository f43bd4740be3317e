-- Attempts by everything a breakdown can ask for, by the day they ended.
CREATE TEMP TABLE run_cube AS
SELECT
  a.day, a.job, a.owner, a.queue, coalesce(i.environment, a.environment) AS environment, a.stage, a.platform, a.outcome,
  count(*) AS attempts, sum((9 * a.vcpus + a.memory_mib / 1024.0) * (epoch_us(a.stopped_at) - epoch_us(a.started_at)) / 1e6) AS weighted_s
FROM attempts AS a
LEFT JOIN instances AS i ON i.instance_id = a.instance_id
GROUP BY ALL
