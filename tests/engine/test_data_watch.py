from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.notice import NoticeKind, stale_id
from shared.engine.data_watch import Arrival, DataWatch, Outage
from shared.messages.codec import from_json, to_json
from tests.makers import EXCHANGE, MINUTE, START

STALE_AFTER = 3 * MINUTE
SYMBOLS = ALL = ("ADAUSDT", "BTCUSDT", "ETHUSDT")


def minute(number):
    return START + round(number * MINUTE)


class Story:
    """A watch, its memory, and a world in which symbols have candles up to a minute."""

    def __init__(self, started=0):
        self.watch = DataWatch(EXCHANGE, STALE_AFTER, minute(started))
        self.outages = ()
        self.arrivals = dict.fromkeys(SYMBOLS, Arrival(minute(0), minute(0)))

    def have(self, number, *symbols, evaluated=None):
        """Complete candles up to this minute, evaluated up to that one."""
        taken = number if evaluated is None else evaluated
        self.arrivals |= {symbol: Arrival(minute(number), minute(taken)) for symbol in symbols}

    def look(self, number):
        """What is said at this minute, in short."""
        self.outages, notices = self.watch.look(self.outages, minute(number), self.arrivals)
        return [(notice.revision, str(notice.kind), notice.symbols) for notice in notices]


def test_symbols_that_stopped_together_are_announced_once_in_one_notice():
    story = Story()
    assert story.look(3) == []
    assert story.look(3.01) == [(0, "stale", ALL)]
    assert story.look(3.25) == story.look(60) == []


def test_a_notice_names_the_end_of_the_last_candle_and_the_time():
    watch = DataWatch(EXCHANGE, STALE_AFTER, 0)
    arrivals = {"BTCUSDT": Arrival(minute(0), minute(0))}
    outages, (stale,) = watch.look((), minute(4), arrivals)
    assert (stale.notice_id, stale.since, stale.time) == (stale_id(EXCHANGE, minute(0)), minute(0), minute(4))
    assert stale.detail == "no complete candle for 3 minutes"
    arrivals = {"BTCUSDT": Arrival(minute(9), minute(9))}
    _, (resumed,) = watch.look(outages, minute(10), arrivals)
    assert (resumed.notice_id, resumed.since, resumed.until) == (stale.notice_id, minute(0), minute(9))
    assert (resumed.revision, resumed.kind, resumed.time) == (1, NoticeKind.RESUMED, minute(10))


def test_symbols_that_stopped_at_different_times_have_notices_of_their_own():
    story = Story()
    story.have(1, "BTCUSDT")
    assert story.look(5) == [(0, "stale", ("ADAUSDT", "ETHUSDT")), (0, "stale", ("BTCUSDT",))]


def test_a_symbol_without_any_candle_is_starting_and_a_start_gives_data_time_to_come():
    story = Story(started=100)
    story.arrivals["BTCUSDT"] = Arrival(0, 0)
    assert story.look(103) == []
    assert story.look(103.5) == [(0, "stale", ("ADAUSDT", "ETHUSDT"))]
    assert story.outages[0].since == minute(0)


def test_candles_that_are_stored_and_not_evaluated_are_no_all_clear():
    story = Story()
    story.look(4)
    story.have(5, *ALL, evaluated=0)
    assert story.look(5) == []
    story.have(5, *ALL)
    assert story.look(5.25) == [(1, "resumed", ALL)]


def test_the_evaluation_of_old_candles_is_no_all_clear():
    story = Story()
    story.look(30)
    story.have(31, *ALL, evaluated=20)
    assert story.look(31) == []
    story.have(31, *ALL)
    assert story.look(31.25) == [(1, "resumed", ALL)]


def test_the_all_clear_waits_for_all_and_a_line_names_those_that_stay_away():
    story = Story()
    story.look(4)
    story.have(5, "BTCUSDT")
    assert story.look(5) == []
    story.have(8, "BTCUSDT")
    assert story.look(8) == [(1, "stale", ("ADAUSDT", "ETHUSDT"))]
    story.have(9, *ALL)
    assert story.look(9) == [(2, "resumed", ALL)]


def test_a_symbol_that_comes_and_goes_before_it_was_told_says_nothing():
    story = Story()
    story.look(4)
    story.have(5, "BTCUSDT")
    assert [story.look(number) for number in (5, 7, 9, 20)] == [[], [], [], []]
    assert story.outages[0].back_at == 0


