-- Attempts by everything a breakdown or a job's history can ask for, by the day they ended.
CREATE TEMP TABLE run_cube AS
SELECT
  a.day, a.job, a.owner, a.queue, coalesce(h.environment, a.environment) AS environment, a.stage, a.platform, a.image, a.outcome, a.vcpus,
  a.memory_mib, a.array_index IS NOT NULL AS of_array, count(*) AS attempts, count(a.peak_memory_mib) AS measured,
  max(a.peak_memory_mib) AS peak_memory_mib, min(a.stopped_at) AS first_ended_at, max(a.stopped_at) AS last_ended_at,
  count(a.items) AS told_items, sum(a.items) AS items,
  sum((9 * a.vcpus + a.memory_mib / 1024.0) * (epoch_us(a.stopped_at) - epoch_us(a.started_at)) / 1e6)
    FILTER (WHERE a.started_at < a.stopped_at) AS weighted_s
FROM attempts AS a
LEFT JOIN hosts AS h ON h.instance_id = a.instance_id AND (h.alone OR h.environment = a.environment)
GROUP BY ALL
