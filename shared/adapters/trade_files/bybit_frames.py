"""Lines of a recorded Bybit v5 websocket session in, trades out.

FORMAT ``bybit-frames``: one JSON frame per line as it came from the socket, optionally after the local time of its
arrival (``1758841138293664629 {...}``). Acks, pongs, other topics and frames of other protocols are skipped, and
counted.
"""

from collections.abc import Iterable, Iterator, Mapping

from shared.adapters.wire.bybit import Ignored, Pong, SubscribeAck, TradesFrame, decode
from shared.adapters.wire.frame_lines import frame_of, frames
from shared.adapters.wire.read_report import ReadReport
from shared.domain.trade import Trade
from shared.errors import InvalidInput, InvalidMessage


def recognises(first_line: str) -> bool:
    """Whether the line is a frame of Bybit's: one with a topic, or the answer to a request."""
    if first_line.startswith("wss://stream.bybit"):
        return True
    frame = frame_of(first_line)
    try:
        return frame is not None and decode(frame) != Ignored("foreign")
    except InvalidMessage:
        return '"publicTrade.' in first_line  # ours, with a value in it that `read` will name


def read(
    lines: Iterable[str], *, symbol: str, columns: Mapping[str, str] | None, report: ReadReport
) -> Iterator[Trade]:
    """Trades of `symbol`; the others are left out.

    Raises:
        InvalidInput: A frame that cannot be read (it may have held trades), or `columns` for frames.
    """
    if columns:
        raise InvalidInput("--columns does not go with bybit-frames: frames have no columns")
    for frame in frames(lines, report):
        for trade in _trades(frame, report):
            report.symbols.add(trade.symbol)
            if trade.symbol == symbol:
                # Frames from before August 2025 have no sequence: their order in the file is the order of trades.
                yield trade if trade.sequence else trade._replace(sequence=report.line)


def _trades(frame: str, report: ReadReport) -> tuple[Trade, ...]:
    try:
        message = decode(frame)
    except InvalidMessage as error:
        raise report.broken(frame, f"{error}; remove the line") from None
    match message:
        case TradesFrame(trades=trades):
            return trades
        case SubscribeAck(ok=ok):
            report.skipped["subscribed" if ok else "refused"] += 1
        case Pong():
            report.skipped["pong"] += 1
        case Ignored(kind=kind):
            report.skipped[kind] += 1
    return ()
