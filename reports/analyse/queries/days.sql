-- Each day's dollars: jobs, idle machines, everything else.
SELECT
  day, CAST(coalesce(sum(cost_nano) FILTER (WHERE category = 'job'), 0) AS BIGINT) AS jobs_nano,
  CAST(coalesce(sum(cost_nano) FILTER (WHERE category = 'idle'), 0) AS BIGINT) AS idle_nano,
  CAST(coalesce(sum(cost_nano) FILTER (WHERE category NOT IN ('job', 'idle')), 0) AS BIGINT) AS other_nano,
  day IN (SELECT day FROM bill_lines WHERE estimated) AS estimated
FROM (
  SELECT day, 'job' AS category, cost_nano FROM attempt_sums
  UNION ALL
  SELECT day, category, cost_nano FROM other_costs
)
GROUP BY day
ORDER BY day
