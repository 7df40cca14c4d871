"""prefect.yaml, the one table of deployments, held against the flow that it deploys."""

from __future__ import annotations

import inspect
from zoneinfo import ZoneInfo

import pytest
import yaml

from flows.settings import PROJECT

TABLE = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = {deployment["name"]: deployment for deployment in TABLE["deployments"]}
each_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS)


@pytest.fixture
def flow_of(prefect_at_home, monkeypatch):
    """The flow that a deployment's entrypoint names, loaded as `prefect deploy` and a worker load it."""
    from prefect.flows import load_flow_from_entrypoint

    monkeypatch.chdir(PROJECT)
    return lambda deployment: load_flow_from_entrypoint(deployment["entrypoint"])


def test_the_table_has_the_two_ways_to_run():
    assert set(DEPLOYMENTS) >= {"nightly", "on-arrival"}


@each_deployment
def test_parameters_are_those_of_the_flow(deployment, flow_of):
    flow = flow_of(deployment)
    known = inspect.signature(flow.fn).parameters
    assert set(deployment["parameters"]) <= set(known)
    required = {name for name, parameter in known.items() if parameter.default is parameter.empty}
    assert required <= set(deployment["parameters"])
    flow.validate_parameters(dict(deployment["parameters"]))


@each_deployment
def test_every_parameter_has_a_description(deployment, flow_of):
    properties = flow_of(deployment).parameters.properties
    assert [name for name, shown in properties.items() if not shown.get("description")] == []
    assert deployment["description"]


@each_deployment
def test_schedules_keep_the_citys_time(deployment):
    assert deployment["schedules"]
    for schedule in deployment["schedules"]:
        assert ZoneInfo(schedule["timezone"]) == ZoneInfo("Europe/Paris")
        assert schedule["active"] is True


@each_deployment
def test_one_run_at_a_time_on_the_one_pool(deployment):
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployment["work_pool"]["name"] == "barometer"


@each_deployment
def test_a_run_that_nobody_watches_waits_for_files_to_arrive_whole(deployment):
    assert deployment["parameters"]["settle_seconds"] > 0


def test_no_path_of_a_machine_is_committed():
    assert TABLE["pull"] is None
    assert all(not str(value).startswith("/") for d in DEPLOYMENTS.values() for value in d["parameters"].values())
