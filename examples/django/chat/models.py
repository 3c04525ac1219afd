"""Talks between users, and their messages."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone


def new_id() -> str:
    """An id that is never given twice."""
    return uuid4().hex


class Talk(models.Model):
    id = models.CharField(primary_key=True, max_length=32, default=new_id)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="talks")
    state = models.CharField(max_length=8, default="open")


class Message(models.Model):
    id = models.CharField(primary_key=True, max_length=32, default=new_id)
    talk = models.ForeignKey(Talk, models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    # The two fields that mail needs.
    mail_key = models.CharField(max_length=42, null=True, editable=False)  # noqa: DJ001 - null is unique to nothing
    told = models.BooleanField(default=False, db_index=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["talk", "mail_key"], name="mail_keys")]
        indexes = [models.Index(fields=["talk", "at"], name="in_order")]
