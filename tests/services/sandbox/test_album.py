from services.sandbox.album import Album
from services.sandbox.picture import Picture


def test_pictures_are_kept_by_file_id():
    album = Album()
    picture = Picture(b"data", "image/png", 3, 2)
    (size,) = album.keep(picture)
    assert album.find(size["file_id"]) is picture
    assert album.sizes(size["file_id"]) == [size]
    assert album.find("other") is None
