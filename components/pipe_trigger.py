"""What is read from somewhere starts a job: an EventBridge pipe; and messages of a queue of the trigger's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.pipe_parts import PipePlace, PipeSource, make_pipe, make_queue, queue_source
from components.trigger import Trigger, TriggerArgs
from jobs.spec.queue_sources import SqsSource


@dataclass(frozen=True, kw_only=True)
class PipeArgs:
    offered: Mapping[str, str]
    """Parameter → path into what the pipe reads."""
    pipes_arn: str
    """`arn:aws:pipes:us-east-1:123456789012:pipe/`, what the names of pipes follow."""
    log_retention_days: int
    parameters: Mapping[str, str] = field(default_factory=dict)


class PipeTrigger(Trigger):
    """Children beside a Trigger's: the pipe's LogGroup, the Pipe."""

    def _place(self, pipe: PipeArgs) -> PipePlace:
        return PipePlace(
            names=self._args.names,
            job=self._args.start.job,
            part=self._args.part,
            pipes_arn=pipe.pipes_arn,
            log_retention_days=pipe.log_retention_days,
            parent=self,
        )

    def _pipe(self, pipe: PipeArgs, source: PipeSource) -> aws.pipes.Pipe:
        """One start for each thing it reads."""
        args, start = self._args, self._args.start
        return make_pipe(
            self._place(pipe),
            source,
            start.pipe_target(pipe.offered, pipe.parameters),
            statements=[start.statement(), *source.statements],
            what=f"{args.what.capitalize()} that start {start.job}",
            role_does=self._role_does,
            desired_state="RUNNING" if args.enabled else "STOPPED",
        )


class QueuePipeTrigger(PipeTrigger):
    """Child beside a PipeTrigger's: the sqs Queue, which moves messages that started nothing to the dead letters."""

    def _queue(self, pipe: PipeArgs, part: str, receives: int) -> aws.sqs.Queue:
        return make_queue(self._place(pipe), part, dead_letters=self._dead_letters, receives=receives, opts=self._child)


class QueueTrigger(QueuePipeTrigger):
    """Whoever may send to the queue starts the job."""

    queue_url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: TriggerArgs,
        source: SqsSource,
        pipe: PipeArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("QueueTrigger", name, args, opts)
        queue = self._queue(pipe, args.part.replace("queue", "messages"), source.receives)
        made = self._pipe(pipe, queue_source(queue))
        self.queue_url = queue.url
        self.register_outputs({"pipe_arn": made.arn, "queue_url": queue.url, "dead_letters_url": self.dead_letters_url})
