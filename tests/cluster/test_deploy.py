"""The deployment files name commands, options, ports and numbers that there are. Nothing here runs them."""

from __future__ import annotations

import argparse
import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from lingen_live.cluster.commands import add_cluster
from lingen_live.cluster.scaling import ScalingPlan

yaml = pytest.importorskip("yaml")
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    """What the file describes, by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text(encoding="utf-8"))}


def container_of(group: dict[str, Any]) -> dict[str, Any]:
    (container,) = group["template"]["spec"]["containers"]
    return dict(container)


@pytest.fixture(scope="module")
def gateway(documents: dict[str, Any]) -> dict[str, Any]:
    return container_of(documents["RayCluster"]["spec"]["headGroupSpec"])


@pytest.fixture(scope="module")
def options(gateway: dict[str, Any]) -> argparse.Namespace:
    """The gateway's command, read as the program reads it."""
    (script,) = gateway["args"]
    words = shlex.split(script[script.index("exec ") :].replace("\\\n", " "))
    assert words[:3] == ["exec", "lingen_live", "cluster"]
    parser = argparse.ArgumentParser()
    add_cluster(parser)
    return parser.parse_args(words[3:])


def test_the_command_is_one_that_there_is(options: argparse.Namespace, gateway: dict[str, Any]) -> None:
    assert ScalingPlan(options.least_devices, options.devices, options.spare).n_spare == 2
    named = {one["name"] for one in gateway["env"]}
    assert {source.removeprefix("env:") for source in (options.token, options.turn_secret)} == named


def test_as_many_pods_as_engines_and_each_has_what_one_asks_for(
    documents: dict[str, Any], options: argparse.Namespace, gateway: dict[str, Any]
) -> None:
    spec = documents["RayCluster"]["spec"]
    (engines,) = spec["workerGroupSpecs"]
    assert (engines["minReplicas"], engines["maxReplicas"]) == (options.least_devices, options.devices)
    assert engines["rayStartParams"]["num-cpus"] == str(options.threads)
    engine = container_of(engines)
    assert engine["resources"]["requests"]["cpu"] == str(options.threads)
    assert engine["image"] == gateway["image"]
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_who_asks_for_the_page_is_let_in(
    documents: dict[str, Any], options: argparse.Namespace, gateway: dict[str, Any]
) -> None:
    ports = {one["name"]: one["containerPort"] for one in gateway["ports"]}
    assert ports["page"] == options.port
    service, ingress, policy = (documents[kind] for kind in ("Service", "Ingress", "NetworkPolicy"))
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert options.allow_host == [rule["host"], service["metadata"]["name"]]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert service["spec"]["ports"][0]["targetPort"] == "page"
    assert policy["spec"]["ingress"][1]["ports"] == [{"protocol": "TCP", "port": options.port}]
    assert {one["httpGet"]["path"] for name, one in gateway.items() if name.endswith("Probe")} == {"/healthz"}


def test_versions_are_those_that_are_meant(documents: dict[str, Any]) -> None:
    assert documents["RayCluster"]["spec"]["rayVersion"].split(".")[0] == version("ray").split(".")[0]
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "ray[default]>=2.50,<3" in dockerfile
    for source in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE):
        assert all((DEPLOY.parents[1] / name).exists() for name in source.split())
