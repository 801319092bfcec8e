"""Where people read their mail: one package per protocol, none of which knows the others."""
