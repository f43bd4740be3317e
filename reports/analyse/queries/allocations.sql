-- Both together under the names of the model's table.
CREATE TEMP VIEW allocations AS
SELECT
  c.day, 'job' AS category, a.attempt_id, a.job, a.owner, a.stage, a.queue, coalesce(i.environment, a.environment) AS environment,
  a.platform, coalesce(i.purchase, a.purchase) AS purchase, c.cost_nano, CAST(NULL AS VARCHAR) AS detail
FROM attempt_costs AS c
JOIN attempts AS a ON a.rowid = c.attempt
LEFT JOIN instances AS i ON i.instance_id = a.instance_id
UNION ALL
SELECT day, category, NULL, job, NULL, stage, NULL, environment, platform, purchase, cost_nano, detail FROM other_costs
