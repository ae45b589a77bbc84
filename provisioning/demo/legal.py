# ruff: noqa: E501 - texts of paragraphs
"""Legal documents of the demo in the brokerages' own languages; like the English ones, a frame for counsel to replace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kernel import clock

from .book import Book
from .plan import DAYS

if TYPE_CHECKING:
    from tenant_apps.clients.legal import Text

NOTE = {
    "de": "Mustertext der Demo. Ein Anwalt des Brokers ersetzt ihn.",
    "ar": "نص نموذجي للعرض التجريبي، يستبدله المستشار القانوني للوسيط.",
    "ru": "Образец для демонстрации. Его заменит юрист брокера.",
    "es": "Texto de muestra para la demostración. Lo sustituirá el abogado del bróker.",
}
TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    "de": {
        "terms": (
            "Kundenvereinbarung",
            """1. Parteien
Diese Vereinbarung schließen {broker} („wir“) und die Person, die das Konto eröffnet („Sie“).

2. Leistungen
Sie handeln bei uns Differenzkontrakte und Devisen mit Hebel. Wir führen Aufträge nach unseren Ausführungsgrundsätzen aus und beraten nicht.

3. Ihr Konto
Ihre Angaben sind wahr, Änderungen teilen Sie uns mit. Passwort und zweiten Faktor geben Sie nicht weiter.

4. Geld
Einzahlungen schreiben wir gut, sobald der Zahlungsdienst sie bestätigt. Auszahlungen gehen dorthin zurück, woher das Geld kam.

5. Sicherheitsleistung
Für offene Positionen halten Sie jederzeit genügend Margin. Unter dem Stop-out-Niveau schließen wir Positionen.

6. Ende und Beschwerden
Beide Seiten können jederzeit kündigen. Bei Beschwerden hilft zuerst unser Kundendienst.""",
        ),
        "privacy": (
            "Datenschutzhinweise",
            """1. Verantwortlich ist {broker}.

2. Wir verarbeiten Kontaktdaten, Ausweisdokumente, Ihre Antworten zur Angemessenheit, Zahlungen, Handel und Anmeldungen.

3. Wir brauchen sie für den Vertrag, gegen Geldwäsche und Betrug und, nur mit Ihrer Einwilligung, für Angebote.

4. Empfänger sind Zahlungsdienste, Betreiber der Handelsserver, Prüfdienste und Behörden, jeweils nur mit dem Nötigen.

5. Wir löschen nach den gesetzlichen Fristen. Sie können Auskunft, Berichtigung und Löschung verlangen.""",
        ),
        "risk": (
            "Risikohinweis",
            """Differenzkontrakte sind komplexe Instrumente. Wegen des Hebels besteht ein hohes Risiko, schnell Geld zu verlieren. Kurse können sich sprunghaft gegen Sie bewegen, auch über Nacht.

Überlegen Sie, ob Sie verstehen, wie sie funktionieren, und ob Sie sich das Risiko leisten können. Handeln Sie nie mit Geld, das Sie zum Leben brauchen.""",
        ),
    },
    "ar": {
        "terms": (
            "اتفاقية العميل",
            """1. الطرفان
تُبرم هذه الاتفاقية بين {broker} («نحن») والشخص الذي يفتح الحساب («أنت»).

2. الخدمات
نتيح لك تداول عقود الفروقات والعملات بالهامش، وننفذ الأوامر وفق سياسة التنفيذ لدينا، ولا نقدم نصائح استثمارية.

3. حسابك
تقدم معلومات صحيحة وتبلغنا عند تغيرها، وتحافظ على سرية كلمة المرور والعامل الثاني.

4. الأموال
تُقيَّد الإيداعات عند تأكيد مزود الدفع، وتُعاد السحوبات إلى المصدر الذي جاءت منه كلما أمكن.

5. الهامش
تحتفظ دائماً بهامش كافٍ للصفقات المفتوحة، وتُغلق الصفقات عند الوصول إلى مستوى الإيقاف.

6. الإنهاء والشكاوى
يحق لأي طرف إنهاء الاتفاقية في أي وقت. للشكاوى تواصل أولاً مع فريق الدعم.""",
        ),
        "privacy": (
            "إشعار الخصوصية",
            """1. {broker} هي المسؤولة عن معالجة بياناتك.

2. نحتفظ ببيانات الاتصال ووثائق الهوية وإجابات الملاءمة والمدفوعات والصفقات وعمليات الدخول.

3. نعالجها لتنفيذ الاتفاقية ومكافحة غسل الأموال والاحتيال، وللعروض بموافقتك فقط.

4. يتلقاها مزودو الدفع ومشغلو خوادم التداول وجهات التحقق والسلطات، كلٌّ بقدر ما يلزم.

5. نحذفها بعد المدد القانونية، ولك حق الاطلاع والتصحيح والحذف.""",
        ),
        "risk": (
            "تحذير المخاطر",
            """عقود الفروقات أدوات معقدة تنطوي على مخاطر عالية لخسارة الأموال بسرعة بسبب الرافعة المالية. قد تتحرك الأسعار ضدك فجأة، حتى أثناء الليل.

