-- Attempts by everything a breakdown can ask for, by the day they ended.
CREATE TEMP TABLE run_cube AS
SELECT
  a.day, a.job, a.owner, a.queue, coalesce(h.environment, a.environment) AS environment, a.stage, a.platform, a.outcome,
  r.attempt_id IS NOT NULL AS retried, a.array_index IS NOT NULL AS of_array, count(*) AS attempts,
  count(a.peak_memory_mib) AS measured, count(a.items) AS told_items, sum(a.items) AS items,
  sum((9 * a.vcpus + a.memory_mib / 1024.0) * (epoch_us(a.stopped_at) - epoch_us(a.started_at)) / 1e6)
    FILTER (WHERE a.started_at < a.stopped_at) AS weighted_s
FROM attempts AS a
LEFT JOIN hosts AS h ON h.instance_id = a.instance_id
LEFT JOIN retried_attempts AS r ON r.attempt_id = a.attempt_id
GROUP BY ALL
