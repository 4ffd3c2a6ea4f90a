"""Strict reading of Telegram's HTML: markup in, the text as people see it out, or the refusal Telegram would give."""

import html
import re

_TAGS = {"a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "span", "pre", "code", "blockquote"}
_TAG = re.compile(r"<(/?)([A-Za-z0-9-]+)>")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")


class MarkupError(Exception):
    """What Telegram answers to markup it cannot parse."""


def visible(markup: str) -> str:
    """Text after parsing.

    Raises:
        MarkupError: A tag is unknown, not closed in order, or a ``<`` begins no tag.
    """
    out, open_tags, at = [], [], 0
    while at < len(markup):
        if markup[at] == "<":
            at = _read_tag(markup, at, open_tags)
        elif markup[at] == ">":
            raise MarkupError(f"unescaped > at {at}")
        elif markup[at] == "&":
            found = _ENTITY.match(markup, at)
            if found is None:
                raise MarkupError(f"unescaped & at {at}")
            out.append(html.unescape(found.group()))
            at = found.end()
        else:
            out.append(markup[at])
            at += 1
    if open_tags:
        raise MarkupError(f"can't find end tag corresponding to start tag {open_tags[-1]!r}")
    return "".join(out)


def _read_tag(markup: str, at: int, open_tags: list[str]) -> int:
    found = _TAG.match(markup, at)
    if found is None or found.group(2).lower() not in _TAGS:
        raise MarkupError(f"unsupported start tag at {at}")
    closing, name = found.group(1), found.group(2).lower()
    if not closing:
        open_tags.append(name)
    elif not open_tags or open_tags.pop() != name:
        raise MarkupError(f"unmatched end tag {name!r} at {at}")
    return found.end()
