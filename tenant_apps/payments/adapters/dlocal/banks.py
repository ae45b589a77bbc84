"""Banks that a payee chooses from, with dLocal's codes (docs.dlocal.com/docs/<country>-payouts, "Bank codes").

Names are proper names and stay as they are. Brazil's list has some 150 entries; here are those that people have accounts
with, and PIX reaches the others.
"""

from __future__ import annotations

BRAZIL = (
    ("001", "Banco do Brasil"), ("237", "Bradesco"), ("336", "C6 Bank"), ("104", "Caixa Econômica Federal"),
    ("335", "Digio"), ("077", "Inter"), ("341", "Itaú"), ("323", "Mercado Pago"), ("389", "Mercantil"),
    ("260", "Nubank"), ("212", "Original"), ("290", "PagSeguro"), ("623", "PAN"), ("422", "Safra"),
    ("033", "Santander"), ("748", "Sicredi"), ("756", "Sicoob"), ("041", "Banrisul"), ("070", "BRB"),
    ("004", "Banco do Nordeste"), ("208", "BTG Pactual"), ("348", "XP"), ("655", "Votorantim"),
)  # fmt: skip
COLOMBIA = (
    ("007", "Bancolombia"), ("051", "Davivienda"), ("001", "Banco de Bogotá"), ("013", "BBVA"),
    ("040", "Banco Agrario"), ("052", "Banco AV Villas"), ("032", "Banco Caja Social"), ("062", "Banco Falabella"),
    ("063", "Banco Finandina"), ("047", "Banco Mundo Mujer"), ("023", "Banco de Occidente"),
    ("060", "Banco Pichincha"), ("002", "Banco Popular"), ("069", "Banco Serfinanza"), ("053", "Banco W"),
    ("059", "Bancamía"), ("061", "Bancoomeva"), ("076", "Coopcentral"), ("551", "Daviplata"), ("012", "GNB Sudameris"),
    ("014", "Itaú"), ("0507", "Nequi"), ("019", "Scotiabank Colpatria"),
)  # fmt: skip
CHILE = (
    ("012", "BancoEstado"), ("001", "Banco de Chile"), ("016", "BCI"), ("037", "Santander"), ("014", "Scotiabank"),
    ("039", "Itaú"), ("051", "Falabella"), ("028", "BICE"), ("055", "Consorcio"), ("009", "Internacional"),
    ("053", "Ripley"), ("049", "Security"), ("031", "HSBC"),
)  # fmt: skip
