"""A candle in, the bytes of its cell out, and back. Pure.

Big-endian: version of this layout (1 byte), complete (1), revision (4), trades (8), source (1); then an array in
MessagePack (https://msgpack.org): open, high, low, close, quantity, turnover, and an array of looks, each its end (ms
UTC), high and low. Decimals are texts, digit for digit. Row key and column say which candle it is.

The first four fields stand in the order of `Candle.supersedes`, so the server itself can compare the ranks of two
versions by their first bytes.
"""

import struct
from decimal import Decimal
from typing import Final

import msgspec

from shared.domain.candle import Candle, CandleSource, Look
from shared.domain.instrument import Instrument
from shared.domain.timeframe import Timeframe
from shared.errors import ConfigurationError

_Body = tuple[Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, tuple[Look, ...]]

Rank = tuple[bool, int, int]
"""Complete, revision, trades: the order of `Candle.supersedes`."""

_VERSION: Final = 1
_RANK: Final = struct.Struct(">B?IQ")
_HEADER: Final = struct.Struct(">B?IQc")
_CODES: Final = {CandleSource.TRADES: b"t", CandleSource.EXCHANGE: b"x"}
_SOURCES: Final = {code: source for source, code in _CODES.items()}
_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_decoder = msgspec.msgpack.Decoder(_Body)


def rank(candle: Candle) -> Rank:
    """What `Candle.supersedes` compares."""
    return (candle.complete, candle.revision, candle.trades)


def pack_rank(candle: Candle) -> bytes:
    """The first bytes of every version of equal rank; versions of a higher rank begin with greater bytes."""
    return _RANK.pack(_VERSION, *rank(candle))


def unpack_rank(value: bytes) -> Rank:
    """The rank of a stored version."""
    _, complete, revision, trades = _RANK.unpack_from(value)
    return (complete, revision, trades)


def pack(candle: Candle) -> bytes:
    """The cell of a candle."""
    header = _HEADER.pack(_VERSION, candle.complete, candle.revision, candle.trades, _CODES[candle.source])
    body = (candle.open, candle.high, candle.low, candle.close, candle.quantity, candle.turnover, candle.looks)
    return header + _encoder.encode(body)


def unpack(value: bytes, instrument: Instrument, timeframe: Timeframe, open_time: int) -> Candle:
    """The candle of a cell.

    Raises:
        ConfigurationError: A newer build wrote it.
    """
    version, complete, revision, trades, source = _HEADER.unpack_from(value)
    if version != _VERSION:
        raise ConfigurationError(f"a stored candle has layout {version}, this build reads {_VERSION}; install a newer")
    # Tens of thousands are read at once: positions are a third faster than names.
    opened, high, low, close, quantity, turnover, looks = _decoder.decode(value[_HEADER.size :])
    exchange, symbol = instrument
    return Candle(
        exchange, symbol, timeframe, open_time,
        opened, high, low, close, quantity, turnover,
        trades, complete, revision, _SOURCES[source], looks,
    )  # fmt: skip
