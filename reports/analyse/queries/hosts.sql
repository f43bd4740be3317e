-- Instances with a number each, which hours go by from here on, to their end or $now. AWS doesn't bill a spot instance that it takes
-- back within its first hour: known from an attempt reclaimed on an instance that lived less.
CREATE TEMP TABLE hosts AS
WITH reclaimed AS (
  SELECT DISTINCT instance_id FROM attempts WHERE outcome = 'reclaimed' AND instance_id IS NOT NULL
)
SELECT
  CAST(row_number() OVER (ORDER BY i.instance_id, i.environment) AS INTEGER) AS host, i.instance_id, i.environment, i.stage,
  i.instance_type, i.purchase, i.started_at, coalesce(i.ended_at, $now) AS ended_at,
  coalesce(
    NOT (i.purchase = 'spot' AND r.instance_id IS NOT NULL AND i.ended_at < i.started_at + INTERVAL 1 HOUR), TRUE
  ) AS billable
FROM instances AS i
LEFT JOIN reclaimed AS r ON r.instance_id = i.instance_id
