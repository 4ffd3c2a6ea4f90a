"""A name that a user gave and the names there are in, the name or one clear line about the nearest one out."""

import difflib
from collections.abc import Collection

from shared.errors import InvalidInput


def check_name(what: str, name: str, known: Collection[str]) -> str:
    """`name`, when it is among the `known`.

    Args:
        what: What kind of name it is, for the text.
        name: As the user gave it.
        known: All there are.

    Raises:
        InvalidInput: It is not; the text names the nearest, or all of them.
    """
    if name in known:
        return name
    close = difflib.get_close_matches(name, known, n=1)
    cure = f"did you mean {close[0]!r}?" if close else f"there: {', '.join(sorted(known)) or 'none yet'}"
    raise InvalidInput(f"no {what} {name!r}; {cure}")
