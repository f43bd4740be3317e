-- What the bill says of each instance type and purchase a day, beside the time the ledger knows of.
CREATE TEMP TABLE instance_rates AS
WITH billed AS (
  SELECT
    day, instance_type, purchase, CAST(sum(cost_nano) AS HUGEINT) AS cost_nano,
    CAST(round(sum(quantity) * 3600000000) AS HUGEINT) AS billed_us
  FROM bill_lines
  WHERE kind = 'ec2' AND record_type = 'usage'
  GROUP BY day, instance_type, purchase
),
known AS (
  SELECT i.day, h.instance_type, h.purchase, CAST(sum(i.microseconds) AS HUGEINT) AS known_us
  FROM instance_hours AS i
  JOIN hosts AS h ON h.host = i.host
  WHERE h.billable
  GROUP BY i.day, h.instance_type, h.purchase
)
SELECT
  day, instance_type, purchase, billed.cost_nano, billed.billed_us, coalesce(known.known_us, 0) AS known_us,
  greatest(billed.billed_us, coalesce(known.known_us, 0), 1) AS divisor_us
FROM billed
LEFT JOIN known USING (day, instance_type, purchase)
