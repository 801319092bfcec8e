"""SMTP and LMTP as pure objects (RFC 5321, RFC 2033).

`server.Server` turns what a client sends into events and puts out replies; `client` is the other side. Framing is decided here:
lines, their limits, the text of a message up to its final dot, authentication exchanges, the moment of TLS. What commands mean,
which come when, and what mail is taken is decided by `correo.receive` and `correo.transport`. `syntax` reads the arguments of
commands; `answer` writes the replies of a server, `reply` reads them.

Promised for any octets: no core raises, nothing is held beyond the limits named beside each buffer, and time is linear.
"""
