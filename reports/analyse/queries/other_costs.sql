-- What is no attempt's: idle, storage, network and logs by tag, and as `unexplained` what nothing accounts for. With attempt_sums
-- the sum is the bill's usage, exactly.
CREATE TEMP TABLE other_costs AS
WITH tagged AS (
  SELECT
    day, kind AS category, nullif(job, '') AS job, nullif(stage, '') AS stage, sum(cost_nano) AS cost_nano,
    usage_type AS detail
  FROM bill_lines
  WHERE kind IN ('storage', 'network', 'logs') AND record_type = 'usage'
  GROUP BY ALL
),
billed AS (
  SELECT day, part, sum(cost_nano) AS cost_nano
  FROM (
    SELECT
      day, cost_nano,
      CASE
        WHEN kind = 'ec2' THEN 'ec2 ' || purchase
        WHEN kind IN ('fargate-vcpu', 'fargate-gb')
          THEN 'fargate ' || CASE WHEN purchase = '' THEN 'on-demand' ELSE purchase END
        WHEN kind IN ('lambda-gb-s', 'lambda-requests') THEN 'lambda on-demand'
        ELSE usage_type
      END AS part
    FROM bill_lines
    WHERE record_type = 'usage' AND kind NOT IN ('storage', 'network', 'logs')
  )
  GROUP BY day, part
),
taken AS (
  SELECT day, part, sum(cost_nano) AS cost_nano
  FROM (
    SELECT day, cost_nano, platform || ' ' || purchase AS part FROM attempt_sums
    UNION ALL
    SELECT day, cost_nano, 'ec2 ' || purchase AS part FROM ec2_idle
  )
  GROUP BY day, part
)
SELECT
  day, 'idle' AS category, CAST(NULL AS VARCHAR) AS job, stage, environment, 'ec2' AS platform, purchase, cost_nano, detail
FROM ec2_idle
WHERE cost_nano <> 0
UNION ALL
SELECT day, category, job, stage, NULL, NULL, NULL, CAST(cost_nano AS BIGINT), detail FROM tagged
UNION ALL
SELECT
  billed.day, 'unexplained', NULL, NULL, NULL, NULL, NULL,
  CAST(billed.cost_nano - coalesce(taken.cost_nano, 0) AS BIGINT), billed.part
FROM billed
LEFT JOIN taken ON taken.day = billed.day AND taken.part = billed.part
WHERE billed.cost_nano <> coalesce(taken.cost_nano, 0)
