"""Mail comes in: SMTP from other servers (mx), from people's mail programs (submission), and LMTP from a server in front.

In: the events of one `wire.smtp.server.Server`. Out: replies, and every message that is taken goes, with its envelope, into
`delivery.accept` in one transaction, after whose commit alone 250 is said. `session.SmtpSession` is what a listener makes for each
connection; `net.drive` runs it.

One command, one file, one row (`commands/`): EHLO, HELP and the checks of sequence derive from the rows. One check, one file, one row
(`checks/`): each returns a verdict and knows nothing of the others. Commands and checks work on a `Conversation`, return
replies and verdicts, and write nothing.

Promised: nobody relays through us who has not logged in; a message that could mean two things to two servers is refused; what
a client may hold (memory, time, commands) is bounded by `options.Limits` and the `Budget` all connections share; strangers
are told nothing of the inside.
"""
