-- The latest 2,000 attempts of each job (more where several ended with the last of them), oldest first, with their costs.
WITH ends AS (
  SELECT job, unnest(max(stopped_at, 2000)) AS stopped_at FROM attempts GROUP BY job
),
latest AS (
  SELECT job, min(stopped_at) AS from_at FROM ends GROUP BY job
),
costs AS (
  SELECT p.attempt_id, sum(p.cost_nano) AS cost_nano
  FROM attempt_pieces AS p
  JOIN latest AS l ON l.job = p.job
  WHERE p.stopped_at >= l.from_at
  GROUP BY p.attempt_id
)
SELECT
  a.job, a.platform, a.stopped_at AS ended_at, a.image, a.outcome, a.memory_mib, a.vcpus, a.peak_memory_mib,
  CAST(costs.cost_nano AS BIGINT) AS cost_nano
FROM attempts AS a
JOIN latest AS l ON l.job = a.job
LEFT JOIN costs ON costs.attempt_id = a.attempt_id
WHERE a.stopped_at >= l.from_at
ORDER BY a.job, a.stopped_at
