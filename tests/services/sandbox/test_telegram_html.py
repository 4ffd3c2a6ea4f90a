import pytest

from services.sandbox.telegram_html import MarkupError, parse


def entity(kind, offset, length, **more):
    return {"offset": offset, "length": length, "type": kind, **more}


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>x</b>", "x", [entity("bold", 0, 1)]),
        ("<STRONG>x</Strong>", "x", [entity("bold", 0, 1)]),
        ("😀<i>y</i>", "😀y", [entity("italic", 2, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("a &lt; b &amp;&gt; &quot;", 'a < b &> "', []),
        ("&#65;&#x1F600;", "A😀", []),
        ("&nbsp; & &copy;", "&nbsp; & &copy;", []),
        ("&amp;lt;", "&lt;", []),
        ('<a href="https://x.y/?a=1&amp;b=2">t</a>', "t", [entity("text_link", 0, 1, url="https://x.y/?a=1&b=2")]),
        ('<span class="tg-spoiler">s</span>', "s", [entity("spoiler", 0, 1)]),
        ("<tg-spoiler>s</tg-spoiler>", "s", [entity("spoiler", 0, 1)]),
        ("<blockquote expandable>q</blockquote>", "q", [entity("expandable_blockquote", 0, 1)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [entity("pre", 0, 1, language="py")]),
        ("<code>x</>", "x", [entity("code", 0, 1)]),
        ("<b></b>x", "x", []),
        ("  \n<b> x </b>\n ", "x", [entity("bold", 0, 1)]),
        ("<u>one\ntwo</u>", "one\ntwo", [entity("underline", 0, 7)]),
    ],
)
def test_markup_becomes_text_and_entities(html, text, entities):
    markup = parse(html)
    assert (markup.text, list(markup.entities)) == (text, entities)


@pytest.mark.parametrize(
    ("html", "error"),
    [
        ("RSI < 30", 'Unsupported start tag "" at byte offset 4'),
        ("a<br>b", 'Unsupported start tag "br" at byte offset 1'),
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("x<b", "Unclosed start tag at byte offset 1"),
        ("x<b ", "Unclosed start tag at byte offset 1"),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<a =x>t</a>", 'Empty attribute name in the tag "a" at byte offset 0'),
    ],
)
def test_wrong_markup_is_refused_in_the_words_of_the_server(html, error):
    with pytest.raises(MarkupError) as caught:
        parse(html)
    assert str(caught.value) == error
