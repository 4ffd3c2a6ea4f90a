"""Packs of one shard in, proof out: since when every trade of a symbol up to a given time is known to be in hand.

A run proves by unbroken chains of pack numbers (docs/architecture.md, "Coverage"). A chain `k..n` has seen every trade
from ``max(covered_from, prior_event_time(k) + 1)`` up to ``watermark(n)``: earlier packs hold only older trades, later
ones only newer. So a chain is four numbers, however long it is, and nothing before its first pack needs to be known.
"""

from operator import itemgetter

from shared.domain.trade import TradePack

_EVENT_TIME = itemgetter(1)  # of a Trade, without the cost of a Python-level function per trade


def reach(pack: TradePack) -> int:
    """The latest event time (ms UTC) the pack speaks of; never falls from one pack of a run to the next."""
    newest = max(map(_EVENT_TIME, pack.trades), default=pack.prior_event_time)
    return max(pack.prior_event_time, newest, pack.watermark)


class _Chain:
    """Packs `first..last` of one run without a missing number.

    `since` is the event time from which every trade has been seen, `watermark` the one up to which, `reach` the latest
    that was spoken of (all ms UTC).
    """

    __slots__ = ("first", "last", "reach", "since", "watermark")

    def __init__(self, pack: TradePack) -> None:
        self.first = self.last = pack.seq
        self.since = max(pack.covered_from, pack.prior_event_time + 1)
        self.watermark = pack.watermark
        self.reach = reach(pack)

    def append(self, later: "_Chain") -> None:
        """Take in the chain that begins with the number after `last`."""
        self.last = later.last
        self.watermark = max(self.watermark, later.watermark)
        self.reach = max(self.reach, later.reach)


class _Run:
    """Chains of one connection and the symbols it is known to cover."""

    __slots__ = ("chains", "symbols")

    def __init__(self) -> None:
        self.chains: list[_Chain] = []
        self.symbols: frozenset[str] = frozenset()

    def add(self, pack: TradePack, grace: int) -> int | None:
        """See `Coverage.add`."""
        before = after = None
        for chain in self.chains:
            if chain.first <= pack.seq <= chain.last:
                return None
            if chain.last == pack.seq - 1:
                before = chain
            elif chain.first == pack.seq + 1:
                after = chain
        link = _Chain(pack)
        if after is not None:
            link.append(after)
            self.chains.remove(after)
        if before is None:
            self.chains.append(link)
            return min(self._learn(pack), link.since)
        proven = before.watermark - grace
        before.append(link)
        return min(self._learn(pack), proven)

    def _learn(self, pack: TradePack) -> int:
        """Note the symbols the pack names; returns the event time since which that may prove something new."""
        if self.symbols.issuperset(pack.symbols):
            return pack.watermark
        self.symbols = self.symbols.union(pack.symbols)
        return min(chain.since for chain in self.chains)


class Coverage:
    """What the packs of one shard, from all its runs, prove.

    Args:
        grace: ms of event time by which a watermark must have passed a time to prove it.
    """

    def __init__(self, grace: int) -> None:
        self._grace = grace
        self._runs: dict[str, _Run] = {}
        self.watermark = 0
        """The newest watermark of any run, ms UTC; 0 before the first pack."""

    def add(self, pack: TradePack) -> int | None:
        """Take a pack in.

        Returns:
            None when this very pack is known already; otherwise an event time (ms UTC): proofs that end after it may
            have become better, all others are as they were.
        """
        self.watermark = max(self.watermark, pack.watermark)
        run = self._runs.get(pack.run_id)
        if run is None:
            run = self._runs[pack.run_id] = _Run()
        return run.add(pack, self._grace)

    def seen_since(self, symbol: str, end: int) -> int | None:
        """The earliest event time from which one run has seen every trade of `symbol` before `end` (ms UTC); None when
        no chain reaches `end` plus the grace."""
        needed = end + self._grace
        starts = (
            chain.since
            for run in self._runs.values()
            if symbol in run.symbols
            for chain in run.chains
            if chain.watermark >= needed
        )
        return min(starts, default=None)

    def seen_to(self, symbol: str, since: int) -> int | None:
        """The latest event time before which one run has seen every trade of `symbol` from `since` (ms UTC) on; None
        when no chain goes back that far."""
        ends = (
            chain.watermark - self._grace
            for run in self._runs.values()
            if symbol in run.symbols
            for chain in run.chains
            if chain.since <= since
        )
        return max(ends, default=None)

    def forget(self, before: int) -> None:
        """Drop the chains that speak only of event times before `before` (ms UTC), and runs without a chain."""
        for run_id, run in list(self._runs.items()):
            run.chains = [chain for chain in run.chains if chain.reach >= before]
            if not run.chains:
                del self._runs[run_id]
