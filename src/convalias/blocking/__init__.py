"""The façade without `await`, for workers and web services without an event loop of their own."""

from convalias.blocking.errors import BlockingError, InsideLoop, NoBackground, NotAfterFork
from convalias.blocking.facade import Convalias

__all__ = ["BlockingError", "Convalias", "InsideLoop", "NoBackground", "NotAfterFork"]
