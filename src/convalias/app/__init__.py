"""Wiring: settings and adapters to services, and the façade over them. Nothing is opened before it is entered."""

from convalias.app.facade import AlreadyOpen, Convalias, NotOpen
from convalias.app.ports import Ports
from convalias.app.services import Services, Wiring
from convalias.app.workers import WORKERS, Idle, Worker

__all__ = ["WORKERS", "AlreadyOpen", "Convalias", "Idle", "NotOpen", "Ports", "Services", "Wiring", "Worker"]
