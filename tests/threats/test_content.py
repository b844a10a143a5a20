"""Signals of content: what they find and what they leave alone, in English and in French."""

from __future__ import annotations

from typing import Any

import pytest

from courriel.model.threat import Channel, Finding
from courriel.threats.signals import looks
from courriel.threats.signals.hidden import HIDDEN_LETTERS
from courriel.threats.view import Context, View
from tests.threats.views import found, link, person, view

MAIL, SMS, CALL = Channel.MAIL, Channel.SMS, Channel.CALL


def seen(message: View) -> dict[str, Finding]:
    return found(looks(), message)


TEXTS: list[tuple[str, Channel, str]] = [
    ("content.cancel-lure", MAIL, "Thank you for your order. You can cancel your order: click here."),
    ("content.cancel-lure", MAIL, "Votre commande a été validée. Annulation de votre commande : cliquez ici."),
    ("content.urgency", MAIL, "Please act now, this offer ends within 24 hours."),
    ("content.urgency", MAIL, "Merci de répondre dans les plus brefs délais, sous 24 h."),
    ("content.loss", MAIL, "We noticed unusual sign-in activity and your mailbox will be deactivated."),
    ("content.loss", MAIL, "Une connexion inhabituelle a été constatée, votre carte est suspendue."),
    ("content.authority", MAIL, "The Internal Revenue Service has opened a case."),
    ("content.authority", MAIL, "La Direction générale des finances publiques vous informe."),
    ("content.secrecy", MAIL, "Do not tell anyone about this transaction."),
    ("content.secrecy", MAIL, "Surtout, n'en parlez à personne."),
    ("content.pay", MAIL, "Please pay the outstanding invoice now online."),
    ("content.pay", MAIL, "Merci de régler les frais de dossier."),
    ("content.bank-change", MAIL, "We have changed our bank, please use the new bank details."),
    ("content.bank-change", MAIL, "Notre fournisseur vient de changer de banque, voici le nouveau RIB."),
    ("content.asks-password", MAIL, "Please verify your account information."),
    ("content.asks-password", MAIL, "Veuillez mettre à jour vos coordonnées."),
    ("content.asks-card", MAIL, "Reply with your card number, expiry date and CVV, and confirm your card details."),
    ("content.asks-card", MAIL, "Indiquez la date d'expiration et le cryptogramme."),
    ("content.asks-code", MAIL, "Then read me the code we just texted you."),
    ("content.asks-code", MAIL, "Donnez-moi le code que vous avez reçu par SMS."),
    ("content.remote-access", MAIL, "Please install AnyDesk so that we can help."),
    (
        "content.remote-access",
        MAIL,
        "Votre ordinateur est infecté, notre technicien Microsoft prend la main à distance.",
    ),
    ("content.parcel", MAIL, "Your package could not be delivered, please reschedule your delivery."),
    ("content.parcel", MAIL, "Votre colis est retenu, les frais de douane restent à payer."),
    ("content.fine", MAIL, "You have an unpaid toll."),
    ("content.fine", MAIL, "Une contravention impayée est rattachée à votre dossier."),
    ("content.refund", MAIL, "You are eligible to receive a tax refund."),
    ("content.refund", MAIL, "Vos droits CPF expirent, utilisez votre compte personnel de formation."),
    ("content.prize", MAIL, "Congratulations, you have been selected: claim your reward."),
    ("content.prize", MAIL, "Vous avez été sélectionné au tirage au sort."),
    ("content.extortion", MAIL, "I have recorded you through your webcam; send 900 $ in bitcoin."),
    ("content.extortion", MAIL, "Je vous ai filmé ; transférez 500 € vers mon portefeuille Bitcoin."),
    ("content.advance-fee", MAIL, "I am contacting you as next of kin of my late client about his inheritance funds."),
    ("content.advance-fee", MAIL, "Atteinte d'un cancer, je souhaite faire don de ma fortune."),
    ("content.family", MAIL, "Hi mum, my phone is broken, this is my new number."),
    ("content.family", MAIL, "Coucou maman, mon téléphone est cassé, voici mon nouveau numéro."),
    ("content.job", MAIL, "Work from home and earn up to 300 $ per day."),
    ("content.job", MAIL, "Travail à domicile : gagnez 200 euros par jour."),
    ("content.investment", MAIL, "Guaranteed returns on bitcoin trading."),
    ("content.investment", MAIL, "Investissez dans les cryptomonnaies, rendement garanti."),
    ("content.advertising", MAIL, "Limited time offer, order now, satisfaction guaranteed."),
    ("content.advertising", MAIL, "Offre exceptionnelle : perdez du poids."),
    ("content.gift-card", MAIL, "Buy five Steam gift cards, scratch the back and send me pictures of the codes."),
    ("content.gift-card", MAIL, "Achetez des cartes cadeaux et envoyez-moi les photos des codes."),
    ("content.document", MAIL, "A document has been shared with you, please review and sign."),
    ("content.document", MAIL, "Vous avez reçu un nouveau message vocal."),
    ("content.no-name", MAIL, "Dear valued customer, hello."),
    ("content.no-name", MAIL, "Cher client, bonjour."),
    ("content.request-transfer", MAIL, "Can you process a wire transfer today?"),
    ("content.request-transfer", MAIL, "J'ai besoin d'un virement de 40 000 € avant midi."),
    ("content.request-payroll", MAIL, "I want to change my direct deposit account before the next payroll."),
    ("content.request-payroll", MAIL, "Merci de verser mon salaire sur mon nouveau compte, voici le RIB."),
    ("content.request-data", MAIL, "Please send me the payroll list of all employees."),
    ("content.request-data", MAIL, "Envoyez-moi le fichier des salaires de tous les cadres."),
    ("content.are-you-there", MAIL, "Are you at your desk? I need you to run a quick task."),
    ("content.are-you-there", MAIL, "Êtes-vous au bureau ?"),
    ("content.unreachable", MAIL, "I am in a meeting, no calls, just email me back."),
    ("content.unreachable", MAIL, "Je suis en réunion, répondez uniquement par mail."),
    ("content.secret-order", MAIL, "Please process a wire transfer today and keep this confidential."),
    ("content.secret-order", MAIL, "J'ai besoin d'un virement urgent, n'en parlez à personne."),
    (
        "content.callback",
        MAIL,
        "Your plan was renewed for $399. If you did not authorise this, call us at +1 888 555 0100.",
    ),
    ("content.callback", MAIL, "Paiement validé : 499 €. Si vous n'êtes pas à l'origine, appelez le 01 99 00 12 34."),
    ("content.callback", MAIL, "Un virement de 900 € est en cours. Contactez le service fraude au 09 XX XX XX XX."),
    ("content.adviser", CALL, "I am calling from the fraud department of your bank."),
    ("content.adviser", CALL, "Bonjour, je suis votre conseiller du service fraude."),
    ("content.safe-account", CALL, "You must move your money to a safe account."),
    ("content.safe-account", CALL, "Nous allons mettre vos fonds sur un compte sécurisé."),
    (
        "content.call-pattern",
        CALL,
        "This is your bank's fraud department: a charge was detected. Read me the code we texted.",
    ),
    (
        "content.call-pattern",
        CALL,
        "Bonjour, je suis votre conseiller bancaire du service fraude. Un virement suspect est en cours, "
        "donnez-moi le code reçu par SMS pour l'annuler.",
    ),
    ("content.call-machine", CALL, "Press one to speak to an agent."),
    ("content.sms-link", SMS, "USPS: your package could not be delivered, see http://usps.example/a"),
    ("content.sms-link", SMS, "Info ANTAI : amende impayée de 35 €, réglez sur https://amende.example"),
    ("content.sms-bare-link", SMS, "Look at this: https://photos.example/1"),
    ("content.sms-story", SMS, "Hi mum, my phone broke, text me on this new number"),
    ("content.sms-story", SMS, "Coucou maman, voici mon nouveau numéro, envoie un message sur WhatsApp"),
    (
        "content.sms-call",
        SMS,
        "Virement de 2132 € en cours. Si vous n'avez effectué aucune opération appelez 01 99 00 00 00",
    ),
    ("content.sms-call", SMS, "A charge of $900 was made. If this was not you, call 888 555 0100"),
    ("content.sms-paid-number", SMS, "You have won a guaranteed prize! Call 09061701461 to claim, 150p per min"),
]


