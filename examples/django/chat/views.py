"""The chat over HTTP, and the doors for mail."""

import json
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt

from chat.bridge import cv
from chat.models import Talk

doors = cv.wsgi()


@csrf_exempt  # whoever posts proves it by a signature, or by the token in a link
def mail(request: HttpRequest, rest: str) -> StreamingHttpResponse:
    """The webhooks and pages of convalias: it checks, bounds and answers them."""
    octets = f"/{rest}".encode().decode("latin-1")  # Django decoded it; WSGI has octets, one by one
    below = {"SCRIPT_NAME": request.META.get("SCRIPT_NAME", "") + "/mail", "PATH_INFO": octets}
    answer = StreamingHttpResponse()  # so that the server itself hears of what is raised behind an answer

    def start(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        answer.status_code = int(status[:3])
        for name, value in headers:
            answer.headers[name] = value
        return answer.write

    answer.streaming_content = doors({**request.META, **below}, start)
    return answer


@csrf_exempt  # a chat of yours knows who is logged in; this one is for trying out
def messages(request: HttpRequest, talk: str) -> JsonResponse:
    """All messages of a talk; a post adds one, of `author` with `text`."""
    found = get_object_or_404(Talk, pk=talk)
    if request.method == "POST":
        post = json.loads(request.body)
        found.messages.create(author_id=post["author"], text=post["text"])
    rows = found.messages.order_by("at").values("author__username", "text")
    return JsonResponse([*rows], safe=False)
