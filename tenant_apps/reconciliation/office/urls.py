"""Addresses of the desk."""

from django.urls import path

from . import reports

urlpatterns = [
    path("reconciliation/reports/", reports.index, name="reports"),
    path("reconciliation/reports/new/", reports.new, name="report-new"),
    path("reconciliation/reports/<uuid:report_id>/", reports.report, name="report"),
    path("reconciliation/reports/<uuid:report_id>/again/", reports.again, name="report-again"),
    path("reconciliation/reports/<uuid:report_id>/export/", reports.export, name="report-export"),
]
