"""The lines under every page of a brokerage: who it is, and what trading with leverage means. By brokerage and language."""

from __future__ import annotations

FOOTERS: dict[str, dict[str, str]] = {
    "nordwind": {
        "de": "Nordwind Markets GmbH (Muster), Hafenweg 1, 20457 Hamburg. Handelsregister und Zulassung: Muster für die Demo.",
        "en": "Nordwind Markets GmbH (sample), Hafenweg 1, 20457 Hamburg, Germany. Register and licence: samples for the demo.",
    },
    "alnoor": {
        "ar": "Al Noor Capital Ltd (نموذج)، شارع الشيخ زايد، دبي. السجل والترخيص نموذجان للعرض التجريبي.",
        "en": "Al Noor Capital Ltd (sample), Sheikh Zayed Road, Dubai. Register and licence: samples for the demo.",
    },
    "ipekyolu": {
        "ru": "Ipek Yolu FX LLP (образец), улица Абая, 10, Алматы. Регистрация и лицензия: образцы для демонстрации.",
        "en": "Ipek Yolu FX LLP (sample), Abai Street 10, Almaty. Register and licence: samples for the demo.",
    },
    "puertoclaro": {
        "es": "Puerto Claro S.A. (muestra), Avenida Central 10, San José. Registro y licencia: muestras para la demostración.",
        "en": "Puerto Claro S.A. (sample), Avenida Central 10, San José. Register and licence: samples for the demo.",
    },
}
RISKS: dict[str, str] = {
    "de": "Differenzkontrakte sind komplex und bergen wegen des Hebels ein hohes Risiko, schnell Geld zu verlieren.",
    "en": "Contracts for difference are complex and come with a high risk of losing money rapidly due to leverage.",
    "ar": "عقود الفروقات أدوات معقدة، وتنطوي بسبب الرافعة المالية على خطر كبير لخسارة الأموال بسرعة.",
    "es": "Los contratos por diferencias son complejos y, por el apalancamiento, conllevan un alto riesgo de perder dinero rápidamente.",
    "ru": "Контракты на разницу сложны, и из-за плеча высок риск быстро потерять деньги.",
}
