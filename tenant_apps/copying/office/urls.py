from django.urls import path

from . import strategies

urlpatterns = [
    path("copying/", strategies.index, name="office-strategies"),
    path("copying/<uuid:strategy_id>/", strategies.strategy, name="office-strategy"),
    path("copying/<uuid:strategy_id>/release/", strategies.release, name="office-release"),
    path("copying/<uuid:strategy_id>/reject/", strategies.reject, name="office-reject"),
    path("copying/<uuid:strategy_id>/suspend/", strategies.suspend, name="office-suspend"),
]
