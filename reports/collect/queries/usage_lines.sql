-- The probe's lines → `usage_lines`, with `suspect` as in attempt_lines.sql.
CREATE OR REPLACE TEMP TABLE usage_lines AS
SELECT
  filename,
  NOT coalesce(
    type = '"usage"' AND version = '1' AND is_text(job_id) AND job_id <> '""'
    AND regexp_full_match(attempt, '[1-9][0-9]{0,8}') AND regexp_full_match(exit_code, '[0-9]{1,9}')
    AND is_text(owner) AND is_text(ended_at) AND is_text(started_at) AND is_text(compute_environment) AND is_text(signal)
    AND is_whole(cgroup_version) AND is_count(items)
    AND is_measured(peak_memory_mib) AND is_measured(cpu_s) AND is_measured(wall_s) AND is_measured(memory_limit_mib),
    FALSE
  ) AS suspect,
  told_text(job_id) AS job_id, TRY_CAST(attempt AS INTEGER) AS attempt, told_text(owner) AS owner,
  told_text(compute_environment) AS compute_environment, told_measured(peak_memory_mib) AS peak_memory_mib,
  told_measured(cpu_s) AS cpu_s, TRY_CAST(items AS BIGINT) AS items, told_text(started_at) AS started_at, told_text(ended_at) AS ended_at
FROM {lines}
