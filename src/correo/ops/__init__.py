"""Keeping house: what the operator sees and does, rather than what mail does.

Logs, the handshake with the service manager, giving up root, backup and restore, freeing what nobody points to.
"""
