"""The 17 kinds of document, in the order of the competition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from munseo._synth import bank, cards, medical_bills, medical_forms, medical_letters, papers, vehicles
from munseo._synth.random_draws import Rng

Drawing = Callable[[Rng, int], np.ndarray]
"""A function that draws one page: (rng, longest side in pixels) → uint8 RGB (H, W, 3)."""


@dataclass(frozen=True)
class DocumentKind:
    """A kind of document. Its target is its index in ``KINDS``."""

    name: str  # class name in the competition
    korean: str  # Korean name
    num_train: int  # number of train pages in the competition
    draw: Drawing


KINDS = (
    DocumentKind("account_number", "계좌번호", 100, bank.account),
    DocumentKind(
        "application_for_payment_of_pregnancy_medical_expenses",
        "임신·출산 진료비 지급 신청서",
        46,
        medical_forms.pregnancy_application,
    ),
    DocumentKind("car_dashboard", "자동차 계기판", 100, vehicles.dashboard),
    DocumentKind("confirmation_of_admission_and_discharge", "입·퇴원 확인서", 100, medical_letters.admission),
    DocumentKind("diagnosis", "진단서", 100, medical_letters.diagnosis),
    DocumentKind("driver_license", "운전면허증", 100, cards.driver_license),
    DocumentKind("medical_bill_receipts", "진료비 영수증", 100, medical_bills.bill),
    DocumentKind("medical_outpatient_certificate", "통원 진료 확인서", 100, medical_letters.outpatient),
    DocumentKind("national_id_card", "주민등록증", 100, cards.national_id_card),
    DocumentKind("passport", "여권", 100, cards.passport),
    DocumentKind("payment_confirmation", "진료비 납입 확인서", 100, medical_bills.payments),
    DocumentKind("pharmaceutical_receipt", "약제비 영수증", 100, medical_bills.pharmacy_receipt),
    DocumentKind("prescription", "처방전", 100, medical_forms.prescription),
    DocumentKind("resume", "이력서", 74, papers.resume),
    DocumentKind("statement_of_opinion", "소견서", 50, medical_letters.statement),
    DocumentKind("vehicle_registration_certificate", "자동차 등록증", 100, papers.vehicle_registration),
    DocumentKind("vehicle_registration_plate", "자동차 번호판", 100, vehicles.license_plate),
)
