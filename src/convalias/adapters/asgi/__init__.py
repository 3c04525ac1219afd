"""The HTTP doors as an ASGI app: mount it in FastAPI or Starlette, or serve it by itself."""

from convalias.adapters.asgi.app import Doors, app

__all__ = ["Doors", "app"]
