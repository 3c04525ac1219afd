"""Wiring: settings and adapters to services, and the façade over them. Nothing is opened before it is entered."""

from convalias.app.facade import Convalias, NotOpen
from convalias.app.ports import Ports
from convalias.app.services import Services, Wiring
from convalias.app.workers import WORKERS, Idle, Worker

__all__ = ["WORKERS", "Convalias", "Idle", "NotOpen", "Ports", "Services", "Wiring", "Worker"]
