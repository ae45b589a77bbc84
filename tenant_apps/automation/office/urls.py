"""Addresses of rules and of the demo's clock in the office."""

from __future__ import annotations

from django.urls import path

from . import clock, views

urlpatterns = [
    path("automation/", views.rule_list, name="rules"),
    path("automation/new/", views.rule_edit, name="rule-new"),
    path("automation/conditions/", views.build, name="build"),
    path("automation/log/", views.run_log, name="log"),
    path("automation/<uuid:rule_id>/", views.rule_edit, name="rule"),
    path("automation/<uuid:rule_id>/switch/", views.rule_switch, name="switch"),
    path("automation/<uuid:rule_id>/dry-run/", views.rule_dry_run, name="dry-run"),
    path("demo/clock/", clock.demo_clock_page, name="demo-clock"),
    path("demo/clock/move/", clock.move, name="demo-clock-move"),
    path("demo/clock/days/", clock.days, name="demo-clock-days"),
]
