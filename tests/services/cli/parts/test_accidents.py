"""A schedule is a pure function of its seed, and holds what was asked for, where it was asked for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.parts.accidents import AccidentKind, Wishes, parse_faults, schedule
from services.sandbox.faults import FaultBoard
from shared.adapters.clock.manual import ManualClock
from shared.errors import InvalidInput
from tests.makers import START

SERVICES = ("ingestor", "aggregator", "logic_engine")
OTHERS = ("redis",)
HOUR = 3_600_000

wishes = st.builds(
    Wishes,
    kills=st.integers(0, 50),
    pauses=st.integers(0, 20),
    disk_fulls=st.integers(0, 20),
    clock_jumps=st.integers(0, 20),
    faults=st.dictionaries(st.sampled_from(sorted(parse_faults("all=1"))), st.integers(1, 5)),
)


@given(seed=st.integers(), wanted=wishes, length=st.integers(1_000, 24 * HOUR))
def test_a_schedule_holds_exactly_what_is_wanted_inside_its_span_in_order(seed, wanted, length):
    found = schedule(seed, START, START + length, wanted, services=SERVICES, others=OTHERS)
    assert Counter(accident.kind for accident in found) == Counter(
        {
            kind: count
            for kind, count in (
                (AccidentKind.KILL, wanted.kills),
                (AccidentKind.PAUSE, wanted.pauses),
                (AccidentKind.DISK_FULL, wanted.disk_fulls),
                (AccidentKind.CLOCK_JUMP, wanted.clock_jumps),
                (AccidentKind.FAULT, sum(wanted.faults.values())),
            )
            if count
        }
    )
    assert all(START <= accident.at < START + length for accident in found)
    assert list(found) == sorted(found, key=lambda accident: accident.at)
    assert found == schedule(seed, START, START + length, wanted, services=SERVICES, others=OTHERS)


@given(seed=st.integers(), wanted=wishes)
def test_only_services_are_killed_and_what_is_not_ours_is_only_stopped(seed, wanted):
    found = schedule(seed, START, START + HOUR, wanted, services=SERVICES, others=OTHERS)
    for accident in found:
        allowed = {AccidentKind.PAUSE: SERVICES + OTHERS, AccidentKind.FAULT: tuple(wanted.faults)}
        assert accident.target in allowed.get(accident.kind, SERVICES)


def test_kills_come_in_every_part_of_the_span_and_hit_every_service():
    found = schedule(7, START, START + HOUR, Wishes(kills=60), services=SERVICES)
    assert {(accident.at - START) // 60_000 for accident in found} == set(range(60))
    assert {accident.target for accident in found} == set(SERVICES)


def test_another_seed_is_another_schedule_and_one_kind_does_not_move_another():
    first = schedule(7, START, START + HOUR, Wishes(kills=5), services=SERVICES)
    assert first != schedule(8, START, START + HOUR, Wishes(kills=5), services=SERVICES)
    more = schedule(7, START, START + HOUR, Wishes(kills=5, pauses=9), services=SERVICES)
    assert tuple(accident for accident in more if accident.kind is AccidentKind.KILL) == first


@pytest.mark.parametrize("name", sorted(parse_faults("all=1")))
@pytest.mark.parametrize("seed", range(5))
def test_the_sandbox_takes_every_fault_there_is_and_the_fault_ends_by_itself(name, seed):
    board = FaultBoard(ManualClock(START))
    for accident in schedule(seed, START, START + HOUR, Wishes(faults={name: 3}), services=SERVICES):
        board.set({name: accident.value})
        active = board.as_json()["active"][name]
        assert active["times"] or active["until"] or name == "ws_drop"


def test_faults_are_named_with_counts():
    assert parse_faults("") == {}
    assert parse_faults("ws_drop=20, telegram_error=5,ws_drop=1") == {"ws_drop": 21, "telegram_error": 5}
    assert set(parse_faults("all=2").values()) == {2}


@pytest.mark.parametrize("text", ["ws_drop", "ws_drop=", "ws_drop=0", "ws_drop=-1", "ws_drop=x", "ws_flop=1", "=1"])
def test_a_wrong_fault_is_refused_by_name(text):
    with pytest.raises(InvalidInput, match="--faults"):
        parse_faults(text)
