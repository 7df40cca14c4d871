"""What a release tells of its checks: one subject a delivery and one a published table, with texts and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from flows.core import admission, building, ledger
from flows.core.building import Build
from flows.core.contracts import Contract, Expectation
from flows.core.expectation_texts import Text, texts_of_contract, texts_of_table
from flows.core.ledger import Judged
from flows.core.models import Model


@dataclass(frozen=True)
class Suite:
    """The expectations of a contract or a published table, with their texts."""

    name: str
    title_fr: str
    title_en: str
    expectations: tuple[Expectation, ...]
    texts: Mapping[str, Text]


@dataclass(frozen=True)
class Subject:
    """A delivery or a table and what its checks found. `suite` is None for a delivery that answers to no contract."""

    name: str
    suite: Suite | None
    checks: tuple[dict, ...]

    def count(self, verdict: str) -> int:
        return Counter(check["verdict"] for check in self.checks)[verdict]

    @property
    def in_order_of_concern(self) -> list[dict]:
        """What did not run first, then what failed, then the rest, each in the order of the suite."""
        order = ("not_checked", "failed", "passed")
        return sorted(self.checks, key=lambda check: order.index(check["verdict"]))

    def text_of(self, check: Mapping[str, object]) -> Text | None:
        """The check's text; None for an expectation that the contract had when the delivery was read, and has no more."""
        return self.suite.texts.get(check["expectation_id"]) if self.suite else None


@dataclass(frozen=True)
class DeliveryTold(Subject):
    """A delivery, with what is known of it."""

    row: Judged
    title_fr: str
    title_en: str
    refusal: str


@dataclass(frozen=True)
class TableTold(Subject):
    """A published table."""

    model: Model


@dataclass(frozen=True)
class Told:
    """All that pages and files about the checks are made of: a function of deliveries and code, like the release.

    Deliveries are told as everybody may see them: a hidden count is None.
    """

    run_id: str
    as_of: str
    code_version: str
    suites: tuple[Suite, ...]
    deliveries: tuple[DeliveryTold, ...]
    tables: tuple[TableTold, ...]

    @classmethod
    def of(cls, build: Build, contracts: Mapping[str, Contract], code: str, as_of: object) -> Told:
        suites = {contract.name: _suite_of_contract(contract, build.texts) for contract in contracts.values()}
        models = [model for model in build.graph.models if model.is_published]
        of_tables = {model.name: _suite_of_table(model, build.texts) for model in sorted(models, key=lambda m: m.name)}
        return cls(
            build.run_id,
            str(as_of),
            code,
            (*suites.values(), *of_tables.values()),
            tuple(_delivery(row, contracts, suites) for row in build.public_rows),
            tuple(
                TableTold(name, suite, tuple(build.model_checks.get(name, ())), build.graph.by_name[name])
                for name, suite in of_tables.items()
            ),
        )


def _suite_of_contract(contract: Contract, texts: Mapping[str, Text]) -> Suite:
    expectations = tuple(admission.expectations_of(contract))
    found = texts_of_contract(texts, contract, expectations)
    return Suite(f"deliveries.{contract.name}", contract.title_fr, contract.title, expectations, found)


def _suite_of_table(model: Model, texts: Mapping[str, Text]) -> Suite:
    expectations = tuple(building.expectations_of(model))
    return Suite(model.name, model.name, model.description, expectations, texts_of_table(texts, model))


def _delivery(row: Judged, contracts: Mapping[str, Contract], suites: Mapping[str, Suite]) -> DeliveryTold:
    contract = contracts.get(row.verdict.contract or "")
    return DeliveryTold(
        row.delivery.delivery_id,
        suites.get(row.verdict.contract or ""),
        tuple(row.verdict.checks),
        row,
        contract.title_fr if contract else "Livraison non reconnue",
        contract.title if contract else "Unrecognised delivery",
        ledger.refusal_text(row.verdict.refusal) if row.verdict.refusal else "",
    )
