"""Files in, lines or one clear error out."""

import gzip

import pytest

from shared.adapters.wire import text_lines
from shared.adapters.wire.text_lines import read_lines
from shared.errors import InvalidInput


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "no_ending"])
def test_gzip_is_known_by_content_not_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"one\r\ntwo\n", mtime=0))
    assert list(read_lines(path)) == ["one", "two"]
    path.write_bytes(b"\xef\xbb\xbfone\ntwo")
    assert list(read_lines(path)) == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(b"one\n" * 999, mtime=0)[:-20], "damaged gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (gzip.compress(bytes(range(256)) * 9, mtime=0)[:60] + b"x" * 40, "damaged gzip"),
        (b"PK\x03\x04...", "zip archive: unzip"),
        (b"\xff\xfe\x00\x01", "not UTF-8"),
        (b"a\0b\n", "binary file"),
    ],
)
def test_what_is_no_text_is_refused_with_the_cure(tmp_path, content, text):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=text) as error:
        list(read_lines(path))
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_and_a_directory_are_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"nowhere\.csv: no such file"):
        list(read_lines(tmp_path / "nowhere.csv"))
    with pytest.raises(InvalidInput, match="is a directory"):
        list(read_lines(tmp_path))


def test_a_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1000)
    path = tmp_path / "a.csv"
    path.write_text("x" * 1000)
    assert len(next(read_lines(path))) == 1000
    path.write_text("x" * 1001)
    with pytest.raises(InvalidInput, match="not a text file"):
        list(read_lines(path))
