from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.brokers, name="brokers"),
    path("brokers/<uuid:tenant_id>/", views.broker, name="broker"),
    path("brokers/<uuid:tenant_id>/state/", views.broker_state, name="broker-state"),
    path("brokers/<uuid:tenant_id>/enter/", views.broker_enter, name="broker-enter"),
    path("brokers/<uuid:tenant_id>/dead-letters/", views.dead_letters, name="dead-letters"),
    path("brokers/<uuid:tenant_id>/dead-letters/<uuid:message_id>/replay/", views.replay, name="replay"),
    path("entries/<uuid:entry_id>/end/", views.entry_end, name="entry-end"),
    path("audit/", views.audit_trail, name="audit"),
]
