"""A channel in, all that ever stood in it as JSON out: what a test needs to count lost and doubled messages."""

from collections import Counter
from typing import Any

from services.sandbox.channel import Channel, Post
from shared.engine import chart_button


def report(channel: Channel) -> dict[str, Any]:
    """``chat``; ``messages``, oldest first, deleted ones too; and ``signals``: how many messages that stand carry each
    signal's chart button (1 is right).

    A message has ``message_id``, ``date`` and ``edit_date`` (seconds, null when never edited), ``text`` (a picture's
    caption; as it stands, or stood last), ``is_photo``, ``reply_to`` (message id or null), ``edits`` (how many),
    ``deleted``, and ``signal_id``, known by its button (null without one; the digest of one whose id is too long).
    """
    messages = [_shown(post) for post in channel.posts]
    standing = (message["signal_id"] for message in messages if not message["deleted"])
    signals = Counter(signal_id for signal_id in standing if signal_id is not None)
    return {"chat": channel.chat, "messages": messages, "signals": dict(sorted(signals.items()))}


def _shown(post: Post) -> dict[str, Any]:
    message = post.message
    return {
        "message_id": message["message_id"],
        "date": message["date"],
        "edit_date": message.get("edit_date"),
        "text": message.get("text", message.get("caption", "")),
        "is_photo": "photo" in message,
        "reply_to": message.get("reply_to_message", {}).get("message_id"),
        "edits": post.edits,
        "deleted": post.deleted,
        "signal_id": next((chart_button.id_in(data) or data for data in post.data if _is_chart(data)), None),
    }


def _is_chart(data: str) -> bool:
    return chart_button.id_in(data) is not None or data.startswith("d|")
