-- The first words of each message (RFC 8970), from mail.message.preview. Written by correo.mailbox alone.

ALTER TABLE mailbox_content ADD COLUMN preview TEXT;  -- NULL: stored before this column was; computed when it is asked for
