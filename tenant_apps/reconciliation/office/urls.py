"""Addresses of the desk."""

from django.urls import path

from . import books, cases, close, desk, reports

urlpatterns = [
    path("reconciliation/", desk.desk, name="desk"),
    path("reconciliation/alarms/", desk.alarms, name="alarms"),
    path("reconciliation/settings/", desk.settings, name="settings"),
    path("reconciliation/close/", close.index, name="closes"),
    path("reconciliation/close/<str:day>/", close.close, name="close"),
    path("reconciliation/close/<str:day>/prepare/", close.prepare, name="close-prepare"),
    path("reconciliation/close/<str:day>/sign/", close.sign, name="close-sign"),
    path("reconciliation/close/<str:day>/export/", close.export, name="close-export"),
    path("reconciliation/reports/", reports.index, name="reports"),
    path("reconciliation/reports/new/", reports.new, name="report-new"),
    path("reconciliation/reports/<uuid:report_id>/", reports.report, name="report"),
    path("reconciliation/reports/<uuid:report_id>/again/", reports.again, name="report-again"),
    path("reconciliation/reports/<uuid:report_id>/export/", reports.export, name="report-export"),
    path("reconciliation/cases/", cases.index, name="cases"),
    path("reconciliation/cases/export/", cases.export, name="cases-export"),
    path("reconciliation/cases/<uuid:case_id>/", cases.case, name="case"),
    path("reconciliation/cases/<uuid:case_id>/take/", cases.take, name="case-take"),
    path("reconciliation/cases/<uuid:case_id>/hand-over/", cases.hand_over, name="case-hand-over"),
    path("reconciliation/cases/<uuid:case_id>/note/", cases.note, name="case-note"),
    path("reconciliation/cases/<uuid:case_id>/solve/", cases.solve, name="case-solve"),
    path("reconciliation/cases/<uuid:case_id>/reopen/", cases.reopen, name="case-reopen"),
    path("reconciliation/cases/<uuid:case_id>/propose/", cases.propose, name="case-propose"),
    path("reconciliation/cases/<uuid:case_id>/next/", cases.next_one, name="case-next"),
    path("reconciliation/corrections/<uuid:correction_id>/approve/", cases.approve, name="correction-approve"),
    path("reconciliation/corrections/<uuid:correction_id>/refuse/", cases.refuse, name="correction-refuse"),
    path("reconciliation/corrections/<uuid:correction_id>/reverse/", cases.reverse, name="correction-reverse"),
    path("reconciliation/clearing/", books.clearing, name="clearing"),
    path("reconciliation/clearing/<uuid:account_id>/<str:currency>/", books.clearing_account, name="clearing-account"),
    path("reconciliation/sides/", books.sides, name="sides"),
    path("reconciliation/trading/", books.platforms, name="platforms"),
]
