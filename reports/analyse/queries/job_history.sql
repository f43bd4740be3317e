-- The latest 2,000 attempts of each job, oldest first, with their costs.
WITH latest AS (
  SELECT unnest(max(struct_pack(stopped_at := stopped_at, attempt := rowid), 2000)).attempt AS attempt
  FROM attempts
  GROUP BY job
),
costs AS (
  SELECT attempt, sum(cost_nano) AS cost_nano FROM attempt_costs SEMI JOIN latest USING (attempt) GROUP BY attempt
)
SELECT
  a.job, a.platform, a.stopped_at AS ended_at, a.image, a.outcome, a.memory_mib, a.vcpus, a.peak_memory_mib,
  CAST(costs.cost_nano AS BIGINT) AS cost_nano
FROM attempts AS a
SEMI JOIN latest ON latest.attempt = a.rowid
LEFT JOIN costs ON costs.attempt = a.rowid
ORDER BY a.job, a.stopped_at
