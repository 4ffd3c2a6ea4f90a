"""Answers that break on their way: an HTTP request or a whole answer in, what is left of it out."""

from aiohttp import web


def unanswered(request: web.Request) -> web.Response:
    """End the connection; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def halved(answer: web.Response) -> web.Response:
    """The first half of an answer's text, as if it were the whole: HTTP is content, the JSON in it is not."""
    text = answer.text or ""
    return web.Response(status=answer.status, text=text[: len(text) // 2], content_type=answer.content_type)
