"""The way of frames to one websocket client: texts in; frames out when they are due, as the faults left them.

A connection keeps its order whatever is slow. Only neighbouring frames of trades can be told to change places, as a
venue's servers may do; what answers a request never overtakes a trade that came before it.
"""

import json
from collections import deque
from typing import NamedTuple

from services.sandbox.faults import FaultBoard
from services.sandbox.scenario import generator
from shared.ports import Clock

Frame = str | bytes


class Due(NamedTuple):
    """A frame, and the market time (ms UTC) before which it must not be written."""

    time: int
    frame: Frame


class SharedLine:
    """What all clients of the sandbox have in common: the faults, and a stall that holds everybody up.

    Args:
        clock: Market time.
        faults: Switched at run time.
        seed: Of the nonsense.
    """

    def __init__(self, clock: Clock, faults: FaultBoard, seed: int) -> None:
        self.clock = clock
        self.faults = faults
        self._seed = seed
        self._held_until = 0
        self._nonsense = 0

    def due(self) -> int:
        """When a frame that is written now may leave."""
        now = self.clock.now()
        if now >= self._held_until:
            self._held_until = now + int(self.faults.strike("ws_stall") or 0)
        return max(self._held_until, now + int(self.faults.strike("ws_delay") or 0))

    def nonsense(self) -> Frame:
        """Something no client can expect; the same sequence for the same seed."""
        self._nonsense += 1
        rng = generator(self._seed, "nonsense", self._nonsense)
        noise = rng.bytes(int(rng.integers(1, 200)))
        shapes: tuple[Frame, ...] = (
            noise,
            noise.decode("latin-1"),
            "",
            "[" * len(noise),
            json.dumps([noise.hex()]),
            json.dumps({"topic": noise.hex(), "data": None}),
            json.dumps({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": noise.hex(), "data": {}}),
        )
        return shapes[int(rng.integers(len(shapes)))]


class ClientLine:
    """Frames on their way to one client.

    Args:
        shared: Common to all clients.
    """

    def __init__(self, shared: SharedLine) -> None:
        self._shared = shared
        self._waiting: deque[Due] = deque()
        self._last_due = 0
        self._late: Frame | None = None

    def __len__(self) -> int:
        """Frames not yet taken."""
        return len(self._waiting)

    def put(self, text: str) -> None:
        """An answer, behind all that was put before."""
        self._release()
        self._append(text)

    def put_trades(self, text: str, trades: int) -> int:
        """A frame of trades; returns how many of its trades will reach the client, doubled ones counted twice."""
        strike = self._shared.faults.strike
        if strike("ws_half_open") is not None:
            return 0
        arriving = 0
        for _ in range(1 + int(strike("ws_duplicate") or 0)):
            is_cut = strike("ws_truncate") is not None
            self._pass(text[: len(text) // 2] if is_cut else text)
            arriving += 0 if is_cut else trades
            if strike("ws_garbage") is not None:
                self._append(self._shared.nonsense())
        return arriving

    def take(self) -> Due | None:
        """The next frame, or None."""
        return self._waiting.popleft() if self._waiting else None

    def _pass(self, frame: Frame) -> None:
        """Append, or keep until the next frame of trades has gone."""
        if self._late is not None:
            self._append(frame)
            self._release()
        elif self._shared.faults.strike("ws_reorder") is not None:
            self._late = frame
        else:
            self._append(frame)

    def _release(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            self._append(late)

    def _append(self, frame: Frame) -> None:
        self._last_due = max(self._last_due, self._shared.due())
        self._waiting.append(Due(self._last_due, frame))
