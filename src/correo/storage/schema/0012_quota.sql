-- How much an account has and how much it may have: columns of a table that correo.mailbox writes alone. `messages` and `size`
-- (octets) are of all its mailboxes together, kept in step with them; a limit that is NULL is none.

ALTER TABLE mailbox_account ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox_account ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox_account ADD COLUMN most_messages INTEGER;
ALTER TABLE mailbox_account ADD COLUMN most_size INTEGER;
ALTER TABLE mailbox_account ADD COLUMN most_mailboxes INTEGER;

UPDATE mailbox_account SET
  messages = (SELECT COALESCE(SUM(b.messages), 0) FROM mailbox_mailbox AS b WHERE b.account_id = mailbox_account.account_id),
  size = (SELECT COALESCE(SUM(b.size), 0) FROM mailbox_mailbox AS b WHERE b.account_id = mailbox_account.account_id);
