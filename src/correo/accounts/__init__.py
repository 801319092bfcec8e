"""Who has a mailbox here, by which names he is reached, and how he proves who he is.

In: addresses that were parsed, login names and passwords as a client sent them. Out: `Account`s, and `Resolution`s that say
where mail for an address goes. This package owns the tables `accounts_*`; what takes `tx` is an operation for
`db.read` or `db.write`, and refuses with `Refused`.

`resolve` is the one place that knows aliases, tags (`user+tag@domain`) and catch-alls; `owns` is the same walk asked backwards.
`Logins` is the only way in: it alone reads password hashes, and a name that does not exist costs what a wrong password costs.
Passwords are kept as argon2id hashes and SCRAM keys, never as they are; where CRAM-MD5 is allowed, also as what that needs. Beside
his own an account may have app passwords, for one program each. Who fails again and again is answered slowly, then banned
(`failures`); what an account sends is counted (`sending`).

A disabled account cannot log in, and still receives. Whoever is logged in when his account is disabled or removed, or gets another
password, is shut out: each session has a `Visit`, which learns it from the `presence` of its process. A shared account is several
people's: it receives as any other, nobody logs in as it, and who may read its mail is said by the rights in its mailboxes.
"""

from correo.accounts.account import (
    Account,
    account_by_id,
    add_account,
    created,
    get_account,
    list_accounts,
    list_shared,
    remove_account,
    set_admin,
    set_app_only,
    set_credentials,
    set_enabled,
)
from correo.accounts.aliases import Alias, add_alias, list_aliases, remove_alias
from correo.accounts.app_passwords import (
    SCOPES,
    AppPassword,
    add_app_password,
    app_passwords,
    remove_app_password,
)
from correo.accounts.credentials import OWASP, Cost, Credentials, cost_for, make_credentials
from correo.accounts.directory import (
    LocalTarget,
    NoSuchUser,
    NotLocal,
    RemoteTarget,
    Resolution,
    Resolved,
    Target,
    names_with_tag,
    owns,
    resolve,
)
from correo.accounts.domains import Domain, add_domain, is_local, list_domains, remove_domain
from correo.accounts.failures import Client, Patience
from correo.accounts.login import Authentication, Challenge, Denied, LoggedIn, Logins, Ways, log_denied
from correo.accounts.sending import SendLimits, Sent, count_sent, forget_sent, sent
from correo.accounts.tokens import Introspection, Service, Tokens

__all__ = [
    "OWASP",
    "SCOPES",
    "Account",
    "Alias",
    "AppPassword",
    "Authentication",
    "Challenge",
    "Client",
    "Cost",
    "Credentials",
    "Denied",
    "Domain",
    "Introspection",
    "LocalTarget",
    "LoggedIn",
    "Logins",
    "NoSuchUser",
    "NotLocal",
    "Patience",
    "RemoteTarget",
    "Resolution",
    "Resolved",
    "SendLimits",
    "Sent",
    "Service",
    "Target",
    "Tokens",
    "Ways",
    "account_by_id",
    "add_account",
    "add_alias",
    "add_app_password",
    "add_domain",
    "app_passwords",
    "cost_for",
    "count_sent",
    "created",
    "forget_sent",
    "get_account",
    "is_local",
    "list_accounts",
    "list_aliases",
    "list_domains",
    "list_shared",
    "log_denied",
    "make_credentials",
    "names_with_tag",
    "owns",
    "remove_account",
    "remove_alias",
    "remove_app_password",
    "remove_domain",
    "resolve",
    "sent",
    "set_admin",
    "set_app_only",
    "set_credentials",
    "set_enabled",
]
