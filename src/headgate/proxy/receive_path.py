"""The request's way: filters of the three receiver phases, route, host (see ``stream_state`` for the theory).

Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

import logging
from typing import Final

from headgate.api.headers import Headers
from headgate.api.messages import ResponseHead
from headgate.api.status import BodyNeed
from headgate.observe.stream_info import NO_HEALTHY_UPSTREAM, NO_ROUTE_FOUND, REQUEST_ENTITY_TOO_LARGE
from headgate.proxy.body_path import BodyPath
from headgate.proxy.filter_calls import (
    FAILED,
    GO_ON,
    RECHOOSE,
    REMATCH,
    SKIPPED,
    STOPPED,
    SUSPENDED,
    TERMINATED,
    no_bytes,
)
from headgate.proxy.filter_chain import ChainBuilder, FilterChain
from headgate.proxy.filter_entry import FilterEntry, FilterSlot
from headgate.proxy.handler_call import WALK_ON, HandlerCall
from headgate.proxy.stream_state import (
    AFTER_CHOOSE_HOST,
    AFTER_ROUTE,
    BEFORE_ROUTE,
    CHOOSE_HOST,
    MATCH_ROUTE,
    RESPONDING,
    UPSTREAM,
)
from headgate.router.errors import RoutingError
from headgate.router.route import REDIRECT, ROUTE
from headgate.upstream.cluster import Cluster

_LOG: Final = logging.getLogger("headgate.proxy")

MAX_REENTRIES: Final = 10
"""How often filters may have route or host chosen again in one request."""

_NONE: Final = int(BodyNeed.NONE)
_BUFFER: Final = int(BodyNeed.BUFFER)
_CHUNKS: Final = int(BodyNeed.CHUNKS)


class ReceivePath(BodyPath):
    """The layer that walks the request."""

    # --- birth

    def build_chain(self) -> bool:
        """Make the filters of this stream.

        :returns: False if that failed, or a filter in quarantine denies the request: it has been answered
        """
        self.asked = self.request.target
        shared = self.snapshot.quiet_chain
        if shared is not None and shared.complete():
            self.chain = shared
            return True
        chain: FilterChain | None = None
        denied = 0
        watch = self.snapshot.watch
        for entry in self.snapshot.entries:
            if entry.match is not None and not entry.match.applies(self.request):
                continue
            if entry.quarantined_until != 0.0 and entry.quarantined():
                if entry.deny and not denied:
                    denied = 503
                continue
            if chain is None:
                chain = self.chain = FilterChain()
            watch.serial += 1
            watch.entry = entry
            try:
                simple = entry.simple
                if simple is not None:
                    chain.add_simple(entry, simple.filter_class(simple.config))
                else:
                    entry.factory.create_filter_chain(ChainBuilder(chain, entry))
            except BaseException as error:
                self._factory_failed(entry, error)
                if entry.deny and not denied:
                    denied = 500
            watch.entry = None
        if denied:
            self.local_reply(denied, 0, b"")
            return False
        return True

    def _factory_failed(self, entry: FilterEntry, error: BaseException) -> None:
        entry.stats.errors += 1
        entry.count_failure()
        _LOG.error("stream filter %s: no filter could be made: %s", entry.name, error, exc_info=error)

    # --- the walk

    def begin_walk(self) -> None:
        """The walk from its start: ``advance`` for as long as there is nothing but filters before the route."""
        chain = self.chain
        if chain is not None:
            if chain.last_phase > 0:
                self.advance()
                return
            if not self._run_receivers(chain, 0):
                return
        self.step = AFTER_ROUTE
        if self._match_route() and self._choose_host():
            self.step = UPSTREAM
            self.send_upstream()

    def advance(self) -> None:
        """Walk on until the request is on its way, is answered, or something must be waited for."""
        while True:
            step = self.step
            chain = self.chain
            # From one step straight on to the next; ``self.step`` is where the walk goes on after a stop.
            if step == BEFORE_ROUTE:
                if chain is not None and not self._run_receivers(chain, 0):
                    return
                step = MATCH_ROUTE
            if step == MATCH_ROUTE:
                self.step = AFTER_ROUTE
                if not self._match_route():
                    return
                step = AFTER_ROUTE
            if step == AFTER_ROUTE:
                if chain is not None and chain.last_phase > 0 and not self._run_receivers(chain, 1):
                    if self.step == MATCH_ROUTE:
                        continue
                    return
                step = CHOOSE_HOST
            if step == CHOOSE_HOST:
                if not self._choose_host():
                    return
                self.step = step = AFTER_CHOOSE_HOST
            if step == AFTER_CHOOSE_HOST:
                if chain is not None and chain.last_phase > 1 and not self._run_receivers(chain, 2):
                    if self.step == CHOOSE_HOST:
                        continue
                    return
                self.step = UPSTREAM
                self.send_upstream()
            return

    def _run_receivers(self, chain: FilterChain, phase: int) -> bool:
        """Run the filters of one phase from the cursor on; False: the walk stops here, for now or for good."""
        receivers = chain.receivers
        count = len(receivers)
        at = self.receive_at
        while at < count:
            slot = receivers[at]
            if slot.phase > phase:
                return True
            need = slot.capabilities.request_body
            if need == _BUFFER and not self._body_ready(slot):
                return False
            outcome = self.call_receive(slot)
            if self.step >= RESPONDING:
                # Answered or ended from within (a failing filter, terminate()).
                return False
            if outcome == GO_ON and need == _NONE and self.reply_head is None:
                self.receive_at = at = at + 1
            elif self._after_receive(slot, outcome):
                at = self.receive_at
            else:
                return False
        return True

    def _after_receive(self, slot: FilterSlot, outcome: int) -> bool:
        """Do what a filter's verdict says; False: the walk stops here."""
        if outcome in (GO_ON, SKIPPED):
            if self.reply_head is not None:
                self.start_reply()
                return False
            if not self._passed(slot):
                return False
            self.receive_at += 1
            return True
        if outcome == STOPPED:
            if self.reply_head is None:
                slot.entry.stats.errors += 1
                slot.entry.count_failure()
                _LOG.error("stream filter %s returned STOP without a reply", slot.entry.name)
                self.local_reply(500, 0, b"")
            else:
                self.start_reply()
        elif outcome == TERMINATED:
            self.terminate_silently()
        elif outcome in (REMATCH, RECHOOSE):
            self.reentries += 1
            if self.reentries > MAX_REENTRIES:
                _LOG.error("stream filter %s: route or host chosen again more than %d times", slot.entry.name, MAX_REENTRIES)
                slot.entry.stats.errors += 1
                self.local_reply(500, 0, b"")
            else:
                self.step = MATCH_ROUTE if outcome == REMATCH else CHOOSE_HOST
        else:
            assert outcome in (SUSPENDED, FAILED)
        return False

    def _body_ready(self, slot: FilterSlot) -> bool:
        """Whether the whole body is there for a filter that needs it; else wait for it."""
        limit = slot.entry.max_body
        if self.held_request_bytes > limit or self.request.content_length > limit:
            self.local_reply(413, REQUEST_ENTITY_TOO_LARGE, b"")
            return False
        if not self.request_ended:
            self.waiting_for_body = True
            self.sender.want_body()
            self.resume_request()
            return False
        self.request.body = b"".join(self.held_request)
        return True

    def _passed(self, slot: FilterSlot) -> bool:
        """The walk passes a filter: it sees the chunks that were held before it, or what it made of the body is taken over."""
        need = slot.capabilities.request_body
        if need == _BUFFER:
            body = self.request.body
            if body is None:
                body = b""
            if no_bytes(body):
                return self.handler_failed(slot, TypeError(f"left a body of {type(body).__name__}, not bytes"), "on_receive")
            self.held_request = [body] if body else []
            self._body_changed(len(body))
        elif need == _CHUNKS:
            if not self.request_ended or self.held_request:
                self.request.headers.changed = True
            chunks = self.held_request
            self.held_request = []
            self.held_request_bytes = 0
            for data in chunks:
                passed = self.call_data(slot, data, False)
                if passed is None or self.step >= RESPONDING:
                    return False
                if passed:
                    self.held_request.append(passed)
                    self.held_request_bytes += len(passed)
            if slot.capabilities.request_end and self.request_ended:
                rest = self.call_end(slot, False, WALK_ON)
                if rest is None or self.step >= RESPONDING:
                    return False
                self.hold_request_rest(rest)
        return True

    def _body_changed(self, length: int) -> None:
        self.held_request_bytes = length
        request = self.request
        if request.trailers is not None:
            return  # with trailers it goes on in chunks, which need no length
        if request.content_length != length and (request.content_length >= 0 or length):
            request.content_length = length
            request.headers.changed = True

    # --- route and host

    def _match_route(self) -> bool:
        """Match the route; False: that failed, the request was answered. No route is no failure yet: a filter may answer."""
        try:
            route = self.snapshot.router.match(self)
        except RoutingError as error:
            _LOG.warning("listener %s: no route could be matched: %s", self.snapshot.name, error)
            self.local_reply(error.status, NO_ROUTE_FOUND, b"")
            return False
        self.matched = route
        if route is None:
            self.route = None
            return True
        self.route = route.info
        if route.filter_configs:
            self._merge_configs(route.filter_configs)
        return True

    def _merge_configs(self, configs: dict[int, object]) -> None:
        chain = self.chain
        if chain is not None:
            for slot in chain.instances:
                config = configs.get(slot.entry.id)
                if config is not None:
                    slot.filter.config = config

    def _choose_host(self) -> bool:
        route = self.matched
        if route is None:
            self.local_reply(404, NO_ROUTE_FOUND, b"")
            return False
        if route.kind != ROUTE:
            if route.kind == REDIRECT:
                self.answer(ResponseHead(route.redirect_code, Headers.of({"Location": route.redirect_location(self)})), b"")
            else:
                self.answer(ResponseHead(route.direct_status, Headers()), route.direct_body)
            return False
        name = route.pick_cluster(self)
        cluster = self.snapshot.clusters.get(name)
        if cluster is None:
            _LOG.error("route %s of %s leads to cluster %r, which does not exist", route.info.name, route.info.virtual_host, name)
            self.local_reply(404, NO_ROUTE_FOUND, b"")
            return False
        self.cluster = cluster
        self.info.upstream_cluster = name
        return self.choose_host_of(cluster)

    def choose_host_of(self, cluster: Cluster) -> bool:
        """Choose a host, others than those tried before if there are any; False: there is none, the request was answered."""
        host = cluster.choose_host(self, self.tried)
        if host is None:
            self.info.upstream_failure = "no usable host"
            self.local_reply(502, NO_HEALTHY_UPSTREAM, b"")
            return False
        self.chosen = host
        self.host = host.info
        return True

    # --- verdicts of asynchronous handlers

    def on_handler_done(self, call: HandlerCall, verdict: object) -> None:
        """An asynchronous handler returned."""
        self.async_call = None
        outcome = self.judge(call.slot, verdict, call.sending)
        if call.sending:
            self.after_async_send(call.slot, outcome)
        elif self.step < RESPONDING and (self._after_receive(call.slot, outcome) or self.step in (MATCH_ROUTE, CHOOSE_HOST)):
            self.advance()

    def on_handler_failed(self, call: HandlerCall, error: BaseException) -> None:
        """An asynchronous handler raised."""
        self.async_call = None
        if self.handler_failed(call.slot, error, "on_send" if call.sending else "on_receive"):
            self._skip(call)

    def on_handler_timed_out(self, call: HandlerCall) -> None:
        """An asynchronous handler took too long."""
        self.async_call = None
        entry = call.slot.entry
        entry.stats.timeouts += 1
        entry.count_failure()
        _LOG.error("stream filter %s did not answer within %g s", entry.name, entry.timeout)
        self.reply_head = None
        if entry.deny:
            self.skip_sender(call.slot)
            self.local_reply(504, 0, b"")
        else:
            self._skip(call)

    def _skip(self, call: HandlerCall) -> None:
        if call.sending:
            self.after_async_send(call.slot, GO_ON)
        elif self.step < RESPONDING and self._after_receive(call.slot, GO_ON):
            self.advance()

    def after_async_send(self, slot: FilterSlot, outcome: int) -> None:
        """Go on behind an asynchronous sender (send path)."""
        raise NotImplementedError
