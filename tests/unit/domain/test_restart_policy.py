"""How often a process that dies is started again."""

from bakeoff.domain.machine.restart_policy import RestartPolicy


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_deaths_within_the_time_are_hopeless_and_one_fewer_is_not() -> None:
    policy = RestartPolicy(most=3, within_s=60.0, clock=(clock := Clock()))
    found = []
    for _ in range(3):
        policy.note_death()
        found.append(policy.is_hopeless)
        clock.now += 20

    assert found == [False, False, True]


def test_deaths_that_are_long_ago_do_not_count() -> None:
    policy = RestartPolicy(most=2, within_s=60.0, clock=(clock := Clock()))
    policy.note_death()
    clock.now += 60
    policy.note_death()

    assert (policy.recent_deaths, policy.is_hopeless, policy.never_died) == (1, False, False)


def test_the_pause_follows_from_the_recent_deaths() -> None:
    policy = RestartPolicy(most=5, within_s=60.0, pause_s=lambda recent: 2.0 ** (recent - 2))
    pauses = []
    for _ in range(4):
        policy.note_death()
        pauses.append(policy.pause_s)

    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_one_that_has_run_long_enough_begins_anew() -> None:
    policy = RestartPolicy(most=2, within_s=60.0)
    policy.note_death()
    policy.forget_deaths()
    policy.note_death()

    assert policy.recent_deaths == 1
    assert not policy.is_hopeless
