"""All targets, by name."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    configuration,
    differential,
    dns_messages,
    dsn,
    fields,
    http,
    imap_arguments,
    imap_framing,
    mailstores,
    mime,
    policies,
    pop3_server,
    proxy,
    rewriting,
    sasl,
    sessions,
    smtp_arguments,
    smtp_client,
    smtp_server,
    spool_files,
    trace_fields,
)

_MODULES = (
    smtp_server, smtp_client, smtp_arguments, pop3_server, imap_framing, imap_arguments, mime, differential, fields, rewriting, dsn,
    dns_messages, policies, sasl, proxy, http, configuration, mailstores, spool_files, trace_fields,
)  # fmt: skip

TARGETS: dict[str, Target] = {
    target.name: target for target in (*(module.TARGET for module in _MODULES), *sessions.TARGETS)
}
