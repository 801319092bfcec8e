"""What the configuration says of clients that bring mail, as `receive` takes it."""

from __future__ import annotations

from correo.accounts import SendLimits
from correo.config.options import Limits as Options
from correo.receive.options import Limits


def limits(options: Options) -> Limits:
    return Limits(
        message_size=options.message_size,
        recipients=options.recipients,
        errors=options.errors,
        received=options.received,
        idle=options.smtp_idle,
        message_time=options.message_time,
        sending=SendLimits(
            options.hourly_messages,
            options.hourly_recipients,
            options.daily_messages,
            options.daily_recipients,
        ),
        network_sending=SendLimits(options.network_hourly_messages, options.network_hourly_recipients),
        reject_over_quota=options.over_quota == "reject",
    )
