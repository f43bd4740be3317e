-- Each instance's life cut at the hours of UTC: `microseconds` of the hour it was there. `hour` counts whole hours since 1970.
CREATE TEMP TABLE instance_hours AS
WITH cut AS (
  SELECT host, started_at, ended_at, unnest(range(date_trunc('hour', started_at), ended_at, INTERVAL 1 HOUR)) AS hour_at
  FROM hosts
)
SELECT
  host, CAST(hour_at AS DATE) AS day, epoch_us(hour_at) // 3600000000 AS hour,
  epoch_us(least(ended_at, hour_at + INTERVAL 1 HOUR)) - epoch_us(greatest(started_at, hour_at)) AS microseconds
FROM cut
WHERE greatest(started_at, hour_at) < least(ended_at, hour_at + INTERVAL 1 HOUR)
