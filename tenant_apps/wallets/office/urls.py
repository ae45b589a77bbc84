from django.urls import path

from . import views

urlpatterns = [
    path("wallets/<uuid:client_id>/<str:currency>/", views.statement, name="statement"),
]
