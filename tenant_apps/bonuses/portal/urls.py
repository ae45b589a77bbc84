from django.urls import path

from . import views

urlpatterns = [
    path("bonuses/", views.index, name="portal-bonuses"),
    path("bonuses/<uuid:grant_id>/terms/", views.terms, name="portal-terms"),
    path("bonuses/<uuid:grant_id>/accept/", views.accept, name="portal-accept"),
    path("bonuses/<uuid:grant_id>/decline/", views.decline, name="portal-decline"),
]
