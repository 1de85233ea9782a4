"""The watchdog, on a clock of the test's own."""

from __future__ import annotations

import math

import pytest

from fal_stream import Config
from fal_stream._shared.prepared_stream import prepare_stream
from fal_stream._shared.watchdog import Expired, Limits, Phase, Watchdog


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait(dog: Watchdog, clock: Clock, seconds: float) -> None:
    dog.enter()
    clock.now += seconds
    dog.leave()


def expiry(dog: Watchdog) -> Expired:
    """Take the last look that is granted, and give what is raised after it."""
    assert dog.enter() == 0.0
    dog.leave()
    with pytest.raises(Expired) as caught:
        dog.enter()
    return caught.value


def test_without_limits_it_waits_for_ever(clock: Clock) -> None:
    dog = Watchdog(Limits(), clock)
    assert dog.enter() == math.inf
    clock.now += 1e9
    assert dog.expired() is None


def test_a_server_may_be_a_little_late(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=15, idle_grace=1.5), clock)
    dog.on_start()
    for _ in range(4):
        wait(dog, clock, 16.4)
        dog.on_data()
    wait(dog, clock, 16.5)
    expired = expiry(dog)
    assert (expired.phase, expired.seconds) == ("idle", 15)


def test_the_idle_limit_may_begin_with_the_first_chunk(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=15, event=300, idle_from_first_chunk=True), clock)
    dog.on_start()
    wait(dog, clock, 40)
    dog.on_data()
    assert dog.enter() == 260
    clock.now += 40
    dog.leave()
    dog.on_chunk()
    assert dog.enter() == 15
    clock.now += 15
    dog.leave()
    assert expiry(dog).phase == "idle"


def test_before_the_first_chunk_the_event_limit_holds(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=15, event=300, idle_from_first_chunk=True), clock)
    dog.on_start()
    wait(dog, clock, 300)
    assert expiry(dog).phase == "event"


def test_a_model_may_think_for_40_seconds_by_default(clock: Clock) -> None:
    dog = Watchdog(prepare_stream(Config(), "acme/app", {}).limits, clock)
    wait(dog, clock, 40)  # before the head of the response
    dog.on_start()
    wait(dog, clock, 40)  # and after it
    dog.on_chunk()
    wait(dog, clock, 16)
    dog.on_chunk()
    wait(dog, clock, 17)
    assert expiry(dog).phase == "idle"


def test_pings_each_15_seconds_for_a_minute_and_a_silent_workflow(clock: Clock) -> None:
    dog = Watchdog(prepare_stream(Config(), "acme/app", {}).limits, clock)
    dog.on_start()
    dog.on_chunk()
    for _ in range(4):
        wait(dog, clock, 15.25)
        dog.on_data()
    dog.on_chunk()
    dog = Watchdog(prepare_stream(Config(), "workflows/acme/flow", {}).limits, clock)
    dog.on_start()
    dog.on_chunk()
    wait(dog, clock, 3_599)
    dog.on_chunk()
    wait(dog, clock, 3_600)
    expired = expiry(dog)
    assert (expired.phase, expired.seconds) == ("event", 3_600)


@pytest.mark.parametrize(
    ("limits", "phase"),
    [
        (Limits(start=3, idle=1, event=1), "start"),
        (Limits(start=9, total=3), "total"),
    ],
)
def test_before_the_start(clock: Clock, limits: Limits, phase: Phase) -> None:
    dog = Watchdog(limits, clock)
    assert dog.enter() == 3
    clock.now += 2
    assert dog.remaining() == 1
    clock.now += 1
    expired = dog.expired()
    dog.leave()
    assert expired is not None
    assert (expired.phase, expired.seconds) == (phase, 3)
    assert expiry(dog).phase == phase


@pytest.mark.parametrize(
    ("limits", "phase"),
    [
        (Limits(start=1, idle=2, event=5), "idle"),
        (Limits(start=1, idle=5, event=2), "event"),
        (Limits(start=1, idle=5, event=5, total=2), "total"),
    ],
)
def test_after_the_start(clock: Clock, limits: Limits, phase: Phase) -> None:
    dog = Watchdog(limits, clock)
    dog.on_start()
    wait(dog, clock, 1.5)
    wait(dog, clock, 0.5)
    assert expiry(dog).phase == phase


def test_signs_of_life_keep_the_idle_limit_off_but_not_the_event_limit(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, event=5), clock)
    dog.on_start()
    for _ in range(5):
        wait(dog, clock, 1)
        dog.on_data()
    assert expiry(dog).phase == "event"


def test_chunks_keep_all_but_the_total_limit_off(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, event=2, total=9), clock)
    dog.on_start()
    for _ in range(9):
        wait(dog, clock, 1)
        dog.on_chunk()
    assert expiry(dog).phase == "total"


def test_the_consumers_time_does_not_count(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, event=2, total=4), clock)
    dog.on_start()
    for _ in range(3):
        wait(dog, clock, 1)
        dog.on_chunk()
        clock.now += 1000
    assert dog.enter() == 1


def test_time_between_two_waits_without_a_pause_counts(clock: Clock) -> None:
    dog = Watchdog(Limits(event=2), clock)
    dog.on_start()
    wait(dog, clock, 0)
    clock.now += 3
    assert expiry(dog).phase == "event"


def test_what_arrived_during_a_suspension_is_looked_at_once(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2), clock)
    dog.on_start()
    wait(dog, clock, 20)
    assert dog.enter() == 0.0
    dog.leave()
    dog.on_data()
    assert dog.enter() == 2


def test_a_look_that_brings_no_life_is_the_last(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, event=3), clock)
    dog.on_start()
    wait(dog, clock, 20)
    assert dog.enter() == 0.0
    dog.leave()
    dog.on_data()
    with pytest.raises(Expired) as caught:
        dog.enter()
    assert caught.value.phase == "event"