@pytest.mark.parametrize(("signal", "channel", "text"), TEXTS)
def test_found_in(signal: str, channel: Channel, text: str) -> None:
    finding = seen(view(text=text, channel=channel)).get(signal)
    assert finding is not None and 0 < finding.strength <= 1
    for evidence in finding.evidence:
        assert evidence.words.lower() in text.lower()


GOOD: list[tuple[Channel, str]] = [
    (
        MAIL,
        "Hi Tom, invoice 12 is approved in the purchasing tool, add it to the next batch. Call me if odd.",
    ),
    (MAIL, "Bonjour Julie, la facture est validée dans l'outil d'achats, au prochain lot de virements."),
    (MAIL, "Your order has shipped. Track it: https://shop.example/track/1. Thank you."),
    (MAIL, "Votre commande est expédiée. Merci de votre confiance."),
    (MAIL, "You asked to reset your password. If this was not you, ignore this message."),
    (MAIL, "Ordre du jour : budget, recrutement, projet alpha. Salle 204."),
    (SMS, "Votre code de validation est 79224. Ne le communiquez à personne."),
    (SMS, "Your code is 123456. Do not share this code with anyone."),
    (SMS, "Rappel : RDV chez le Dr Martin jeudi à 12h30. Pour annuler, appelez le 01 99 00 12 34."),
    (SMS, "Colis livré en boîte aux lettres à 14h12."),
    (SMS, "Are you coming tonight? Call me on 01 99 00 12 34"),
    (CALL, "Bonjour, cabinet du docteur Martin, je confirme le rendez-vous de jeudi à 9 heures."),
    (CALL, "Hey it's Paul, I'm on the train, should be there around six."),
]
ACTING = ("content.callback", "content.sms-", "content.call-pattern", "content.secret-order", "content.login-lure")


