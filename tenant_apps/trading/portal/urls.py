from django.urls import path

from . import views

urlpatterns = [
    path("accounts/", views.account_list, name="portal-accounts"),
    path("accounts/margin-mails/", views.margin_mails, name="portal-margin-mails"),
    path("accounts/open/", views.account_open, name="portal-open"),
    path("accounts/<uuid:account_id>/", views.account, name="portal-account"),
    path("accounts/<uuid:account_id>/transfer/", views.transfer, name="portal-transfer"),
    path("accounts/<uuid:account_id>/leverage/", views.leverage, name="portal-leverage"),
    path("accounts/<uuid:account_id>/password/", views.password, name="portal-password"),
    path("accounts/<uuid:account_id>/archive/", views.archive, name="portal-archive"),
    path("accounts/<uuid:account_id>/reopen/", views.reopen, name="portal-reopen"),
    path("accounts/<uuid:account_id>/reveal/", views.reveal, name="portal-reveal"),
]
