-- The tasks of the same attempts, as the ledger's raw lines.
SELECT
  to_json({
    event_id: 'task-' || job_id, time: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'), detail_type: 'ECS Task State Change',
    cluster_arn: 'arn:aws:ecs:us-east-1:123456789012:cluster/' || environment,
    container_instance_arn: coalesce('arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id, ''),
    availability_zone: 'us-east-1a', attributes: [{name: 'ecs.cpu-architecture', value: 'x86_64'}], instance_id: '', status: '',
    agent_connected: '', registered_at: '', registered_resources: '',
    task_arn: 'arn:aws:ecs:us-east-1:123456789012:task/' || environment || '/' || replace(job_id, '-', ''), launch_type: upper(platform),
    capacity_provider: CASE platform WHEN 'fargate' THEN 'FARGATE' ELSE '' END,
    created_at: strftime(submitted_at, '%Y-%m-%dT%H:%M:%S.%gZ'), pull_started_at: strftime(started_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
    pull_stopped_at: strftime(started_at, '%Y-%m-%dT%H:%M:%S.%gZ'), started_at: strftime(started_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
    stopped_at: strftime(stopped_at, '%Y-%m-%dT%H:%M:%S.%gZ'), stop_code: 'EssentialContainerExited'
  })::VARCHAR AS line
FROM made
