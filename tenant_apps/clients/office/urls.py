"""Addresses of a client's page and of tasks in the office."""

from __future__ import annotations

from django.urls import path

from . import legal, tasks, views

urlpatterns = [
    path("clients/<uuid:client_id>/", views.client, name="client"),
    path("clients/<uuid:client_id>/note/", views.note, name="note"),
    path("clients/<uuid:client_id>/pin/<int:entry_id>/", views.pin, name="pin"),
    path("clients/<uuid:client_id>/profile/", views.profile, name="profile"),
    path("clients/<uuid:client_id>/tags/", views.tags, name="tags"),
    path("clients/<uuid:client_id>/identity/", views.identity, name="identity"),
    path("clients/<uuid:client_id>/entity/", views.entity, name="entity"),
    path("clients/<uuid:client_id>/risk/", views.risk, name="risk"),
    path("clients/<uuid:client_id>/task/", tasks.task_new, name="task-new"),
    path("legal-documents/", legal.index, name="legal-documents"),
    path("legal-documents/<str:kind>/new/", legal.new_version, name="legal-new"),
    path("legal-documents/<uuid:document_id>/", legal.read, name="legal-read"),
    path("legal-documents/<uuid:document_id>/translate/", legal.translate, name="legal-translate"),
    path("tasks/", tasks.task_list, name="tasks"),
    path("tasks/<uuid:task_id>/done/", tasks.task_done, name="task-done"),
]
