"""Values in, messages out, and back. Bodies are JSON; decimals travel as strings, so no digit is lost."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

import msgspec

from shared.domain.candle import Candle
from shared.domain.trade import TradePack
from shared.errors import InvalidMessage, InvariantViolation
from shared.messages.catalog import CONTRACTS, Contract
from shared.ports import Message

_BY_TYPE = {contract.name: contract for contract in CONTRACTS}
_encoder = msgspec.json.Encoder(decimal_format="string")

# JSON knows no NaN, but a decimal travels as text: "NaN", "Infinity" and "1e999999" are decimals to any parser. The
# first two spoil every comparison, the last one fills the memory when it is written out.
_MOST_DIGITS = 100
_LAST_TIME = 253_402_300_799_999  # the year 9999
_price, _quantity, _event_time = itemgetter(2), itemgetter(3), itemgetter(1)
_candle_numbers = attrgetter("open", "high", "low", "close", "quantity", "turnover")

_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def _decoder(payload: type[Any]) -> msgspec.json.Decoder[Any]:
    if payload not in _decoders:
        _decoders[payload] = msgspec.json.Decoder(payload)
    return _decoders[payload]


def encode(contract: Contract, value: Any, *, message_id: str, trace: str = "") -> Message:
    """Message that carries `value`.

    Args:
        contract: Row of the catalog.
        value: Instance of the contract's payload.
        message_id: Pure function of the value: the same value always has the same id.
        trace: Follows a trade to the message about it through all logs.
    """
    if not isinstance(value, contract.payload):
        raise InvariantViolation(f"{type(value).__name__} is not the payload of {contract.name!r}")
    attributes = {"type": contract.name, "version": str(contract.version), "id": message_id}
    if trace:
        attributes["trace"] = trace
    return Message(_encoder.encode(value), attributes)


def decode(message: Message) -> Any:
    """The domain value in a message.

    Raises:
        InvalidMessage: Unknown type or version, or a body that breaks the contract; the text says which.
    """
    name = message.attributes.get("type", "")
    contract = _BY_TYPE.get(name)
    if contract is None:
        raise InvalidMessage(f"unknown message type {name!r}; known: {', '.join(sorted(_BY_TYPE))}")
    version = message.attributes.get("version", "")
    if version != str(contract.version):
        raise InvalidMessage(f"{name!r} version {version!r} is not known; this build reads version {contract.version}")
    value = _read(message.data, contract.payload, repr(name))
    fault = _FAULTS.get(contract.payload, _no_fault)(value)
    if fault:
        raise InvalidMessage(f"{name!r}: {fault}")
    return value


def _read(data: bytes | str, kind: type[Any], name: str) -> Any:
    try:
        return _decoder(kind).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"{name}: {error}") from None
    except RecursionError:
        raise InvalidMessage(f"{name}: nested too deeply") from None


def _no_fault(_value: Any) -> str:
    return ""


def _fault_in_pack(pack: TradePack) -> str:
    """Packs are the hot path: whether a number is of sane size is the builder's question, which it asks anyway."""
    trades, finite = pack.trades, Decimal.is_finite
    if not (all(map(finite, map(_price, trades))) and all(map(finite, map(_quantity, trades)))):
        return "a price or quantity is not finite"
    times = [pack.covered_from, pack.watermark, *map(_event_time, trades)]
    sane = 0 <= min(times) <= max(times) <= _LAST_TIME and -1 <= pack.prior_event_time <= _LAST_TIME
    return "" if sane else "a time is before 1970 or after 9999"


def _fault_in_candle(candle: Candle) -> str:
    numbers = [*_candle_numbers(candle), *(number for look in candle.looks for number in look[1:])]
    if not all(number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS for number in numbers):
        return "a number is not finite or of no sane size"
    return "" if 0 <= candle.open_time <= _LAST_TIME else "its time is before 1970 or after 9999"


_FAULTS: dict[type[Any], Callable[[Any], str]] = {TradePack: _fault_in_pack, Candle: _fault_in_candle}


def to_json(value: Any) -> bytes:
    """JSON of a domain value, as stores and commands write it."""
    return _encoder.encode(value)


def from_json(data: bytes | str, kind: type[Any]) -> Any:
    """Domain value from its JSON.

    Raises:
        InvalidMessage: The text breaks the shape of `kind`.
    """
    return _read(data, kind, kind.__name__)
