"""Uploaded pictures of all chats: pictures in, their file ids and the ``photo`` of messages that show them out."""

from typing import Any

from services.sandbox.picture import Picture


class Album:
    """Keeps every picture as long as the sandbox lives."""

    def __init__(self) -> None:
        self._pictures: dict[str, Picture] = {}

    def find(self, file_id: str) -> Picture | None:
        """An uploaded picture."""
        return self._pictures.get(file_id)

    def keep(self, picture: Picture) -> list[dict[str, Any]]:
        """Store a picture; returns the ``photo`` of a message: its sizes, of which there is one."""
        file_id = f"photo-{len(self._pictures) + 1}"
        self._pictures[file_id] = picture
        return self.sizes(file_id)

    def sizes(self, file_id: str) -> list[dict[str, Any]]:
        """The ``photo`` of a message that shows a stored picture."""
        picture = self._pictures[file_id]
        size = {"width": picture.width, "height": picture.height, "file_size": len(picture.data)}
        return [{"file_id": file_id, "file_unique_id": f"unique-{file_id}", **size}]
