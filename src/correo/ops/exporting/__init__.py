"""The mail of an account, written as other programs keep it, so that nobody has to stay.

In comes an account; out go files below a new folder: Maildir++ with what Dovecot keeps beside it (`maildir`), or mbox (`mbox`).
Promised: a Maildir that is imported again gives the same octets, UIDs, flags, dates and unique-ids; an mbox gives what that format has
room for. Mail that comes or goes meanwhile is there or not, and each message is whole. Nothing in the account is changed.
"""

from correo.ops.exporting.maildir import MaildirWriter
from correo.ops.exporting.mbox import MboxWriter
from correo.ops.exporting.writing import Exported, Writer, export

__all__ = ["Exported", "MaildirWriter", "MboxWriter", "Writer", "export"]