@pytest.mark.parametrize(("channel", "text"), GOOD)
def test_good_messages_have_no_pattern(channel: Channel, text: str) -> None:
    names = {name for name in seen(view(text=text, channel=channel)) if name.startswith(ACTING)}
    assert not names
    assert "content.secrecy" not in seen(view(text=text, channel=channel))


def test_a_receipt_with_links_home_is_no_call_back() -> None:
    text = "Thank you for your order. Amount paid: $30. Questions about your order? Call us at 888 555 0100."
    home = view(text=text, author="shop@store.example", links=(link("https://www.store.example/orders"),))
    stranger = view(text=text, author="shop@store.example")
    assert "content.callback" not in seen(home) and "content.callback" in seen(stranger)


SHAPES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("content.hidden-text", {"hidden": "lorem " * HIDDEN_LETTERS}, {"hidden": "Our offers of May " * 5}),
    ("content.split-words", {"text": "Pay\u200bPal acc\u200bount"}, {"text": "👨\u200d👩\u200d👧 hello"}),
    ("content.split-words", {"text": "ver\u00adify " * 12}, {"text": "Donau\u00addampf\u00adschiff"}),
    ("content.turned-text", {"subject": "invoice\u202efdp.exe"}, {"subject": "שלום \u202bעולם\u202c"}),
    ("content.mixed-alphabets", {"text": "Pаypаl ассount sесurity"}, {"text": "Привет, wie geht's, 5 μm, α-helix"}),
    ("content.fancy-letters", {"text": "𝐔𝐫𝐠𝐞𝐧𝐭 message"}, {"text": "x ∈ 𝔽, y ∈ ℝ"}),
    ("content.spaced-letters", {"text": "your P a y P a l receipt"}, {"text": "see a b c d e below"}),
    ("content.script", {"scripts": ("location='x'",), "html": True}, {"scripts": ('{"@context": 1}',), "html": True}),
    (
        "content.smuggling",
        {"scripts": ("new Blob([atob(x)]); URL.createObjectURL(b)",), "html": True},
        {"scripts": ("track()",), "html": True},
    ),
    ("content.image-only", {"images": 1, "html": True, "text": "x"}, {"images": 1, "html": True, "text": "word " * 40}),
    (
        "content.html-alone",
        {"html": True, "plain": "", "text": "Hello"},
        {"html": True, "plain": "Hello", "text": "Hello"},
    ),
    (
        "content.form",
        {"links": (link("https://evil.example/p", kind="form"),)},
        {"links": (link("https://example.net/search", kind="form"),)},
    ),
    (
        "content.new-account",
        {"text": "Voici notre nouveau RIB : FR76 3000 6000 0112 3456 7890 189"},
        {"text": "Payable to FR76 3000 6000 0112 3456 7890 189"},
    ),
    (
        "content.wallet",
        {"text": "Send the bitcoin to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
        {"text": "bitcoin 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"},
    ),
    (
        "content.login-lure",
        {
            "text": "Your mailbox will be suspended: click here to verify your account",
            "links": (link("https://evil.example"),),
        },
        {"text": "Your mailbox will be suspended: click here to verify your account"},
    ),
    (
        "context.false-reply",
        {"subject": "Re: our contract", "headers": (("message-id", "<1@x>"),)},
        {"subject": "Re: our contract", "headers": (("message-id", "<1@x>"), ("references", "<0@x>"))},
    ),
    (
        "context.false-reply",
        {"subject": "Re: our contract", "headers": (("message-id", "<1@x>"),)},
        {
            "subject": "Re: our contract",
            "text": "On Monday 3 May, Paul wrote: yes",
            "headers": (("message-id", "<1@x>"),),
        },
    ),
    (
        "content.mass-mailer",
        {"headers": (("precedence", "bulk"),)},
        {"headers": (("precedence", "bulk"), ("list-unsubscribe", "<https://example.net/u>"))},
    ),
    ("content.bulk", {"headers": (("list-unsubscribe", "<https://example.net/u>"),)}, {}),
    ("content.list", {"headers": (("list-id", "<l.example>"), ("list-post", "<mailto:l@example>"))}, {}),
    ("context.address-for-name", {"text": "Dear marie@example.org, hello"}, {"text": "Dear Marie, hello"}),
    (
        "context.names-you",
        {"text": "Hi Marie, your corrected payslip is ready to review"},
        {"text": "Hi Marie, lunch on Tuesday?"},
    ),
    (
        "context.names-your-house",
        {"text": "As accountant at Example please process a wire transfer"},
        {"text": "As accountant at Example please process a wire transfer", "author": "boss@example.org"},
    ),
    (
        "content.languages",
        {"subject": "Votre facture de la commande", "text": "The order", "language": "en"},
        {"subject": "Your order of the day", "text": "The order", "language": "en"},
    ),
]


