"""A Celery app whose workers take mail in, work on it, and send what is due."""

# mypy: disable-error-code="import-untyped,untyped-decorator"
# Celery publishes no types.

import base64
import os
from datetime import timedelta
from pathlib import Path

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutdown

from convalias import IncomingMail
from convalias.blocking import Convalias
from convalias.ports import Unavailable

cv = Convalias.from_toml("convalias.toml")  # opened by each process at its first call, after the fork

queue = Path(os.environ.get("QUEUE_FOLDER", "queue"))
queue.mkdir(exist_ok=True)
app = Celery("tasks", broker=os.environ.get("BROKER_URL", "filesystem://"))
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    # Of filesystem:// alone.
    broker_transport_options={"data_folder_in": queue, "data_folder_out": queue, "control_folder": queue},
)


@app.task(acks_late=True, autoretry_for=(Unavailable,), retry_backoff=True, max_retries=None)
def take_in(raw: str, recipients: list[str], sender: str) -> None:
    """A mail in base64, with its envelope. May run twice: it is one mail all the same."""
    cv.receiver.accept(IncomingMail(base64.b64decode(raw), recipients=recipients, sender=sender))
    work_due.delay()


@app.task(soft_time_limit=60)
def work_due() -> None:
    """Any number may run at once, in any process."""
    cv.run_until_idle(within=timedelta(seconds=30))


app.conf.beat_schedule = {
    "what is due": {"task": work_due.name, "schedule": 5.0, "options": {"expires": 5.0}},
}


@worker_process_init.connect
def opened(**_: object) -> None:
    """A child of the pool `prefork`: what is wrong shows when it starts, and not in its first task."""
    cv.refresh()


@worker_process_shutdown.connect
@worker_shutdown.connect
def closed(**_: object) -> None:
    cv.close()
