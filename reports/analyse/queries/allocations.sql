-- Every part together, and what no attempt, machine or tag accounts for as `unexplained`: the sum is the bill's usage, exactly.
INSERT INTO allocations
WITH explained AS (
  SELECT
    c.day, 'job' AS category, c.attempt_id, a.job, a.owner, c.stage, a.queue, c.environment, 'ec2' AS platform, c.purchase, c.cost_nano,
    CAST(NULL AS VARCHAR) AS detail
  FROM ec2_attempt_costs AS c
  JOIN attempts AS a USING (attempt_id)
  UNION ALL
  SELECT
    c.day, 'job' AS category, c.attempt_id, a.job, a.owner, c.stage, a.queue, c.environment, c.platform, c.purchase, sum(c.cost_nano) AS cost_nano,
    NULL AS detail
  FROM task_attempt_costs AS c
  JOIN attempts AS a USING (attempt_id)
  GROUP BY c.day, c.attempt_id, a.job, a.owner, c.stage, a.queue, c.environment, c.platform, c.purchase
  UNION ALL
  SELECT day, 'idle', NULL, NULL, NULL, stage, NULL, environment, 'ec2', purchase, cost_nano, detail FROM ec2_idle
  UNION ALL
  SELECT
    day, kind, NULL, nullif(job, ''), NULL, nullif(stage, ''), NULL, NULL, NULL, NULL, sum(cost_nano), usage_type
  FROM bill_lines
  WHERE kind IN ('storage', 'network', 'logs') AND record_type = 'usage'
  GROUP BY day, kind, job, stage, usage_type
),
billed AS (
  SELECT
    day, sum(cost_nano) AS cost_nano,
    CASE
      WHEN kind = 'ec2' THEN 'ec2 ' || purchase
      WHEN kind IN ('fargate-vcpu', 'fargate-gb') THEN 'fargate ' || purchase
      WHEN kind IN ('lambda-gb-s', 'lambda-requests') THEN 'lambda on-demand'
      ELSE usage_type
    END AS part
  FROM bill_lines
  WHERE record_type = 'usage' AND kind NOT IN ('storage', 'network', 'logs')
  GROUP BY ALL
),
taken AS (
  SELECT day, platform || ' ' || purchase AS part, sum(cost_nano) AS cost_nano
  FROM explained
  WHERE category IN ('job', 'idle')
  GROUP BY ALL
)
SELECT * FROM explained WHERE category <> 'idle' OR cost_nano <> 0
UNION ALL
SELECT
  billed.day, 'unexplained', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  CAST(billed.cost_nano - coalesce(taken.cost_nano, 0) AS BIGINT), billed.part
FROM billed
LEFT JOIN taken ON taken.day = billed.day AND taken.part = billed.part
WHERE billed.cost_nano <> coalesce(taken.cost_nano, 0)