@pytest.mark.parametrize(("signal", "bad", "good"), SHAPES)
def test_shapes(signal: str, bad: dict[str, Any], good: dict[str, Any]) -> None:
    assert signal in seen(view(**bad))
    assert signal not in seen(view(**good))


def test_threads_are_compared_with_what_is_known() -> None:
    headers = (("message-id", "<2@x>"), ("references", "<0@here> <1@x>"))
    knows = Context(known_message_ids=lambda one: one == "<0@here>")
    knows_not = Context(known_message_ids=lambda one: False)
    assert "context.known-thread" in seen(view(subject="Re: a", headers=headers, context=knows))
    assert "context.unknown-thread" in seen(view(subject="Re: a", headers=headers, context=knows_not))
    assert not {"context.known-thread", "context.unknown-thread"} & set(seen(view(subject="Re: a", headers=headers)))


def test_colleagues_are_named_by_a_stranger_only() -> None:
    context = Context(own_domains=frozenset({"acme.example"}), colleagues=("Luc Fontanel",))
    text = "Luc Fontanel asked me to send the payroll list of all employees, please send me the salary list."
    assert "context.names-your-house" in seen(view(text=text, context=context))
    assert "context.names-your-house" not in seen(view(text=text, context=context, author="a@acme.example"))


def test_a_name_is_quoted_as_it_stands() -> None:
    context = Context(owner_names=("Hélène Marchand",))
    message = view(text="Bonjour HÉLÈNE, cliquez sur ce lien", context=context, recipients=())
    (evidence,) = seen(message)["context.names-you"].evidence
    assert evidence.words == "HÉLÈNE"


def test_the_reader_may_be_named_by_the_address_alone() -> None:
    message = view(text="Hello julie, review and sign the document", recipients=(person("julie.perrin@example.org"),))
    assert "context.names-you" in seen(message)
