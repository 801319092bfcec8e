"""POP3 as a pure object: lines in, commands out, replies in, octets out (RFC 1939, 2449, 2595, 5034).

`server.Server` frames; what a command means is in `correo.access.pop3.commands`.
"""
