-- Each instance's life cut at the hours of UTC: `microseconds` of the hour it was there. AWS doesn't bill a spot instance that it takes
-- back within its first hour: known from an attempt reclaimed on an instance that lived less.
CREATE TEMP TABLE instance_hours AS
WITH reclaimed AS (
  SELECT DISTINCT instance_id FROM attempts WHERE outcome = 'reclaimed' AND instance_id IS NOT NULL
),
lived AS (
  SELECT
    i.rowid AS instance, i.environment, i.stage, i.instance_type, i.purchase, i.started_at,
    coalesce(i.ended_at, $now) AS ended_at,
    NOT (i.purchase = 'spot' AND r.instance_id IS NOT NULL AND i.ended_at < i.started_at + INTERVAL 1 HOUR) AS billable
  FROM instances AS i
  LEFT JOIN reclaimed AS r ON r.instance_id = i.instance_id
),
cut AS (
  SELECT *, unnest(range(date_trunc('hour', started_at), ended_at, INTERVAL 1 HOUR)) AS hour
  FROM lived
),
clipped AS (
  SELECT *, greatest(started_at, hour) AS from_at, least(ended_at, hour + INTERVAL 1 HOUR) AS to_at
  FROM cut
)
SELECT
  instance, environment, stage, instance_type, purchase, hour, CAST(hour AS DATE) AS day, from_at, to_at,
  coalesce(billable, TRUE) AS billable,
  epoch_us(to_at) - epoch_us(from_at) AS microseconds
FROM clipped
WHERE from_at < to_at
