"""Hypothesis strategies for what no honest sender sends: values, JSON and documents that are nearly right."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from tests.makers import START

number_texts = st.sampled_from(
    ["NaN", "sNaN", "Infinity", "-inf", "0", "-0", "-1", "1e308", "1e400", "1e999999", "1e-999999", "9" * 5_000, "",
     "1e99999999999999999999", "-1e-400", "0x1f", "1_000", "\u0661", " 1", "True", "null"]
)  # fmt: skip
times = st.sampled_from([0, -1, -(10**15), 10**10, START, 10**15, 10**18, 10**30, 253_402_300_800_000, 2**63, 2**64])
numbers = times | st.sampled_from([10**400, -(10**400), 1e308, -1e308, 5e-324]) | st.integers() | st.floats()
texts = st.text(max_size=12) | number_texts | st.just("\x00") | st.just("x" * 10_000)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_nested = st.builds(
    lambda opening, depth: opening * depth, st.sampled_from(["[", '{"a":', '{"a":[']), st.sampled_from([3, 900, 20_000])
)


def _changed(document: object, draw: st.DrawFn) -> object:
    """The document with one value, at any depth, replaced, left out or added."""
    if isinstance(document, dict) and document:
        name = draw(st.sampled_from(sorted(document)))
        match draw(st.sampled_from(["inside", "replace", "leave out", "add"])):
            case "inside":
                return document | {name: _changed(document[name], draw)}
            case "replace":
                return document | {name: draw(values)}
            case "leave out":
                return {key: value for key, value in document.items() if key != name}
            case _:
                return document | {draw(st.text(max_size=6)): draw(values)}
    if isinstance(document, list) and document:
        place = draw(st.integers(0, len(document) - 1))
        return [*document[:place], _changed(document[place], draw), *document[place + 1 :]]
    return draw(values)


@st.composite
def nearly(draw: st.DrawFn, document: Mapping[str, object]) -> bytes:
    """JSON of a document with a few faults; sometimes a key twice, endless nesting, or damaged bytes."""
    changed: object = dict(document)
    for _ in range(draw(st.integers(0, 3))):
        changed = _changed(changed, draw)
    text = json.dumps(changed)
    match draw(st.integers(0, 5)):
        case 0:
            name = json.dumps(draw(st.sampled_from(sorted(document))))
            text = f"{text[:-1]},{name}:{json.dumps(draw(values))}}}"
        case 1:
            place = draw(st.integers(0, len(text)))
            text = text[:place] + draw(_nested) + text[place:]
        case 2:
            place = draw(st.integers(0, len(text)))
            return text[:place].encode() + draw(st.binary(max_size=6)) + text[place:].encode()
    return text.encode()
