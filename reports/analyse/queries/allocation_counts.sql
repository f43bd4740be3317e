-- The bill's usage, and how many attempts it reached.
SELECT
  (SELECT CAST(coalesce(sum(cost_nano), 0) AS BIGINT) FROM bill_lines WHERE record_type = 'usage') AS bill_nano,
  (SELECT CAST(coalesce(sum(attempts), 0) AS BIGINT) FROM attempt_sums) AS costed, (SELECT count(*) FROM attempts) AS attempts
