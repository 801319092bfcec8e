"""The nouns of mail: what things are, and nothing else.

Addresses, envelopes, statuses, outcomes, flags, instants and the message itself as a tree of offsets
(`mail.message`). Everything here is a frozen value or a pure function: same input, same output, no clock,
no chance, no I/O. Every other package may import this one; it imports nothing of Correo.
"""
