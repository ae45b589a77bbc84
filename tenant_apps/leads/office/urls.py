"""Addresses of sales work in the office."""

from __future__ import annotations

from django.urls import path

from . import rules, views

urlpatterns = [
    path("leads/", views.lead_list, name="list"),
    path("leads/new/", views.lead_new, name="new"),
    path("leads/bulk/", views.bulk, name="bulk"),
    path("leads/board/", views.board, name="board"),
    path("leads/board/move/", views.board_move, name="board-move"),
    path("leads/views/save/", views.view_save, name="view-save"),
    path("leads/views/<uuid:view_id>/delete/", views.view_delete, name="view-delete"),
    path("leads/rules/", rules.rule_list, name="rules"),
    path("leads/rules/new/", rules.rule_edit, name="rule-new"),
    path("leads/rules/test/", rules.rule_test, name="rule-test"),
    path("leads/rules/<uuid:rule_id>/", rules.rule_edit, name="rule-edit"),
    path("leads/rules/<uuid:rule_id>/move/", rules.rule_move, name="rule-move"),
    path("leads/rules/<uuid:rule_id>/delete/", rules.rule_delete, name="rule-delete"),
    path("leads/pipeline/", rules.pipeline, name="pipeline"),
    path("leads/pipeline/new/", rules.pipeline_edit, name="pipeline-new"),
    path("leads/pipeline/<uuid:status_id>/", rules.pipeline_edit, name="pipeline-edit"),
    path("clients/", views.client_list, name="clients"),
    path("clients/<uuid:client_id>/status/", views.status_set, name="status"),
    path("clients/<uuid:client_id>/call/", views.call_log, name="call"),
    path("clients/<uuid:client_id>/dial/", views.dial, name="dial"),
    path("clients/<uuid:client_id>/invite/", views.invite, name="invite"),
    path("clients/<uuid:client_id>/assign/", views.assign, name="assign"),
]
