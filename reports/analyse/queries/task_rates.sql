-- What the bill says of Fargate and Lambda a day and purchase, and the units it is for: the bill's, or the ledger's where they are more.
CREATE TEMP TABLE task_rates AS
WITH meters AS (
  SELECT
    day, CASE WHEN kind IN ('fargate-vcpu', 'fargate-gb') THEN 'fargate' ELSE 'lambda' END AS platform,
    CASE WHEN purchase = '' THEN 'on-demand' ELSE purchase END AS purchase, kind IN ('fargate-gb', 'lambda-gb-s') AS of_memory,
    cost_nano,
    quantity
    * CASE kind
      WHEN 'fargate-vcpu' THEN 3600000000000
      WHEN 'fargate-gb' THEN 3686400000000
      WHEN 'lambda-gb-s' THEN 1024000000
      ELSE 1
    END AS units
  FROM bill_lines
  WHERE kind IN ('fargate-vcpu', 'fargate-gb', 'lambda-gb-s', 'lambda-requests') AND record_type = 'usage'
),
billed AS (
  SELECT
    day, platform, purchase, sum(CASE WHEN of_memory THEN 0 ELSE cost_nano END) AS capacity_nano,
    sum(CASE WHEN of_memory THEN cost_nano ELSE 0 END) AS memory_nano,
    CAST(round(sum(CASE WHEN of_memory THEN 0 ELSE units END)) AS HUGEINT) AS capacity_units,
    CAST(round(sum(CASE WHEN of_memory THEN units ELSE 0 END)) AS HUGEINT) AS memory_units
  FROM meters
  GROUP BY day, platform, purchase
),
known AS (
  SELECT
    day, platform, coalesce(purchase, 'on-demand') AS purchase, sum(capacity_units) AS capacity_units,
    sum(memory_units) AS memory_units
  FROM task_pieces
  GROUP BY day, platform, coalesce(purchase, 'on-demand')
)
SELECT
  b.day, b.platform, b.purchase, CAST(b.capacity_nano AS BIGINT) AS capacity_nano, CAST(b.memory_nano AS BIGINT) AS memory_nano,
  greatest(b.capacity_units, k.capacity_units, 1) AS capacity_units, greatest(b.memory_units, k.memory_units, 1) AS memory_units
FROM billed AS b
JOIN known AS k ON k.day = b.day AND k.platform = b.platform AND k.purchase = b.purchase