تأكد من فهمك لطريقة عملها ومن قدرتك على تحمل الخسارة. لا تتداول أبداً بأموال تحتاجها للمعيشة.""",
        ),
    },
    "ru": {
        "terms": (
            "Клиентское соглашение",
            """1. Стороны
Соглашение заключают {broker} («мы») и лицо, открывающее счёт («вы»).

2. Услуги
Вы торгуете контрактами на разницу и валютой с плечом. Мы исполняем поручения по нашей политике исполнения и не даём инвестиционных советов.

3. Ваш счёт
Вы сообщаете верные сведения и их изменения, храните пароль и второй фактор в тайне.

4. Деньги
Пополнения зачисляются после подтверждения платёжной системой. Вывод возвращается туда, откуда пришли деньги, где это возможно.

5. Маржа
Вы всегда поддерживаете достаточную маржу. При уровне stop-out позиции закрываются.

6. Прекращение и жалобы
Каждая сторона может прекратить соглашение в любое время. С жалобами обращайтесь сначала в поддержку.""",
        ),
        "privacy": (
            "Уведомление о персональных данных",
            """1. За обработку данных отвечает {broker}.

2. Мы храним контакты, документы, ответы на вопросы о пригодности, платежи, сделки и входы.

3. Они нужны для исполнения соглашения, борьбы с отмыванием денег и мошенничеством и, только с вашего согласия, для предложений.

4. Получатели: платёжные системы, операторы торговых серверов, службы проверки и органы власти, каждый в нужном объёме.

5. Данные удаляются по истечении сроков закона. Вы можете запросить, исправить или удалить их.""",
        ),
        "risk": (
            "Предупреждение о рисках",
            """Контракты на разницу — сложные инструменты. Из-за плеча высок риск быстрой потери денег. Цены могут резко двигаться против вас, в том числе ночью.

Подумайте, понимаете ли вы, как они работают, и можете ли позволить себе такой риск. Никогда не торгуйте на деньги, нужные для жизни.""",
        ),
    },
    "es": {
        "terms": (
            "Contrato de cliente",
            """1. Las partes
Este contrato lo celebran {broker} («nosotros») y la persona que abre la cuenta («usted»).

2. Los servicios
Con nosotros usted opera con contratos por diferencias y divisas con apalancamiento. Ejecutamos las órdenes según nuestra política de ejecución y no damos asesoramiento.

3. Su cuenta
Sus datos son verdaderos y nos comunica los cambios. No comparte su contraseña ni su segundo factor.

4. El dinero
Abonamos los ingresos en cuanto el proveedor de pagos los confirma. Los retiros vuelven, siempre que es posible, al lugar de donde vino el dinero.

5. El margen
Usted mantiene en todo momento margen suficiente para sus posiciones abiertas. Por debajo del nivel de cierre forzoso las cerramos.

6. Fin y reclamaciones
Cualquiera de las partes puede poner fin al contrato en todo momento. Para reclamar, escriba primero a nuestro servicio de atención.""",
        ),
        "privacy": (
            "Aviso de privacidad",
            """1. El responsable es {broker}.

2. Tratamos datos de contacto, documentos de identidad, sus respuestas sobre idoneidad, pagos, operaciones e inicios de sesión.

3. Los necesitamos para cumplir el contrato, contra el blanqueo y el fraude y, solo con su consentimiento, para enviarle ofertas.

4. Los reciben proveedores de pagos, operadores de los servidores de trading, servicios de verificación y autoridades, cada uno solo lo necesario.

5. Los borramos al vencer los plazos legales. Puede pedir acceso, rectificación y supresión.""",
        ),
        "risk": (
            "Advertencia de riesgos",
            """Los contratos por diferencias son instrumentos complejos. Por el apalancamiento hay un alto riesgo de perder dinero rápidamente. Los precios pueden moverse de golpe en su contra, también durante la noche.

Piense si entiende cómo funcionan y si puede permitirse ese riesgo. No opere nunca con dinero que necesita para vivir.""",
        ),
    },
}  # fmt: skip


def write(book: Book) -> None:
    """Version 2 of each document, the brokerage's own in its languages: in force before the first client came."""
    from tenant_apps.clients.legal import KINDS, legal_publish
    from tenant_apps.clients.models import LegalDocument

    owner = book.actor(book.broker.owner)
    with clock.frozen_at(book.until - timedelta(days=DAYS + 10)):
        for kind in KINDS:
            if not LegalDocument.objects.filter(kind=kind, version__gt=1).exists():
                legal_publish(kind=kind, texts=_texts(book, kind), follows=1, actor=owner)


def _texts(book: Book, kind: str) -> dict[str, Text]:
    """The words of a document in the brokerage's first language, where it has them, and in English."""
    from tenant_apps.clients.legal import Text, default_text

    language, name = book.broker.languages[0], book.broker.name
    title, body = default_text(kind, "en")
    texts = {"en": Text(title, body.replace("{broker}", name))}
    if own := TEXTS.get(language, {}).get(kind):
        texts[language] = Text(own[0], f"{NOTE[language]}\n\n{own[1].replace('{broker}', name)}")
    return texts
