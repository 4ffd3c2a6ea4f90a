import json

import pytest

from services.sandbox.client_line import ClientLine, SharedLine
from services.sandbox.faults import FaultBoard
from shared.adapters.clock.manual import ManualClock

NOW = 1_000


class Line:
    """One client's line with its faults."""

    def __init__(self, seed=0):
        self.clock = ManualClock(NOW)
        self.faults = FaultBoard(self.clock)
        self.shared = SharedLine(self.clock, self.faults, seed)
        self.client = ClientLine(self.shared)

    def trades(self, *texts):
        return [self.client.put_trades(text, 1) for text in texts]

    def taken(self, client=None):
        """Frames that wait, with their delay."""
        found = []
        while (due := (client or self.client).take()) is not None:
            found.append((due.frame, due.time - NOW))
        return found

    def frames(self):
        return [frame for frame, _ in self.taken()]


@pytest.fixture
def line():
    return Line()


def test_without_faults_frames_go_at_once_in_order(line):
    assert line.trades("a", "b") == [1, 1]
    line.client.put("pong")
    assert len(line.client) == 3
    assert line.taken() == [("a", 0), ("b", 0), ("pong", 0)]


def test_a_stall_holds_everybody_up_and_lets_all_go_at_one_time(line):
    other = ClientLine(line.shared)
    line.faults.set({"ws_stall": {"value": 500, "times": 1}})
    line.trades("a")
    line.clock.advance_to(NOW + 300)
    line.client.put("pong")
    other.put("ack")
    line.clock.advance_to(NOW + 500)
    line.trades("b")
    assert line.taken() == [("a", 500), ("pong", 500), ("b", 500)]
    assert line.taken(other) == [("ack", 500)]


def test_a_stall_that_stays_on_lets_frames_go_in_bursts(line):
    line.faults.set({"ws_stall": 500})
    for step in range(0, 1_000, 250):
        line.clock.advance_to(NOW + step)
        line.trades(str(step))
    assert line.taken() == [("0", 500), ("250", 500), ("500", 1_000), ("750", 1_000)]


def test_a_delay_moves_each_frame_and_never_lets_one_overtake_when_it_ends(line):
    line.faults.set({"ws_delay": {"value": 400, "for_ms": 200}})
    for step in (0, 100, 200, 600):
        line.clock.advance_to(NOW + step)
        line.trades(str(step))
    assert line.taken() == [("0", 400), ("100", 500), ("200", 500), ("600", 600)]


def test_neighbours_change_places_but_no_answer_overtakes_a_trade(line):
    line.faults.set({"ws_reorder": 3})
    assert line.trades(*"abcdefg") == [1] * 7
    assert line.frames() == ["a", "b", "d", "c", "e", "f"]
    line.client.put("pong")
    assert line.frames() == ["g", "pong"]


def test_every_nth_frame_is_cut_in_the_middle_and_its_trades_do_not_count(line):
    line.faults.set({"ws_truncate": 2})
    text = json.dumps({"data": [1]})
    assert line.trades(text, text, text) == [1, 0, 1]
    whole, cut, again = line.frames()
    assert whole == again == text
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(cut)


def test_of_two_copies_one_may_be_cut(line):
    line.faults.set({"ws_duplicate": 1, "ws_truncate": 2})
    assert line.trades("abcd") == [1]
    assert line.frames() == ["abcd", "ab"]


def test_nothing_comes_of_a_half_open_connection_but_answers(line):
    line.faults.set({"ws_half_open": True})
    assert line.trades("a") == [0]
    line.client.put("pong")
    assert line.frames() == ["pong"]


def test_nonsense_is_added_and_the_same_for_the_same_seed():
    def heard(seed):
        line = Line(seed)
        line.faults.set({"ws_garbage": 2})
        line.trades(*map(str, range(80)))
        frames = line.frames()
        assert [frame for place, frame in enumerate(frames) if place % 3 != 2] == [str(number) for number in range(80)]
        return frames[2::3]

    nonsense = heard(7)
    assert nonsense == heard(7) != heard(8)
    assert {type(frame) for frame in nonsense} == {str, bytes}
    assert len(set(nonsense)) > 30
