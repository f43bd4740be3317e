"""The scheduler's promises, held for any state; and its rules, one small example each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.catalog import instance_type
from scheduling.decide import decide
from scheduling.fit import Request, fits
from scheduling.model import Environment, Instance, Job, Queue, Start, State

SPOT = Environment(name="spot", kind="ec2-spot", instance_types=("m5.large", "m5.xlarge"), max_vcpus=4)
ON_DEMAND = Environment(name="on-demand", kind="ec2-on-demand", instance_types=("m5.large",), max_vcpus=4)
FARGATE = Environment(name="fargate", kind="fargate", max_vcpus=2)

environments = st.tuples(
    st.builds(
        Environment,
        name=st.just("a"),
        kind=st.just("ec2-spot"),
        instance_types=st.sampled_from([("m5.large",), ("m5",), ("c5.large", "r5.xlarge"), ("optimal",)]),
        max_vcpus=st.integers(0, 24),
        enabled=st.booleans(),
    ),
    st.builds(
        Environment,
        name=st.just("b"),
        kind=st.just("ec2-on-demand"),
        instance_types=st.just(("m6i.large", "c6i.2xlarge")),
        max_vcpus=st.integers(0, 16),
    ),
)
queues = st.tuples(
    st.builds(Queue, name=st.just("high"), priority=st.integers(5, 9), environments=st.just(("a", "b"))),
    st.builds(
        Queue, name=st.just("low"), priority=st.integers(1, 6), environments=st.sampled_from([("b", "a"), ("a",)])
    ),
)


@st.composite
def states(draw: st.DrawFn) -> State:
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["high", "low"]),
                st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0, 9.0]),
                st.sampled_from([256, 1024, 3000, 7800, 20000]),
                st.integers(0, 5),
            ),
            max_size=25,
        )
    )
    jobs = tuple(
        Job(id=f"j{number}", queue=queue, vcpus=vcpus, memory_mib=memory, submitted_at_s=float(at))
        for number, (queue, vcpus, memory, at) in enumerate(drawn)
    )
    return State(environments=draw(environments), queues=draw(queues), jobs=jobs)


def used(state: State, starts: list[Start]) -> dict[tuple[str, str], list[Job]]:
    jobs = {job.id: job for job in state.jobs}
    placed: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for start in starts:
        assert start.instance_id is not None
        assert start.instance_type is not None
        placed[start.environment, f"{start.instance_id} {start.instance_type}"].append(jobs[start.job_id])
    return placed


@settings(max_examples=100, deadline=None)
@given(states())
def test_never_exceeds_vcpus_or_memory(state: State) -> None:
    starts = decide(state, 10.0)
    booted: dict[str, int] = defaultdict(int)
    for (place, instance), jobs in used(state, starts).items():
        kind = instance_type(instance.split()[1])
        assert sum(job.vcpus for job in jobs) <= kind.vcpus
        assert sum(job.memory_mib for job in jobs) <= kind.usable_memory_mib
        booted[place] += kind.vcpus
    for environment in state.environments:
        assert booted[environment.name] <= environment.max_vcpus
        assert environment.enabled or not booted[environment.name]


@settings(max_examples=100, deadline=None)
@given(states())
def test_first_in_first_out_within_a_queue(state: State) -> None:
    started = {start.job_id for start in decide(state, 10.0)}
    for queue in state.queues:
        line = sorted(
            (job for job in state.jobs if job.queue == queue.name), key=lambda job: (job.submitted_at_s, job.id)
        )
        flags = [job.id in started for job in line]
        assert flags == sorted(flags, reverse=True)


@settings(max_examples=100, deadline=None)
@given(states())
def test_no_lower_priority_takes_what_a_waiting_higher_one_could_use(state: State) -> None:
    starts = decide(state, 10.0)
    high, low = state.queues
    if high.priority <= low.priority:
        return
    queue_of = {job.id: job for job in state.jobs}
    line = sorted((job for job in state.jobs if job.queue == "high"), key=lambda job: (job.submitted_at_s, job.id))
    waiting = [job for job in line if job.id not in {start.job_id for start in starts}]
    if not waiting:
        return
    head = Request(vcpus=waiting[0].vcpus, memory_mib=waiting[0].memory_mib)
    kept = {one.name for one in state.environments if one.enabled and fits(one, head)}
    assert not [start for start in starts if queue_of[start.job_id].queue == "low" and start.environment in kept]


@settings(max_examples=50, deadline=None)
@given(states(), st.randoms(use_true_random=False))
def test_same_state_same_answer_in_any_order(state: State, random: object) -> None:
    shuffled = list(state.jobs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = State(environments=state.environments, queues=state.queues, jobs=tuple(shuffled))
    assert decide(state, 10.0) == decide(again, 10.0)


def job(name: str, *, queue: str = "q", vcpus: float = 1.0, memory_mib: int = 512, at: float = 0.0) -> Job:
    return Job(id=name, queue=queue, vcpus=vcpus, memory_mib=memory_mib, submitted_at_s=at)


def one_queue(*jobs: Job, instances: tuple[Instance, ...] = ()) -> State:
    queue = Queue(name="q", priority=1, environments=("spot", "on-demand"))
    return State(environments=(SPOT, ON_DEMAND), queues=(queue,), jobs=jobs, instances=instances)


def test_spot_first_then_on_demand_behind_it() -> None:
    starts = decide(one_queue(*(job(f"{number}") for number in range(9))), 0.0)
    assert [start.environment for start in starts] == ["spot"] * 4 + ["on-demand"] * 4


def test_jobs_share_an_instance_before_another_is_booted() -> None:
    starts = decide(one_queue(job("1"), job("2"), job("3")), 0.0)
    assert [(start.instance_id, start.boots) for start in starts] == [
        ("spot#1", True),
        ("spot#1", False),
        ("spot#2", True),
    ]


def test_memory_bounds_an_instance_as_vcpus_do() -> None:
    starts = decide(one_queue(job("1", memory_mib=5000), job("2", memory_mib=5000)), 0.0)
    assert [start.instance_id for start in starts] == ["spot#1", "spot#2"]


def test_running_jobs_keep_their_room() -> None:
    busy = tuple(
        Instance(id=f"{name}#{number}", environment=name, type="m5.large", used_vcpus=2.0, used_memory_mib=100)
        for name in ("spot", "on-demand")
        for number in (1, 2)
    )
    assert decide(one_queue(job("1"), instances=busy), 0.0) == []


def test_a_head_that_fits_nowhere_holds_up_its_own_queue_only() -> None:
    high = Queue(name="high", priority=9, environments=("spot",))
    low = Queue(name="low", priority=1, environments=("spot",))
    jobs = (
        job("huge", queue="high", vcpus=64.0),
        job("behind", queue="high", at=1.0),
        job("other", queue="low", at=2.0),
    )
    state = State(environments=(SPOT,), queues=(low, high), jobs=jobs)
    assert [start.job_id for start in decide(state, 5.0)] == ["other"]


def test_queues_of_equal_priority_go_by_age() -> None:
    left = Queue(name="left", priority=1, environments=("on-demand",))
    right = Queue(name="right", priority=1, environments=("on-demand",))
    jobs = (job("2", queue="left", at=2.0), job("1", queue="right", at=1.0), job("3", queue="right", at=3.0))
    state = State(environments=(ON_DEMAND,), queues=(left, right), jobs=jobs)
    assert [start.job_id for start in decide(state, 5.0)] == ["1", "2", "3"]


def test_fargate_counts_the_vcpus_of_its_jobs() -> None:
    queue = Queue(name="q", priority=1, environments=("fargate",))
    jobs = tuple(job(f"{number}", vcpus=0.5, memory_mib=1024) for number in range(4))
    state = State(environments=(FARGATE,), queues=(queue,), jobs=jobs, fargate_vcpus=(("fargate", 1.0),))
    starts = decide(state, 0.0)
    assert [(start.job_id, start.instance_id) for start in starts] == [("0", None), ("1", None)]


def test_a_job_of_the_future_waits() -> None:
    assert decide(one_queue(job("1", at=9.0)), 8.0) == []


THEIRS = Environment(name="theirs", kind="ec2-unmanaged", max_vcpus=0)


def test_an_unmanaged_environment_boots_nothing_and_runs_on_what_is_registered() -> None:
    queue = Queue(name="theirs", priority=1, environments=("theirs",))
    fitting = Job(id="fits", queue="theirs", vcpus=1, memory_mib=1024, submitted_at_s=0)
    too_large = Job(id="large", queue="theirs", vcpus=4, memory_mib=1024, submitted_at_s=1)
    state = State(environments=(THEIRS,), queues=(queue,), jobs=(fitting, too_large))
    assert decide(state, 10.0) == []
    registered = replace(state, instances=(Instance(id="i-1", environment="theirs", type="m5.large"),))
    assert [(one.job_id, one.instance_id, one.boots) for one in decide(registered, 10.0)] == [("fits", "i-1", False)]
    full = replace(state, instances=(Instance(id="i-1", environment="theirs", type="m5.large", used_vcpus=2),))
    assert decide(full, 10.0) == []


def test_nobody_knows_what_fits_into_an_unmanaged_environment() -> None:
    assert fits(THEIRS, Request(vcpus=500, memory_mib=1_000_000))
