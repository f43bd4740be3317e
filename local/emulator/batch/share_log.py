"""What the shares of fair-share queues have had: the scheduler serves those first that have had little."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from local.emulator.batch.jobs import Job
from local.emulator.batch.store import Store
from scheduling.model import DEFAULT_DECAY_S, ShareUse


class ShareLog:
    """Guarded by the backend's lock. `second_s` is how long an emulated second takes, in seconds of the clock."""

    def __init__(self, store: Store, *, second_s: float) -> None:
        self._store = store
        self._second_s = second_s
        # queue -> (when it ended, share, emulated vCPU seconds)
        self._ended: dict[str, deque[tuple[float, str, float]]] = defaultdict(deque)

    def ended(self, job: Job, ran_s: float, now_s: float) -> None:
        """An attempt has ended after `ran_s` seconds of the clock."""
        if job.share_identifier is not None:
            vcpu_s = job.request.vcpus * ran_s / self._second_s
            self._ended[job.queue_arn].append((now_s, job.share_identifier, vcpu_s))

    def uses(self, running: Iterable[Job], now_s: float) -> tuple[ShareUse, ...]:
        """Of every share that has or had something within its queue's decay."""
        vcpus: dict[tuple[str, str], float] = defaultdict(float)
        for job in running:
            if job.share_identifier is not None:
                vcpus[job.queue_arn, job.share_identifier] += job.request.vcpus
        recent: dict[tuple[str, str], float] = defaultdict(float)
        for queue_arn, ended in self._ended.items():
            since_s = now_s - self._decay_s(queue_arn) * self._second_s
            while ended and ended[0][0] < since_s:
                ended.popleft()
            for _, share, vcpu_s in ended:
                recent[queue_arn, share] += vcpu_s
        return tuple(
            ShareUse(queue=queue, share=share, running_vcpus=vcpus[queue, share], recent_vcpu_s=recent[queue, share])
            for queue, share in sorted({*vcpus, *recent})
        )

    def _decay_s(self, queue_arn: str) -> int:
        queue = self._store.queues.get(queue_arn)
        policy = None if queue is None else self._store.fair_share_of(queue)
        return DEFAULT_DECAY_S if policy is None else policy.decay_s or DEFAULT_DECAY_S
