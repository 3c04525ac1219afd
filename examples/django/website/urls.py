"""The pages of the chat, and the doors for mail below `/mail/`."""

from django.urls import path

from chat import views

urlpatterns = [
    path("talks/<talk>/messages", views.messages),
    path("mail/<path:rest>", views.mail),
]
