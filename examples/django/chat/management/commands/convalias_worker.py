"""Sends and takes in mail until it is stopped: `python manage.py convalias_worker`."""

import signal
import sys

from django.core.management.base import BaseCommand

from chat.bridge import cv


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        """Run all workers. SIGTERM and Ctrl-C end it, and what is not done is taken up by the next one."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with cv:
            cv.run()
