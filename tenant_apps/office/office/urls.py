"""Addresses of the office's own pages."""

from __future__ import annotations

from django.urls import path

from . import audit, entities, money, safeguards, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("find/", views.find, name="find"),
    path("audit/", audit.trail, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("audit/export/", audit.export, name="audit-export"),
    path("legal-entities/", entities.index, name="entities"),
    path("legal-entities/new/", entities.new, name="entity-new"),
    path("legal-entities/<uuid:entity_id>/", entities.entity, name="entity"),
    path("legal-entities/<uuid:entity_id>/archive/", entities.archive, name="entity-archive"),
    path("safeguards/", safeguards.index, name="safeguards"),
    path("money/", money.inbox, name="money"),
    path("money/export/", money.export, name="money-export"),
    path("money/views/save/", money.view_save, name="money-view-save"),
    path("money/views/<uuid:view_id>/delete/", money.view_delete, name="money-view-delete"),
    path("money/<str:work>/<uuid:row_id>/", money.one, name="money-item"),
    path("money/<str:work>/<uuid:row_id>/<str:decision>/", money.decide, name="money-decide"),
]
