from django.urls import path

from . import views

urlpatterns = [
    path("kyc/", views.overview, name="portal-overview"),
    path("kyc/profile/", views.profile, name="portal-profile"),
    path("kyc/identity/", views.identity, name="portal-identity"),
    path("kyc/address/", views.address, name="portal-address"),
    path("kyc/questions/", views.questions, name="portal-questions"),
    path("kyc/submit/", views.submit, name="portal-submit"),
    path("kyc/documents/<uuid:document_id>/remove/", views.remove, name="portal-remove"),
    path("kyc/documents/<uuid:document_id>/<int:page>.webp", views.picture, name="portal-picture"),
]
