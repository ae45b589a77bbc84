from django.urls import path

from . import views

urlpatterns = [
    path("kyc/", views.queue, name="office-queue"),
    path("kyc/<uuid:case_id>/", views.review, name="office-review"),
    path("kyc/<uuid:case_id>/approve/", views.approve, name="office-approve"),
    path("kyc/<uuid:case_id>/ask/", views.ask, name="office-ask"),
    path("kyc/<uuid:case_id>/reject/", views.reject, name="office-reject"),
    path("kyc/documents/<uuid:document_id>/accept/", views.accept_document, name="office-accept-document"),
    path("kyc/documents/<uuid:document_id>/refuse/", views.refuse_document, name="office-refuse-document"),
    path("kyc/documents/<uuid:document_id>/<int:page>.webp", views.picture, name="office-picture"),
]
