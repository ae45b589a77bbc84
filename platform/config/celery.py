"""The task app: `celery -A config.celery worker -Q money,webhooks,provisioning,mail,reports,default`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.demo")


class BrokerConnection(Connection):
    """Without the channel that a lost broker has broken.

    Celery 5.7 closes a connection twice when the broker is lost. The second time Kombu wants to give back what the channel
    had taken, knows the broker's address no longer, and the worker ended: whenever it was at one task and waited for another.
    """

    def collect(self, socket_timeout: float | None = None) -> None:
        try:
            super().collect(socket_timeout)
        finally:
            self._default_channel = None


class Broker(AMQP):
    Connection = BrokerConnection


app = Celery("rialto", amqp=Broker)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # for all threads: the current app is known to the importing one only


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Settings configured the logs already."""


@app.on_after_finalize.connect
def _schedule(sender: Celery, **_: Any) -> None:
    """Beat's timetable. Each entry wakes a fan-out task in the public scope."""
    from kernel.schedule import entries

    for entry in entries():
        sender.add_periodic_task(
            entry.seconds,
            sender.signature(entry.task, headers={"rialto_scope": "public"}, queue=entry.queue),
            name=entry.task,
            expires=max(entry.seconds, 60),  # workers that are behind do the newest of its kind, not all of them
        )
