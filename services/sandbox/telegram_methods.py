"""The methods of the Bot API that bots of signals use: parameters in, results as the API returns them out.

Refusals are worded as the server words them, because bots tell them apart by their words.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from services.sandbox.album import Album
from services.sandbox.channel import Channel, Message
from services.sandbox.picture import inspect
from services.sandbox.telegram_content import caption_of, keyboard_of, text_content
from services.sandbox.telegram_error import TelegramError, bad_request
from services.sandbox.telegram_request import flag_of, number_of, object_of, text_of
from services.sandbox.updates import Updates

Parameters = Mapping[str, Any]
Method = Callable[[Parameters], Awaitable[Any]]

_ANSWER_LENGTH = 200
_LONGEST_POLL = 50
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
_FORWARDED = ("text", "entities", "photo", "caption", "caption_entities")  # buttons that call back stay behind


class TelegramMethods:
    """Carries out calls of one bot.

    Args:
        channels: Where it may post and delete; the first one is told its answers to button presses.
        album: Uploaded pictures.
        updates: What happened for the bot.
        bot: As getMe shows it.
    """

    def __init__(self, channels: Sequence[Channel], album: Album, updates: Updates, bot: dict[str, Any]) -> None:
        self._channels = channels
        self._album = album
        self._updates = updates
        self._bot = bot
        self._commands: list[Any] = []
        self._methods: dict[str, Method] = {
            "getme": self._get_me,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "editmessagetext": self._edit_message_text,
            "editmessagecaption": self._edit_message_caption,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "editmessagemedia": self._edit_message_media,
            "forwardmessage": self._forward_message,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_callback_query,
            "getupdates": self._get_updates,
            "setmycommands": self._set_my_commands,
            "getmycommands": self._get_my_commands,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
        }

    def find(self, name: str) -> Method:
        """The method called `name` in any case.

        Raises:
            TelegramError: 404, there is none.
        """
        method = self._methods.get(name.lower())
        if method is None:
            raise TelegramError(404, "Not Found: method not found")
        return method

    def channel(self, name: str) -> Channel | None:
        """The channel that is called `name`."""
        return next((channel for channel in self._channels if channel.is_called(name)), None)

    async def _get_me(self, parameters: Parameters) -> Any:
        del parameters
        return self._bot

    async def _send_message(self, parameters: Parameters) -> Any:
        channel = self._chat(parameters, "chat_id")
        return self._post(channel, parameters, text_content(parameters, is_edit=False))

    async def _send_photo(self, parameters: Parameters) -> Any:
        channel = self._chat(parameters, "chat_id")
        photo = self._photo(parameters, parameters.get("photo"))
        return self._post(channel, parameters, {"photo": photo, **caption_of(parameters, is_edit=False)})

    async def _edit_message_text(self, parameters: Parameters) -> Any:
        channel, message = self._editable(parameters)
        content = text_content(parameters, is_edit=True)
        if "text" not in message:
            raise bad_request("there is no text in the message to edit")
        return self._edit(channel, message, {"entities": None, **content}, parameters)

    async def _edit_message_caption(self, parameters: Parameters) -> Any:
        channel, message = self._editable(parameters)
        if "photo" not in message:
            raise bad_request("there is no caption in the message to edit")
        content = caption_of(parameters, is_edit=True)
        return self._edit(channel, message, {"caption": None, "caption_entities": None, **content}, parameters)

    async def _edit_message_reply_markup(self, parameters: Parameters) -> Any:
        return self._edit(*self._editable(parameters), {}, parameters)

    async def _edit_message_media(self, parameters: Parameters) -> Any:
        channel, message = self._editable(parameters)
        media = object_of(parameters, "media", "input media")
        if not isinstance(media, dict) or media.get("type") != "photo":
            raise bad_request("can't parse InputMedia: only photos are supported here")
        source = media.get("media")
        if isinstance(source, str) and source.startswith("attach://"):
            source = parameters.get(source.removeprefix("attach://"))
        content = {"photo": self._photo(parameters, source), **caption_of(media, is_edit=True)}
        gone = dict.fromkeys(("text", "entities", "caption", "caption_entities"))
        return self._edit(channel, message, gone | content, parameters)

    async def _forward_message(self, parameters: Parameters) -> Any:
        target, source = self._chat(parameters, "chat_id"), self._chat(parameters, "from_chat_id")
        message = source.find(number_of(parameters, "message_id"))
        if message is None:
            raise bad_request("message to forward not found")
        if "has_protected_content" in message:
            raise bad_request("message can't be forwarded")
        first = {"type": "channel", "chat": source.chat, "message_id": message["message_id"], "date": message["date"]}
        kept = {key: message[key] for key in _FORWARDED if key in message}
        return self._post(target, parameters, {"forward_origin": message.get("forward_origin", first), **kept})

    async def _delete_message(self, parameters: Parameters) -> Any:
        channel = self._chat(parameters, "chat_id")
        message_id = number_of(parameters, "message_id")
        if channel.find(message_id) is None:
            raise bad_request("message to delete not found")
        channel.delete(message_id)
        return True

    async def _answer_callback_query(self, parameters: Parameters) -> Any:
        text = text_of(parameters, "text")
        if len(text) > _ANSWER_LENGTH:
            raise bad_request("MESSAGE_TOO_LONG")
        query_id = text_of(parameters, "callback_query_id")
        self._updates.answer(query_id)
        self._channels[0].answer(query_id, text, flag_of(parameters, "show_alert"))
        return True

    async def _get_updates(self, parameters: Parameters) -> Any:
        allowed = object_of(parameters, "allowed_updates", "allowed updates")
        return await self._updates.poll(
            number_of(parameters, "offset"),
            min(max(number_of(parameters, "limit", 100), 1), 100),
            min(max(number_of(parameters, "timeout"), 0), _LONGEST_POLL),
            allowed if isinstance(allowed, list) else None,
        )

    async def _set_my_commands(self, parameters: Parameters) -> Any:
        commands = object_of(parameters, "commands", "bot commands")
        if not isinstance(commands, list):
            raise bad_request("can't parse commands: expected an Array of BotCommand")
        self._commands = commands
        return True

    async def _get_my_commands(self, parameters: Parameters) -> Any:
        del parameters
        return self._commands

    async def _delete_webhook(self, parameters: Parameters) -> Any:
        del parameters
        return True

    async def _get_webhook_info(self, parameters: Parameters) -> Any:
        del parameters
        return {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}

    def _chat(self, parameters: Parameters, name: str) -> Channel:
        """The channel that the parameter `name` names."""
        chat = text_of(parameters, name)
        if not chat:
            raise bad_request(f"{name} is empty")
        channel = self.channel(chat)
        if channel is None:
            raise bad_request("chat not found")
        return channel

    def _editable(self, parameters: Parameters) -> tuple[Channel, Message]:
        channel = self._chat(parameters, "chat_id")
        message = channel.find(number_of(parameters, "message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        return channel, message

    def _post(self, channel: Channel, parameters: Parameters, content: Message) -> Message:
        keyboard = keyboard_of(parameters)
        if keyboard is not None:
            content["reply_markup"] = keyboard
        if flag_of(parameters, "protect_content"):
            content["has_protected_content"] = True
        return channel.post(_reply(channel, parameters) | content)

    def _edit(self, channel: Channel, message: Message, content: Message, parameters: Parameters) -> Message:
        """Change a message. A keyboard that is not sent again is removed."""
        changes = {**content, "reply_markup": keyboard_of(parameters)}
        if all(message.get(key) == value for key, value in changes.items()):
            raise bad_request(_NOT_MODIFIED)
        return channel.edit(message["message_id"], changes)

    def _photo(self, parameters: Parameters, source: object) -> list[dict[str, Any]]:
        """The sizes of an uploaded picture or of a stored one, by its file_id."""
        if isinstance(source, str) and source.startswith("attach://"):
            source = parameters.get(source.removeprefix("attach://"))
        if isinstance(source, bytes):
            return self._album.keep(inspect(source))
        if not source:
            raise bad_request("there is no photo in the request")
        if str(source).startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")
        if self._album.find(str(source)) is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return self._album.sizes(str(source))


def _reply(channel: Channel, parameters: Parameters) -> Message:
    """The message that is replied to, as part of the new one."""
    reply = object_of(parameters, "reply_parameters", "reply parameters")
    details = reply if isinstance(reply, dict) else {"message_id": parameters.get("reply_to_message_id")}
    if details.get("message_id") in (None, "", 0):
        return {}
    original = channel.find(number_of(details, "message_id"))
    if original is not None:
        return {"reply_to_message": {key: part for key, part in original.items() if key != "reply_to_message"}}
    if flag_of(details, "allow_sending_without_reply") or flag_of(parameters, "allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")
