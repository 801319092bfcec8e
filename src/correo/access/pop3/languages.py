"""What is said to people, in their language (RFC 6856 §3). A test holds that every sentence of this package is here."""

from __future__ import annotations

import re
from dataclasses import replace

from correo.wire.pop3.reply import Challenge, Reply

DEFAULT = "en"
NAMES = {"en": "English", "de": "Deutsch", "es": "Español"}

_NUMBER = re.compile(r"[0-9]+")
_MARK = re.compile("#")


def matching(range: str) -> str | None:
    """The language that serves a range best, shortened from its end until one does (RFC 4647 §3.4)."""
    wanted = range.lower().split("-")
    while wanted:
        if (tag := "-".join(wanted)) in NAMES:
            return tag
        wanted.pop()
    return None


def translated(reply: Reply, tag: str) -> Reply:
    """The same reply in another language; what is for programs stays."""
    if tag == DEFAULT or isinstance(reply, Challenge):
        return reply
    return replace(reply, text=words(reply.text, tag))


def words(text: str, tag: str) -> str:
    """What `text` is in another language; itself where it is no sentence."""
    numbers = iter(_NUMBER.findall(text))
    sentence = _WORDS.get(tag, {}).get(_NUMBER.sub("#", text))
    return _MARK.sub(lambda _: next(numbers), sentence) if sentence else text


# English, German, Spanish; `#` is a number, and numbers keep their order.
_SENTENCES = (
    ("# messages", "# Nachrichten", "# mensajes"),
    ("# octets", "# Oktette", "# octetos"),
    ("Already exists", "Gibt es schon", "Ya existe"),
    ("Authentication failed", "Anmeldung fehlgeschlagen", "Autenticación fallida"),
    ("Begin TLS negotiation", "TLS kann beginnen", "Inicie la negociación TLS"),
    ("Bye", "Auf Wiedersehen", "Adiós"),
    ("Bye, # messages deleted", "Auf Wiedersehen, # Nachrichten gelöscht", "Adiós, # mensajes borrados"),
    ("CAPA takes no argument", "CAPA hat kein Argument", "CAPA no lleva argumentos"),
    ("Capabilities follow", "Es folgt, was der Server kann", "Siguen las capacidades"),
    ("Commands are UTF-8", "Befehle sind UTF-8", "Las órdenes son UTF-8"),
    ("Has children", "Hat Unterordner", "Tiene subcarpetas"),
    ("Header follows", "Der Kopf folgt", "Sigue la cabecera"),
    ("Internal error", "Interner Fehler", "Error interno"),
    ("Internal error, reference", "Interner Fehler, Nummer", "Error interno, referencia"),
    ("Language changed", "Sprache gewechselt", "Idioma cambiado"),
    ("Languages follow", "Die Sprachen folgen", "Siguen los idiomas"),
    ("Line too long", "Zeile zu lang", "Línea demasiado larga"),
    ("Log in first", "Erst anmelden", "Identifíquese primero"),
    (
        "Maildrop already locked by another session",
        "Das Postfach ist in einer anderen Sitzung offen",
        "El buzón está abierto en otra sesión",
    ),
    ("Maildrop has # messages", "# Nachrichten im Postfach", "El buzón tiene # mensajes"),
    (
        "Maildrop has # messages (# octets)",
        "# Nachrichten im Postfach (# Oktette)",
        "El buzón tiene # mensajes (# octetos)",
    ),
    (
        "Malformed initial response",
        "Die Antwort am Anfang ist fehlerhaft",
        "La respuesta inicial no es correcta",
    ),
    ("Marked for deletion", "Zum Löschen vorgemerkt", "Marcado para borrar"),
    ("Mechanism not available", "Verfahren nicht verfügbar", "Mecanismo no disponible"),
    ("Mechanisms follow", "Die Verfahren folgen", "Siguen los mecanismos"),
    ("Name not allowed", "Name nicht erlaubt", "Nombre no permitido"),
    ("No such language", "Diese Sprache gibt es hier nicht", "No hay tal idioma"),
    ("No such message", "Diese Nachricht gibt es nicht", "No hay tal mensaje"),
    (
        "Not now: you are logged in",
        "Nicht jetzt: Sie sind angemeldet",
        "Ahora no: ya se ha identificado",
    ),
    ("Nothing was asked", "Es war nichts gefragt", "No se preguntó nada"),
    ("Over quota", "Kein Platz mehr", "Cuota agotada"),
    (
        "Passwords are not taken here",
        "Kennwörter werden hier nicht genommen",
        "Aquí no se admiten contraseñas",
    ),
    ("Permission denied", "Nicht erlaubt", "Permiso denegado"),
    ("STAT takes no argument", "STAT hat kein Argument", "STAT no lleva argumentos"),
    ("STLS comes before UTF8", "STLS kommt vor UTF8", "STLS va antes que UTF8"),
    ("STLS takes no argument", "STLS hat kein Argument", "STLS no lleva argumentos"),
    ("Send PASS", "Weiter mit PASS", "Envíe PASS"),
    ("Send USER first", "Zuerst USER", "Envíe antes USER"),
    ("Server shutting down", "Der Server wird beendet", "El servidor se apaga"),
    (
        "Some deleted messages were not removed",
        "Nicht alle gelöschten Nachrichten wurden entfernt",
        "Algunos mensajes borrados no se eliminaron",
    ),
    ("Start TLS first (STLS)", "Erst TLS (STLS)", "Inicie antes TLS (STLS)"),
    (
        "TLS is active already",
        "TLS läuft schon",
        "TLS ya está activo",
    ),
    ("TLS is not available here", "TLS gibt es hier nicht", "TLS no está disponible aquí"),
    (
        "TOP needs a message number and a number of lines",
        "TOP braucht die Nummer einer Nachricht und eine Zahl von Zeilen",
        "TOP necesita un número de mensaje y un número de líneas",
    ),
    (
        "The account was closed or has another password",
        "Das Konto ist geschlossen oder hat ein anderes Passwort",
        "La cuenta está cerrada o tiene otra contraseña",
    ),
    (
        "Temporarily unavailable, try again later",
        "Zur Zeit nicht möglich, bitte später noch einmal",
        "No disponible por ahora, inténtelo más tarde",
    ),
    ("Too big", "Zu groß", "Demasiado grande"),
    ("Too many", "Zu viele", "Demasiados"),
    ("Top of message follows", "Der Anfang der Nachricht folgt", "Sigue el principio del mensaje"),
    ("USER needs a name", "USER braucht einen Namen", "USER necesita un nombre"),
    ("UTF-# from here on", "Von hier an UTF-#", "UTF-# desde ahora"),
    ("UTF# takes no argument", "UTF# hat kein Argument", "UTF# no lleva argumentos"),
    ("Unique ids follow", "Die eindeutigen Namen folgen", "Siguen los identificadores únicos"),
    ("Unknown command", "Unbekannter Befehl", "Orden desconocida"),
    (
        "You were here a moment ago, try again later",
        "Sie waren eben erst hier, bitte später noch einmal",
        "Estuvo aquí hace un momento, inténtelo más tarde",
    ),
)
_WORDS = {
    "de": {_NUMBER.sub("#", english): german for english, german, _ in _SENTENCES},
    "es": {_NUMBER.sub("#", english): spanish for english, _, spanish in _SENTENCES},
}
