from django.urls import path

from . import rates, views

urlpatterns = [
    path("wallets/rates/", rates.index, name="rates"),
    path("wallets/rates/history/", rates.history, name="rate-history"),
    path("wallets/rates/propose/", rates.propose, name="rate-propose"),
    path("wallets/rates/rules/", rates.rules, name="exchange-rules"),
    path("wallets/rates/refresh/", rates.refresh, name="rates-refresh"),
    path("wallets/rates/markups/", rates.markup, name="markup"),
    path("wallets/rates/markups/<uuid:markup_id>/remove/", rates.markup_remove_view, name="markup-remove"),
    path("wallets/rates/<uuid:rate_id>/approve/", rates.approve, name="rate-approve"),
    path("wallets/rates/<uuid:rate_id>/reject/", rates.reject, name="rate-reject"),
    path("wallets/<uuid:client_id>/<str:currency>/", views.statement, name="statement"),
]