def test_an_outage_that_begins_again_soon_belongs_to_its_notice_and_a_later_one_does_not():
    story = Story()
    story.look(4)
    story.have(10, *ALL)
    assert story.look(10) == [(1, "resumed", ALL)]
    story.have(15, *ALL)
    assert story.look(19) == [(2, "stale", ALL)]
    story.have(20, *ALL)
    assert story.look(20) == [(3, "resumed", ALL)]
    story.have(27, *ALL)
    assert story.look(31) == [(0, "stale", ALL)]
    assert [outage.since for outage in story.outages] == [minute(0), minute(27)]


def test_an_all_clear_leaves_out_what_another_notice_pauses():
    story = Story()
    story.look(4)
    story.have(5, "BTCUSDT", "ETHUSDT")
    story.look(5)
    story.have(9, "BTCUSDT", "ETHUSDT")
    assert story.look(9) == [(1, "stale", ("ADAUSDT",))]
    story.have(30, "BTCUSDT", "ETHUSDT")
    story.have(60, "ETHUSDT")
    assert story.look(60) == [(0, "stale", ("BTCUSDT",))]
    story.have(61, "ADAUSDT", "ETHUSDT")
    assert story.look(61) == [(2, "resumed", ("ADAUSDT", "ETHUSDT"))]


def test_a_symbol_that_is_no_longer_watched_keeps_no_notice_open():
    story = Story()
    story.have(9, "ADAUSDT", "ETHUSDT")
    assert story.look(9) == [(0, "stale", ("BTCUSDT",))]
    del story.arrivals["BTCUSDT"]
    assert story.look(9.25) == [(1, "resumed", ("BTCUSDT",))]


def test_only_so_many_outages_that_are_over_are_remembered():
    over = [Outage(minute(n), 1, minute(n + 5), ALL, ()) for n in range(80)]
    open_ = Outage(minute(-9), 0, minute(0), ("BTCUSDT",), ("BTCUSDT",))
    arrivals = {"BTCUSDT": Arrival(minute(-9), minute(-9))}
    outages, _ = DataWatch(EXCHANGE, STALE_AFTER, 0).look([open_, *over], minute(100), arrivals)
    assert outages == (open_, *over[-50:])


MOVES = st.lists(
    st.tuples(
        st.integers(1, 500_000),  # ms that pass
        st.sets(st.sampled_from(SYMBOLS)),  # symbols whose candles are stored up to now
        st.sets(st.sampled_from(SYMBOLS)),  # symbols that are evaluated as far as stored
        st.booleans(),  # the process dies and another one begins
    ),
    max_size=60,
)


def told(moves):
    """All notices of a story that ends with data that flows; at no time do two of them pause one symbol."""
    now, stored, evaluated = START, dict.fromkeys(SYMBOLS, 0), dict.fromkeys(SYMBOLS, 0)
    watch, outages, notices = DataWatch(EXCHANGE, STALE_AFTER, now), (), []
    flowing = (15_000, set(SYMBOLS), set(SYMBOLS), False)
    for passed, stores, evaluates, dies in (*moves, *[flowing] * 8):
        now += passed
        stored |= dict.fromkeys(stores, now // MINUTE * MINUTE)
        evaluated |= {symbol: stored[symbol] for symbol in evaluates}
        if dies:
            watch = DataWatch(EXCHANGE, STALE_AFTER, now)
        arrivals = {symbol: Arrival(stored[symbol], evaluated[symbol]) for symbol in SYMBOLS}
        outages, said = watch.look(from_json(to_json(outages), tuple[Outage, ...]), now, arrivals)
        notices += said
        paused = [symbol for outage in outages for symbol in outage.out]
        assert len(paused) == len(set(paused))
    return notices


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_whatever_comes_and_dies_every_outage_ends_and_revisions_count_up_by_one(moves):
    lines = defaultdict(list)
    for notice in told(moves):
        lines[notice.notice_id].append(notice)
    for notices in lines.values():
        assert [notice.revision for notice in notices] == list(range(len(notices)))
        assert notices[0].kind is NoticeKind.STALE
        assert notices[-1].kind is NoticeKind.RESUMED
        assert all(notice.symbols == tuple(sorted(set(notice.symbols))) != () for notice in notices)
        assert {notice.notice_id for notice in notices} == {stale_id(EXCHANGE, notice.since) for notice in notices}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 120_000), max_size=100))
def test_data_that_flows_is_never_announced_however_often_one_looks(pauses):
    assert told([(pause, set(SYMBOLS), set(SYMBOLS), False) for pause in pauses]) == []
