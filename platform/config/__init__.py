"""Settings, addresses and entry points. Importing it loads the task app, so that every process can enqueue."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
