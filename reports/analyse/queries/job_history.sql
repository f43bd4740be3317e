-- Each job's attempts in the weeks looked at, alike ones in a row, with their costs; the row that ended last comes last.
WITH runs AS (
  SELECT
    job, platform, image, outcome, vcpus, memory_mib, sum(attempts) AS attempts, sum(measured) AS measured,
    max(peak_memory_mib) AS peak_memory_mib, min(first_ended_at) AS first_ended_at, max(last_ended_at) AS last_ended_at
  FROM run_cube
  GROUP BY ALL
),
costs AS (
  SELECT job, platform, image, outcome, vcpus, memory_mib, sum(cost_nano) AS cost_nano FROM cost_cube GROUP BY ALL
)
SELECT
  r.job, r.platform, r.image, r.outcome, r.vcpus, r.memory_mib, CAST(r.attempts AS BIGINT) AS attempts,
  CAST(r.measured AS BIGINT) AS measured, r.peak_memory_mib, CAST(c.cost_nano AS BIGINT) AS cost_nano, r.first_ended_at, r.last_ended_at
FROM runs AS r
LEFT JOIN costs AS c
  ON c.job = r.job AND c.platform = r.platform AND c.image = r.image AND c.outcome = r.outcome AND c.vcpus = r.vcpus
  AND c.memory_mib = r.memory_mib
ORDER BY r.job, r.last_ended_at, r.first_ended_at, r.outcome, r.memory_mib
