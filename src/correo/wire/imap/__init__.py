"""IMAP as a language: what is said on the wire, without a socket, a clock or a mailbox (RFC 3501).

In: octets from a client, in any pieces (`framing.Server.receive`), all of them hostile.
Out: one event at a time (`next_event`): a `Command` whose `Arguments` a command file reads as the ABNF is
written (`grammar`), or a refusal; and octets made by `encode` for the client (`send`, `take_output`).

    framing   where a command ends: lines, literals, limits, STARTTLS           Server, Command, Refused, BadLine, ...
    grammar   the cursor over one framed command                                Arguments, SyntaxFault
    types     sequence sets and date-times                                      SequenceSet, DateTime
    fetch     FETCH items, a row each          search   SEARCH keys, a row each
    store     STORE items                      status   STATUS items
    results   RETURN (...), ESEARCH            sources  which mailboxes ESEARCH looks into
    sort      what SORT compares               threads  THREAD and its answer
    listing   LIST in both of its forms        metadata names and values of annotations     quota   QUOTA
    encode    strings, lists, responses        utf7     mailbox names as RFC 3501 §5.1.3 spells them

Promised:
- The same octets give the same events, however they are cut.
- After a `Command` nothing more is read until `resume()`: pipelined or injected octets never run ahead.
- A syntax error costs one command, never the stream; the only exception of the grammar is `SyntaxFault`, whose
  words may be shown to the client.
- Memory is bounded by named limits, work is linear in the octets received, depth is counted.
- What `encode` writes is one well-formed response, whatever text it is given.
"""
