"""Values in, messages out, and back. Bodies are JSON; decimals travel as strings, so no digit is lost."""

from typing import Any

import msgspec

from shared.errors import InvalidMessage, InvariantViolation
from shared.messages.catalog import CONTRACTS, Contract
from shared.ports import Message

_BY_TYPE = {contract.name: contract for contract in CONTRACTS}
_encoder = msgspec.json.Encoder(decimal_format="string")


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
    try:
        return _decoder(contract.payload).decode(message.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"{name!r}: {error}") from None


def to_json(value: Any) -> bytes:
    """JSON of a domain value, as stores and commands write it."""
    return _encoder.encode(value)


def from_json(data: bytes | str, kind: type[Any]) -> Any:
    """Domain value from its JSON.

    Raises:
        InvalidMessage: The text breaks the shape of `kind`.
    """
    try:
        return _decoder(kind).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"{kind.__name__}: {error}") from None
