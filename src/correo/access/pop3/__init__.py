"""POP3: the inbox as it was at login; fetch, and delete at QUIT (RFC 1939).

`session.Pop3Session` answers the events of `wire.pop3`; the commands are one file each in `commands/`, listed in its table.
One session at a time has a maildrop (`locks`). A connection that drops has deleted nothing.
"""
