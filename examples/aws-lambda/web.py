"""The function behind the URL: the webhook of the mail provider, and the pages behind the links in mails."""

import asyncio

from mangum import Mangum
from starlette.applications import Starlette
from starlette.routing import Mount

from convalias import Convalias

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)  # mangum serves every request of this container on it

cv = Convalias.from_toml("convalias.toml")
loop.run_until_complete(cv.__aenter__())  # once a container, and never left: Lambda ends one without a word

service = Starlette(routes=[Mount("/", cv.asgi())])  # your own routes stand before it
handler = Mangum(service, lifespan="off")  # "auto" would open and close for each request
