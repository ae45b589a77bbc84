"""Invented people: names in the script of the region with their Latin spelling, which passports and addresses need."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Person:
    """A name as written and as in an e-mail address."""

    first: str
    last: str
    latin_first: str
    latin_last: str

    @property
    def mailbox(self) -> str:
        return f"{self.latin_first}.{self.latin_last}".lower().replace("'", "").replace(" ", "")


_GERMAN_FIRST = (
    "Lena", "Mia", "Jonas", "Felix", "Paul", "Laura", "Julia", "Tim", "Nina", "Max", "Sophie", "Moritz",
    "Katrin", "Stefan", "Birgit", "Uwe", "Sabine", "Jan", "Petra", "Holger", "Svenja", "Tobias", "Monika",
    "Klaus", "Greta", "Emil", "Ida", "Oskar", "Heike", "Ralf",
)  # fmt: skip
_GERMAN_LAST = (
    "Schmidt", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann", "Koch", "Richter", "Klein", "Wolf",
    "Neumann", "Schwarz", "Zimmermann", "Krause", "Lehmann", "Huber", "Kaiser", "Fuchs", "Scholz", "Vogt",
    "Sommer", "Stein", "Jung", "Hahn", "Vogel", "Friedrich", "Keller", "Berger", "Winkler", "Roth",
)  # fmt: skip
_PLAIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

_ARABIC_FIRST = (
    ("أحمد", "Ahmed"), ("محمد", "Mohammed"), ("خالد", "Khaled"), ("سعيد", "Saeed"), ("يوسف", "Yousef"),
    ("علي", "Ali"), ("حمد", "Hamad"), ("سالم", "Salem"), ("ناصر", "Nasser"), ("راشد", "Rashid"),
    ("فاطمة", "Fatima"), ("مريم", "Mariam"), ("نورة", "Noura"), ("عائشة", "Aisha"), ("هند", "Hind"),
    ("سارة", "Sara"), ("ريم", "Reem"), ("لطيفة", "Latifa"), ("دانة", "Dana"), ("شيخة", "Sheikha"),
)  # fmt: skip
_ARABIC_LAST = (
    ("المنصوري", "Almansoori"), ("العتيبي", "Alotaibi"), ("الشمري", "Alshammari"), ("الهاشمي", "Alhashimi"),
    ("القحطاني", "Alqahtani"), ("المري", "Almarri"), ("الكعبي", "Alkaabi"), ("الظاهري", "Aldhaheri"),
    ("العنزي", "Alenezi"), ("الحربي", "Alharbi"), ("النعيمي", "Alnuaimi"), ("السويدي", "Alsuwaidi"),
    ("الدوسري", "Aldosari"), ("المطيري", "Almutairi"), ("الزعابي", "Alzaabi"), ("البلوشي", "Albalushi"),
    ("العجمي", "Alajmi"), ("الرشيدي", "Alrashidi"), ("الفارسي", "Alfarsi"), ("الغامدي", "Alghamdi"),
)  # fmt: skip

# Men's and women's forms of family names differ in Russian; each list goes with its own first names.
_RUSSIAN_MEN = (
    ("Алексей", "Alexey"), ("Дмитрий", "Dmitry"), ("Нурлан", "Nurlan"), ("Ержан", "Yerzhan"), ("Азамат", "Azamat"),
    ("Сергей", "Sergey"), ("Бекзод", "Bekzod"), ("Улугбек", "Ulugbek"), ("Марат", "Marat"), ("Тимур", "Timur"),
    ("Игорь", "Igor"), ("Асхат", "Askhat"), ("Руслан", "Ruslan"), ("Виктор", "Viktor"), ("Жандос", "Zhandos"),
)  # fmt: skip
_RUSSIAN_WOMEN = (
    ("Анна", "Anna"), ("Айжан", "Aizhan"), ("Гульнара", "Gulnara"), ("Ольга", "Olga"), ("Динара", "Dinara"),
    ("Наргиза", "Nargiza"), ("Мария", "Maria"), ("Светлана", "Svetlana"), ("Жанна", "Zhanna"), ("Камила", "Kamila"),
    ("Асель", "Assel"), ("Татьяна", "Tatyana"), ("Зарина", "Zarina"), ("Юлия", "Yulia"), ("Алия", "Aliya"),
)  # fmt: skip
_RUSSIAN_LAST = (
    ("Иванов", "Ivanov"), ("Касымов", "Kasymov"), ("Нурмагамбетов", "Nurmagambetov"), ("Петров", "Petrov"),
    ("Рахимов", "Rakhimov"), ("Ахметов", "Akhmetov"), ("Смирнов", "Smirnov"), ("Искаков", "Iskakov"),
    ("Юлдашев", "Yuldashev"), ("Ибраимов", "Ibraimov"), ("Кузнецов", "Kuznetsov"), ("Мусаев", "Musaev"),
    ("Оспанов", "Ospanov"), ("Волков", "Volkov"), ("Турсунов", "Tursunov"), ("Садыков", "Sadykov"),
)  # fmt: skip


_SPANISH_FIRST = (
    "Alejandro", "Camila", "Daniel", "Elena", "Fernando", "Gabriela", "Hugo", "Inés", "Javier", "Lucía",
    "Mateo", "Natalia", "Óscar", "Paola", "Ricardo", "Sara", "Tomás", "Valentina", "Andrés", "Beatriz",
    "Emilio", "Jimena", "Manuel", "Renata", "Sebastián", "Ximena", "Ignacio", "Mónica", "Rodrigo", "Adriana",
)  # fmt: skip
_SPANISH_LAST = (
    "García", "Hernández", "Martínez", "López", "González", "Ramírez", "Torres", "Flores", "Vázquez", "Castillo",
    "Mendoza", "Ortega", "Delgado", "Guerrero", "Cabrera", "Navarro", "Salazar", "Pacheco", "Restrepo", "Cárdenas",
    "Quintero", "Zúñiga", "Villalobos", "Escobar", "Marín", "Suárez", "Bermúdez", "Arango", "Cortés", "Peralta",
)  # fmt: skip
_BARE = str.maketrans("áéíóúñÁÉÍÓÚÑ", "aeiounAEIOUN")


def person(chance: Random, which: str) -> Person:
    """A random person of a region: "german", "arabic", "russian" or "spanish"."""
    return {"german": _german, "arabic": _arabic, "russian": _russian, "spanish": _spanish}[which](chance)


def _german(chance: Random) -> Person:
    first, last = chance.choice(_GERMAN_FIRST), chance.choice(_GERMAN_LAST)
    return Person(first, last, first.lower().translate(_PLAIN).title(), last.lower().translate(_PLAIN).title())


def _spanish(chance: Random) -> Person:
    first, last = chance.choice(_SPANISH_FIRST), chance.choice(_SPANISH_LAST)
    return Person(first, last, first.translate(_BARE), last.translate(_BARE))


def _arabic(chance: Random) -> Person:
    first, last = chance.choice(_ARABIC_FIRST), chance.choice(_ARABIC_LAST)
    return Person(first[0], last[0], first[1], last[1])


def _russian(chance: Random) -> Person:
    woman = chance.random() < 0.5
    first = chance.choice(_RUSSIAN_WOMEN if woman else _RUSSIAN_MEN)
    last = chance.choice(_RUSSIAN_LAST)
    ending = ("а", "a") if woman else ("", "")
    return Person(first[0], last[0] + ending[0], first[1], last[1] + ending[1])


NOTES = {
    "de": (
        "Möchte zuerst das Demokonto ausprobieren.",
        "Hat Erfahrung mit CFDs, fragt nach Spreads auf Gold.",
        "Ruft lieber abends an, arbeitet im Schichtdienst.",
        "Interessiert sich für den Hebel bei Hauptwährungspaaren.",
        "Unterlagen per E-Mail geschickt, meldet sich nächste Woche.",
        "Vergleicht uns mit zwei anderen Anbietern.",
    ),
    "ar": (
        "يرغب في تجربة الحساب التجريبي أولاً.",
        "لديه خبرة سابقة ويسأل عن الحسابات الإسلامية.",
        "يفضّل الاتصال مساءً بعد صلاة العشاء.",
        "مهتم بتداول الذهب والمؤشرات.",
        "تم إرسال المستندات بالبريد الإلكتروني.",
        "يقارن بيننا وبين وسيط آخر.",
    ),
    "ru": (
        "Хочет сначала попробовать демо-счёт.",
        "Есть опыт торговли, спрашивает про спреды по золоту.",
        "Просит звонить после семи вечера.",
        "Интересуется пополнением в тенге.",
        "Отправили документы на почту, ответит на неделе.",
        "Сравнивает нас с двумя другими брокерами.",
    ),
    "es": (
        "Quiere probar primero la cuenta de práctica.",
        "Ya ha operado con CFD; pregunta por el spread del oro.",
        "Prefiere que le llamemos después de las seis de la tarde.",
        "Pregunta si puede ingresar en OXXO o por SPEI.",
        "Le enviamos la lista de documentos; contesta esta semana.",
        "Nos está comparando con otros dos brókeres.",
    ),
    "en": (
        "Wants to try the practice account first.",
        "Has traded CFDs before, asks about gold spreads.",
        "Prefers calls after six in the evening.",
        "Asked which documents we need.",
        "Sent the brochure, will think about it until Monday.",
        "Compares us with two other brokers.",
    ),
}
TASKS = {
    "de": ("Zurückrufen", "Unterlagen nachfassen", "Ersteinzahlung besprechen"),
    "ar": ("معاودة الاتصال", "متابعة المستندات", "مناقشة الإيداع الأول"),
    "ru": ("Перезвонить", "Уточнить по документам", "Обсудить первое пополнение"),
    "es": ("Volver a llamar", "Reclamar los documentos", "Hablar del primer ingreso"),
    "en": ("Call back", "Follow up on documents", "Talk about the first deposit"),
}
STREETS = {
    "german": ("Lindenstraße", "Hafenweg", "Goethestraße", "Am Markt", "Schillerallee", "Bergstraße"),
    "arabic": ("شارع الشيخ زايد", "شارع الكورنيش", "شارع الخليج", "شارع السلام"),
    "spanish": ("Avenida Reforma", "Calle Hidalgo", "Carrera 7", "Avenida Juárez", "Calle del Puerto"),
    "russian": ("улица Абая", "проспект Назарбаева", "улица Навои", "улица Чуй", "проспект Мира"),
}
