"""Addresses of segments and series in the office."""

from __future__ import annotations

from django.urls import path

from . import mail_texts, segments, series, steps

urlpatterns = [
    path("campaigns/segments/", segments.segment_list, name="segments"),
    path("campaigns/segments/new/", segments.segment_edit, name="segment-new"),
    path("campaigns/segments/build/", segments.build, name="segment-build"),
    path("campaigns/segments/<uuid:segment_id>/", segments.segment_page, name="segment"),
    path("campaigns/segments/<uuid:segment_id>/edit/", segments.segment_edit, name="segment-edit"),
    path("campaigns/segments/<uuid:segment_id>/delete/", segments.segment_delete, name="segment-delete"),
    path("campaigns/series/", series.series_list, name="series"),
    path("campaigns/series/new/", series.series_edit, name="series-new"),
    path("campaigns/series/<uuid:series_id>/", series.series_page, name="series-page"),
    path("campaigns/series/<uuid:series_id>/edit/", series.series_edit, name="series-edit"),
    path("campaigns/series/<uuid:series_id>/start/", series.series_start, name="series-start"),
    path("campaigns/series/<uuid:series_id>/pause/", series.series_pause, name="series-pause"),
    path("campaigns/series/<uuid:series_id>/steps/new/", steps.step_edit, name="step-new"),
    path("campaigns/series/<uuid:series_id>/steps/<uuid:step_id>/", steps.step_edit, name="step"),
    path("campaigns/series/<uuid:series_id>/steps/<uuid:step_id>/preview/", steps.preview, name="step-preview"),
    path("campaigns/series/<uuid:series_id>/steps/<uuid:step_id>/delete/", steps.step_delete, name="step-delete"),
    path("campaigns/mails/", mail_texts.index, name="mail-texts"),
    path("campaigns/mails/<str:key>/", mail_texts.edit, name="mail-text"),
    path("campaigns/mails/<str:key>/preview/", mail_texts.preview, name="mail-text-preview"),
    path("campaigns/mails/<str:key>/reset/", mail_texts.reset, name="mail-text-reset"),
    path("campaigns/blocks/", steps.blocks, name="blocks"),
    path("campaigns/enrolments/<uuid:enrolment_id>/stop/", series.enrolment_stop, name="enrolment-stop"),
    path("campaigns/suppressions/", series.suppression_list, name="suppressions"),
    path("campaigns/suppressions/<uuid:suppression_id>/remove/", series.suppression_remove, name="suppression-remove"),
]
