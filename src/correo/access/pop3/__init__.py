"""POP3: the inbox as it was at login; fetch, and delete at QUIT (RFC 1939).

`session.Pop3Session` answers the events of `wire.pop3`; the commands are one file each in `commands/`, listed in its table.
One session at a time has a maildrop (`locks`), and perhaps not too soon after the last (`delays`). A connection that drops has deleted
nothing; what is deleted goes, or into the Trash for some days. Messages with UTF-8 in their headers are sent as they are to those who said
UTF8, to others in ASCII (RFC 6856); long ones in pieces. What is said to people is said in their language (`languages`).
"""