def test_bytes_that_go_out_renew_the_start_limit_of_an_upload(clock: Clock) -> None:
    dog = Watchdog(Limits(start=5, total=20).of_uploads, clock)
    for _ in range(4):
        wait(dog, clock, 4)
        dog.on_progress()
    wait(dog, clock, 3)
    assert dog.remaining() == 1
    wait(dog, clock, 1)
    assert expiry(dog).phase == "total"


def test_bytes_that_go_out_are_no_progress_of_a_stream(clock: Clock) -> None:
    dog = Watchdog(Limits(start=5), clock)
    wait(dog, clock, 4)
    dog.on_progress()
    assert dog.remaining() == 1


def test_without_a_start_limit_there_is_none_to_renew(clock: Clock) -> None:
    dog = Watchdog(Limits(total=20).of_uploads, clock)
    dog.on_progress()
    assert dog.enter() == 20


def test_pieces_renew_the_limit_no_further_than_it_goes(clock: Clock) -> None:
    dog = Watchdog(Limits(start=5).of_uploads, clock)
    wait(dog, clock, 4)
    dog.on_progress()
    assert dog.remaining() == 5
    wait(dog, clock, 5)
    assert expiry(dog).seconds == 5


def test_within_a_wait_what_was_waited_before_counts(clock: Clock) -> None:
    dog = Watchdog(Limits(total=10), clock)
    wait(dog, clock, 4)
    dog.enter()
    clock.now += 3
    assert dog.remaining() == 3
    clock.now += 2.5
    assert dog.expired() is None
    clock.now += 0.5
    expired = dog.expired()
    assert expired is not None
    assert str(expired) == "('total', 10)"


def test_a_limit_that_is_just_reached_grants_no_second_look(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, total=9), clock)
    dog.on_start()
    wait(dog, clock, 9)
    assert dog.enter() == 0.0
    dog.leave()
    dog.on_data()
    with pytest.raises(Expired):
        dog.enter()


def test_without_any_time_one_look_is_granted(clock: Clock) -> None:
    assert expiry(Watchdog(Limits(total=0), clock)).phase == "total"


def test_the_pause_of_the_consumer_begins_with_the_chunk_and_ends_with_the_wait(
    clock: Clock,
) -> None:
    dog = Watchdog(Limits(event=10), clock)
    dog.on_start()
    wait(dog, clock, 1)
    clock.now += 2
    dog.on_chunk()
    clock.now += 1000
    assert dog.enter() == 10
    clock.now += 1
    dog.leave()
    clock.now += 2
    assert dog.enter() == 7


def test_a_chunk_after_the_last_look_grants_another(clock: Clock) -> None:
    dog = Watchdog(Limits(idle=2, event=2), clock)
    dog.on_start()
    for _ in range(2):
        wait(dog, clock, 20)
        assert dog.enter() == 0.0
        dog.leave()
        dog.on_chunk()
        assert dog.enter() == 2
        dog.leave()
        dog.on_chunk()


def test_of_two_limits_that_ran_out_together_the_wider_is_named(clock: Clock) -> None:
    dog = Watchdog(Limits(event=3, total=3), clock)
    dog.on_start()
    wait(dog, clock, 3)
    assert expiry(dog).phase == "total"


def test_a_lap_ends_what_is_not_worth_waiting_for(clock: Clock) -> None:
    dog = Watchdog(Limits(start=100), clock)
    wait(dog, clock, 10)
    dog.limit_body(1)
    assert dog.remaining() == 1
    wait(dog, clock, 1)
    assert expiry(dog).phase == "start"
    dog.limit_body(math.inf)
    assert dog.remaining() == 89
    wait(dog, clock, 89)
    assert expiry(dog).seconds == 100


def test_time_that_was_waited_elsewhere_counts_for_the_whole(clock: Clock) -> None:
    dog = Watchdog(Limits(start=30, total=10), clock)
    dog.add_waited(7)
    assert dog.remaining() == 3
    wait(dog, clock, 3)
    assert expiry(dog).phase == "total"


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Limits(start=3, idle=1, event=2), 3),
        (Limits(start=3, idle=1, event=20), 20),
        (Limits(start=3, idle=1, event=20, total=5), 5),
        (Limits(start=3, idle=None, event=2), None),
        (Limits(), None),
    ],
)
def test_the_longest_wait(clock: Clock, limits: Limits, seconds: float | None) -> None:
    assert Watchdog(limits, clock).longest() == seconds


def test_a_wait_that_holds_others_counts_once(clock: Clock) -> None:
    dog = Watchdog(Limits(start=10), clock)
    assert dog.enter() == 10
    clock.now += 2
    assert dog.enter() == 8
    clock.now += 3
    dog.leave()
    assert dog.remaining() == 5
    clock.now += 1
    assert dog.remaining() == 4
    dog.leave()
    assert dog.enter() == 4
    clock.now += 4
    assert dog.expired() is not None


def test_progress_within_a_wait_counts_from_then_on(clock: Clock) -> None:
    dog = Watchdog(Limits(start=10, start_renews=True), clock)
    dog.enter()
    clock.now += 6
    dog.enter()
    dog.leave()
    dog.on_progress()
    assert dog.remaining() == 10
    clock.now += 9
    dog.leave()
    assert dog.remaining() == 1


def test_a_wait_within_another_that_is_refused_leaves_that_one_going(clock: Clock) -> None:
    dog = Watchdog(Limits(total=3), clock)
    dog.enter()
    clock.now += 3
    assert dog.enter() == 0.0
    dog.leave()
    with pytest.raises(Expired):
        dog.enter()
    clock.now += 1
    assert dog.remaining() == -1
