"""Alerts: messages as data, the channels that render and carry them, the spool in which they wait."""

from linli.alerts.channels import Channel, Clock, Outcome
from linli.alerts.configuration import OUTBOX, Configuration, ConfigurationError, NoSuchChannel, load
from linli.alerts.delivery import Delivered, deliver
from linli.alerts.messages import KINDS, SEVERITIES, Letter, Line, Message, Subject, fingerprint_of
from linli.alerts.rendering import as_text, unmarked
from linli.alerts.silences import NotSilenced, Silence, check
from linli.alerts.spool import NoSuchMessage, Spool, Tally, Told

__all__ = [
    "KINDS",
    "OUTBOX",
    "SEVERITIES",
    "Channel",
    "Clock",
    "Configuration",
    "ConfigurationError",
    "Delivered",
    "Letter",
    "Line",
    "Message",
    "NoSuchChannel",
    "NoSuchMessage",
    "NotSilenced",
    "Outcome",
    "Silence",
    "Spool",
    "Subject",
    "Tally",
    "Told",
    "as_text",
    "check",
    "deliver",
    "fingerprint_of",
    "load",
    "unmarked",
]
