"""Menu entries of tasks and legal documents."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register

from .selectors import tasks_due

register("office", section="overview", key="tasks", label=pgettext_lazy("navigation", "Tasks"), icon="list-todo",
         url="clients:tasks", permission="clients.task", order=20, badge=tasks_due)  # fmt: skip
register("office", section="settings", key="legal-documents", label=pgettext_lazy("navigation", "Legal documents"),
         icon="scale", url="clients:legal-documents", permission="clients.documents", order=46)  # fmt: skip
