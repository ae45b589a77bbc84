from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Invalid


class MailDisposable(Invalid):
    """An address of a service that throws mail away after minutes."""

    code = "mail_disposable"
    message = pgettext_lazy(
        "sign-up", "Use an address that you will still have tomorrow: we send what you need to get back in."
    )


class CodeWrong(Invalid):
    """Not the mailed code, older than half an hour, or the sixth try."""

    code = "code_wrong"
    message = pgettext_lazy("sign-up", "This code is not right or no longer valid. Ask for a new one.")


class LinkUnusable(AppError):
    code = "link_unusable"
    status = 410
    message = pgettext_lazy("sign-up", "This link is too old. Begin again with your e-mail address.")
