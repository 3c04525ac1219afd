"""The HTTP doors as an ASGI app: mount it in FastAPI or Starlette, or serve it by itself."""

from convalias.extras import brought_by

with brought_by("asgi"):
    from convalias.adapters.asgi.app import Doors, app
    from convalias.adapters.asgi.connections import ConnectionBounds, Connections, bounded
    from convalias.adapters.asgi.failures import log

__all__ = ["ConnectionBounds", "Connections", "Doors", "app", "bounded", "log"]
