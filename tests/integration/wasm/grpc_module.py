"""A module that calls ``test.Echo`` as a request's fields say, and answers with what came of it.

``x-to``: the cluster; ``x-method``; ``x-message``. A call's answer becomes 200 with the message; a status that is not OK becomes 500 plus
the status, with the status message; a call that cannot be begun becomes 400 plus the host function's status. With ``x-stream`` it is a
stream on which the message is sent once, and again for every message that comes while fewer than three have: the response is 200 plus the
number of messages. A request with ``x-forget`` does not wait. While configuring and with each tick ``Say`` is called. Answers are logged.
"""

from __future__ import annotations

from tests.unit.runtimes.wasm.wat_modules import module, on_request

_FIELDS = {2048: "x-to", 2064: "x-method", 2080: "x-message", 2096: "x-stream", 2112: "x-forget"}
_DATA = {**_FIELDS, 2128: "test.Echo", 2144: "Say", 2160: "grpc"}


def _get(name: str, at: int) -> str:
    where = next(place for place, field in _FIELDS.items() if field == name)
    return f"(call $get_header_map_value (i32.const 0) (i32.const {where}) (i32.const {len(name)}) (i32.const {at}) (i32.const {at + 4}))"


def _at(place: int) -> str:
    return f"(i32.load (i32.const {place})) (i32.load (i32.const {place + 4}))"


def _reply(code: str, body: str = "(i32.const 0) (i32.const 0)") -> str:
    return f"(drop (call $send_local_response {code} (i32.const 0) (i32.const 0) {body} (i32.const 0) (i32.const 0) (i32.const -1)))"


def grpc_module(timeout: int = 5000, tick: int = 0, own: bool = False) -> str:
    """Its text.

    :param timeout: milliseconds of a call
    :param tick: milliseconds between two ticks
    :param own: it calls ``Say`` while it is configured and with each tick
    """
    service = "(i32.const 2128) (i32.const 9)"
    say = (
        f"(drop (call $grpc_call (i32.const 2160) (i32.const 4) {service} (i32.const 2144) (i32.const 3) (i32.const 0) (i32.const 0)"
        f" (i32.const 2144) (i32.const 3) (i32.const {timeout}) (i32.const 256)))"
    )
    send = f"(drop (call $grpc_send (local.get 1) {_at(80)} (i32.const 0)))"
    configure = f"(drop (call $set_tick_period_milliseconds (i32.const {tick}))) {say if own else ''} (i32.const 1)"
    request = f"""(local $status i32)
      (drop {_get("x-to", 64)}) (drop {_get("x-method", 72)}) (drop {_get("x-message", 80)})
      (global.set $messages (i32.const 0))
      (if {_get("x-stream", 88)}
        (then (local.set $status (call $grpc_call {_at(64)} {service} {_at(72)} (i32.const 0) (i32.const 0) {_at(80)}
          (i32.const {timeout}) (i32.const 256))))
        (else (local.set $status (call $grpc_stream {_at(64)} {service} {_at(72)} (i32.const 0) (i32.const 0) (i32.const 256)))
          (drop (call $grpc_send (i32.load (i32.const 256)) {_at(80)} (i32.const 0)))))
      (if (local.get $status) (then {_reply("(i32.add (i32.const 400) (local.get $status))")}))
      (i32.ne {_get("x-forget", 88)} (i32.const 0))"""
    message = "(drop (call $get_buffer_bytes (i32.const 5) (i32.const 0) (local.get 2) (i32.const 96) (i32.const 100)))"
    log = f"(drop (call $log (i32.const 3) {_at(96)}))"
    receive = f"""{message} {log}
      (if (i32.and (local.get 1) (i32.const 1))
        (then {_reply("(i32.const 200)", _at(96))})
        (else
          (global.set $messages (i32.add (global.get $messages) (i32.const 1)))
          (if (i32.lt_u (global.get $messages) (i32.const 3))
            (then {send})
            (else (drop (call $grpc_close (local.get 1)))))))"""
    close = f"""(drop (call $get_status (i32.const 104) (i32.const 96) (i32.const 100)))
      (if (i32.eqz (local.get 2))
        (then {_reply("(i32.add (i32.const 200) (global.get $messages))")})
        (else {_reply("(i32.add (i32.const 500) (local.get 2))", _at(96))}))"""
    return module(
        "(global $messages (mut i32) (i32.const 0))"
        f'(func (export "proxy_on_configure") (param i32 i32) (result i32) {configure})'
        f'(func (export "proxy_on_tick") (param i32) {say if own else ""})'
        + on_request(request)
        + f'(func (export "proxy_on_grpc_receive") (param i32 i32 i32) {receive})'
        + f'(func (export "proxy_on_grpc_close") (param i32 i32 i32) {close})',
        data=_DATA,
    )
