"""Fair share: who is served, by weight, by what was had, and what is kept for others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.decide import decide
from scheduling.fair_share import weight_of
from scheduling.model import Environment, FairShare, Job, Queue, ShareUse, Start, State

NOW_S = 1_000.0


def state(
    *shares: str, max_vcpus: int, policy: FairShare, uses: tuple[ShareUse, ...] = (), vcpus: float = 1.0
) -> State:
    """Jobs of the given shares, in the order of their submission, one environment."""
    return State(
        environments=(Environment(name="fargate", kind="fargate", max_vcpus=max_vcpus),),
        queues=(Queue(name="fair", priority=1, environments=("fargate",), fair_share=policy),),
        jobs=tuple(
            Job(
                id=f"{number:03}",
                queue="fair",
                vcpus=vcpus,
                memory_mib=int(2048 * vcpus),
                submitted_at_s=number,
                share=share,
            )
            for number, share in enumerate(shares)
        ),
        fargate_vcpus=(("fargate", sum(use.running_vcpus for use in uses)),),
        share_uses=uses,
    )


def served(state: State) -> list[str]:
    by_id = {job.id: job.share or "" for job in state.jobs}
    return [by_id[start.job_id] for start in decide(state, NOW_S)]


def test_equal_shares_take_turns_however_many_one_submitted_first() -> None:
    policy = FairShare()
    assert served(state("a", "a", "a", "a", "b", "b", max_vcpus=4, policy=policy)) == ["a", "b", "a", "b"]


def test_a_quarter_of_the_weight_gets_four_times_the_vcpus() -> None:
    policy = FairShare(weights=(("a", 1.0), ("b", 0.25)))
    counted = Counter(served(state(*"a" * 20, *"b" * 20, max_vcpus=10, policy=policy)))
    assert counted == {"a": 2, "b": 8}


def test_what_a_share_has_had_counts_against_it() -> None:
    uses = (ShareUse(queue="fair", share="a", recent_vcpu_s=1_500.0),)
    policy = FairShare(decay_s=600)
    assert served(state("a", "b", "b", "b", "b", max_vcpus=4, policy=policy, uses=uses)) == ["b", "b", "b", "a"]


def test_a_share_that_nobody_else_wants_gets_everything() -> None:
    assert served(state(*"a" * 6, max_vcpus=4, policy=FairShare(weights=(("b", 0.1),)))) == ["a"] * 4


def test_a_reservation_keeps_room_for_shares_that_do_not_run() -> None:
    """50 %: half of the vCPUs for the first share, a quarter kept once two run."""
    policy = FairShare(compute_reservation=50)
    assert served(state(*"a" * 8, max_vcpus=8, policy=policy)) == ["a"] * 4
    running = (ShareUse(queue="fair", share="a", running_vcpus=4.0),)
    assert served(state("a", "b", "b", "b", max_vcpus=8, policy=policy, uses=running)) == ["b", "b"]


def test_a_reservation_never_keeps_a_queue_from_its_first_job() -> None:
    policy = FairShare(compute_reservation=99)
    assert served(state("a", "b", max_vcpus=2, policy=policy, vcpus=2.0)) == ["a"]


def test_a_head_that_finds_no_room_holds_up_the_rest() -> None:
    uses = (ShareUse(queue="fair", share="b", running_vcpus=3.0),)
    large = state("a", max_vcpus=4, policy=FairShare(), uses=uses, vcpus=2.0)
    small = Job(id="x", queue="fair", vcpus=1, memory_mib=2048, submitted_at_s=5, share="b")
    waiting = State(**{**vars(large), "jobs": (*large.jobs, small)})
    assert decide(waiting, NOW_S) == []


def test_a_queue_without_a_policy_does_not_look_at_shares() -> None:
    fifo = state("a", "a", "b", max_vcpus=2, policy=FairShare())
    plain = Queue(name="fair", priority=1, environments=("fargate",))
    assert served(State(**{**vars(fifo), "queues": (plain,)})) == ["a", "a"]


def test_a_weight_is_a_shares_own_or_that_of_its_longest_prefix() -> None:
    weights = {"team*": 0.5, "teamA*": 0.25, "teamB": 2.0}
    assert [weight_of(weights, share) for share in ("teamB", "teamB2", "teamA1", "other")] == [2.0, 0.5, 0.25, 1.0]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abc"), max_size=24),
    st.integers(0, 99),
    st.lists(st.floats(0.1, 4), min_size=3, max_size=3),
    st.integers(1, 12),
)
def test_for_any_policy_room_and_order_are_kept(
    shares: list[str], reservation: int, weights: list[float], max_vcpus: int
) -> None:
    policy = FairShare(weights=tuple(zip("abc", weights, strict=True)), compute_reservation=reservation)
    given_state = state(*shares, max_vcpus=max_vcpus, policy=policy)
    starts: list[Start] = decide(given_state, NOW_S)
    assert len(starts) <= max_vcpus
    assert bool(starts) == bool(shares)
    for share in set(shares):
        ids = [job.id for job in given_state.jobs if job.share == share]
        assert [start.job_id for start in starts if start.job_id in ids] == ids[
            : len([s for s in starts if s.job_id in ids])
        ]
    if reservation == 0:
        assert len(starts) == min(max_vcpus, len(shares)), "room isn't left while somebody waits"
