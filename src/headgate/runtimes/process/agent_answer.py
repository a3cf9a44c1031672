"""What a plugin's answer does to the message: rejects it, edits it, or nothing.

An edit is all or nothing: every name and value is checked before the first change. An entry that comes back as it was sent changes
nothing, so that a plugin may echo its whole header map without flattening fields that came several times.
Compiled by mypyc; interpreted otherwise.
"""

from __future__ import annotations

from headgate.api.errors import AlreadyRepliedError
from headgate.api.headers import Headers, header_line
from headgate.api.messages import RequestHead, ResponseHead
from headgate.api.plugin_messages import PluginRequest, PluginResponse
from headgate.api.status import Status
from headgate.api.stream import Stream
from headgate.runtimes.process.agent_attributes import BEFORE_SEND, check_attribute, set_attribute
from headgate.runtimes.process.agent_plan import AgentPlan


def apply_answer(plan: AgentPlan, stream: Stream, phase: int, asked: PluginRequest, answer: PluginResponse) -> Status:
    """Do what an answer says.

    :param asked: what it answers
    :raises HeaderError: if it holds a name or value that may not stand in a message; nothing has changed then
    """
    if plan.reject.rejects(answer.status):
        return _reject(plan, stream, phase, answer)
    response = stream.response
    message = response if phase == BEFORE_SEND and response is not None else stream.request
    headers = _changes(answer.header, asked.header) if plan.edits_headers and answer.header else []
    trailers = _changes(answer.trailer, asked.trailer) if plan.edits_trailers and answer.trailer else []
    _check(headers, phase)
    _check(trailers, -1)
    if headers:
        _edit(message.headers, headers, stream)
    if trailers:
        _edit_trailers(message, trailers, stream)
    if plan.edits_body and answer.body:
        message.body = answer.body
    return Status.CONTINUE


def _reject(plan: AgentPlan, stream: Stream, phase: int, answer: PluginResponse) -> Status:
    reject = plan.reject
    status = reject.reply_status
    if status == 0:
        status = answer.status if 200 <= answer.status <= 599 else 403
    headers = dict(reject.headers)
    if reject.answer_headers:
        headers.update((name, value) for name, value in answer.header.items() if not name.startswith(":"))
    body: bytes | str = answer.body if reject.answer_body and answer.body else reject.body
    try:
        stream.reply(status, headers, body)
    except AlreadyRepliedError:
        if phase != BEFORE_SEND:
            raise
        return Status.CONTINUE  # the response is a reply already, perhaps our own: it is not rejected once more
    return Status.STOP if phase != BEFORE_SEND else Status.CONTINUE


def _changes(answered: dict[str, str], asked: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answered.items() if asked.get(name) != value or (not value and not name.startswith(":"))]


def _check(changes: list[tuple[str, str]], phase: int) -> None:
    """:param phase: -1 in trailers, where attributes have no place"""
    for name, value in changes:
        if name.startswith(":") and phase >= 0:
            check_attribute(name, value, phase)
        else:
            header_line(name, value)


def _edit(headers: Headers, changes: list[tuple[str, str]], stream: Stream) -> None:
    for name, value in changes:
        if name.startswith(":"):
            set_attribute(name, value, stream)
        elif value:
            headers.set(name, value)
        else:
            headers.remove(name)


def _edit_trailers(message: RequestHead | ResponseHead, changes: list[tuple[str, str]], stream: Stream) -> None:
    trailers = message.trailers
    if trailers is None:
        trailers = Headers()
    _edit(trailers, changes, stream)
    if trailers.keys:
        message.trailers = trailers
