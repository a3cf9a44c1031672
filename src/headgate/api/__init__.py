"""Ground floor: what an author of an extension imports, and the registries. It imports nothing of the rest."""

from headgate.api.deferred import Deferred, DeferredChunk
from headgate.api.errors import (
    AlreadyRepliedError,
    ConfigError,
    ConfigRejected,
    ExtensionError,
    HeaderError,
    HeadgateError,
    NotSupportedYet,
    ReplyTooLateError,
)
from headgate.api.headers import Headers
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.plugin import PluginCall, PluginClient, PluginError, PluginReceiver, register_plugin
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.api.status import BodyNeed, OnError, Phase, Status
from headgate.api.stream import Address, ConnectionInfo, HostInfo, RouteInfo, Stream
from headgate.api.stream_filter import FilterCallbacks, StreamFilter, StreamFilterFactory, Verdict, stream_filter

__all__ = [
    "Address",
    "AlreadyRepliedError",
    "BodyNeed",
    "ConfigError",
    "ConfigRejected",
    "ConnectionInfo",
    "Deferred",
    "DeferredChunk",
    "ExtensionError",
    "FilterCallbacks",
    "HeaderError",
    "Headers",
    "HeadgateError",
    "HostInfo",
    "NotSupportedYet",
    "OnError",
    "Phase",
    "PluginCall",
    "PluginClient",
    "PluginError",
    "PluginReceiver",
    "PluginRequest",
    "PluginResponse",
    "ReplyTooLateError",
    "RequestHead",
    "ResponseHead",
    "RouteInfo",
    "Status",
    "Stream",
    "StreamFilter",
    "StreamFilterFactory",
    "Verdict",
    "register_plugin",
    "stream_filter",
]
