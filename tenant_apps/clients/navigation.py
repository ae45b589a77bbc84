"""Menu entries of tasks."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .selectors import tasks_open_count

register("office", section="overview", key="tasks", label=pgettext_lazy("navigation", "Tasks"), icon="list-todo",
         url="clients:tasks", permission="clients.task", order=20, badge=tasks_open_count)  # fmt: skip
