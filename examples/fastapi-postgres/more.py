"""What the chat may add once it has its mail: run it by `uvicorn more:api`."""

from chat import api, cv
from convalias import ConversationEvent
from convalias.app import MessageAdded

index: dict[str, str] = {}


@cv.on(MessageAdded, group="search")
async def add_to_search(event: ConversationEvent) -> None:
    """Hear of each message at least once, in the order of its talk; the same id is the same message."""
    if isinstance(event.happening, MessageAdded):
        index[event.id] = event.happening.text


@api.get("/search")
async def search(word: str) -> list[str]:
    return [text for text in index.values() if word in text]


@api.get("/talks/{talk}/address")
async def address(talk: str, of: str) -> str:
    """Give the address by which one of its people is reached in this talk, for a page of contacts."""
    return str(await cv.alias(talk, for_=of))
