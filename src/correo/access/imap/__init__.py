"""IMAP4rev1 and IMAP4rev2: mail that stays on the server, seen alike by every device (RFC 3501, RFC 9051).

`session.ImapSession` answers the events of `wire.imap.framing`. In: a connection's events, one at a time; `wake` by the bus.
Out: octets for the core, in an order that every client can follow, though several sessions change one mailbox.

    session   one connection: states, dialogues, limits      responses  what a command may answer
    options   what a listener is told, and what all sessions share
    commands/ one file for each command, its rows in the table; CAPABILITY and the checks of state follow from the rows
    items/    what FETCH, SEARCH and STATUS can be asked for, a row each
    places    where the name of a mailbox leads, whoever it belongs to
    rights    what may be done there            namespaces   how the mailboxes of others are called (pure)
    view      this client's picture of the mailbox: numbers, and what it was not told yet (pure)
    sync      the points where the picture is brought up to date
    patterns  LIST's wildcards (pure)                         folders    the tree LIST shows (pure)
    choosing  which names the extended LIST tells (pure)      annotations, quotas   what METADATA and QUOTA tell
    replies   what the refusals of the store are called   revisions  what ENABLE IMAP4rev2 and UIDONLY change
    message_limit, progress   commands that touch many messages
    news, watching            what is told unasked: of the selected mailbox, and what NOTIFY asked for

Promised:
- A message number means what the client thinks it means: EXPUNGE is told at the end of every command but
  FETCH, STORE and SEARCH by number, and while the client idles or watches; never else (RFC 3501 §7.4.1).
- What one session commits, another tells at its next command, or at once while it idles or watches.
- Answers are streamed: memory is bounded by one message and a slice of rows, and no command holds up other sessions.
- A mailbox that is deleted under a session ends the session with BYE (RFC 2180 §3.3); one that is renamed stays selected.
- In a mailbox of another account nothing is changed without a right to it, looked up in the same transaction (RFC 4314); one
  that may not be listed cannot be told from one that does not exist.
"""
