-- Compacted rows that may get what wasn't known when they were written.
SELECT count(*)
FROM read_parquet({files})
WHERE
  owner = '' OR platform <> 'ec2' AND purchase IS NULL
  OR platform = 'ec2' AND container_instance_arn IS NOT NULL AND (instance_id IS NULL OR purchase IS NULL)
