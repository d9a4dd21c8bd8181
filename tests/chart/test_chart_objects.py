"""The chart's objects are what each Kubernetes takes, by Helm 3 and by Helm 4."""

import json
from collections.abc import Callable
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it comes without types
import pytest

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
CHART = "deploy/chart"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kubernetes_takes_every_set(
    values: dict[str, Any], version: str, render: Callable[..., list[dict[str, Any]]]
) -> None:
    for one in render(values, version):
        kubernetes_validate.validate(one, version, strict=True)


def test_helm_3_and_helm_4_render_the_same(
    values: dict[str, Any], each_helm: Callable[..., Any], render: Callable[..., list[dict[str, Any]]]
) -> None:
    order = [json.dumps(one, sort_keys=True) for one in render(values, by=each_helm)]
    assert sorted(order) == sorted(json.dumps(one, sort_keys=True) for one in render(values))


def test_helm_finds_nothing_to_complain_about(
    values: dict[str, Any], each_helm: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    run = each_helm("lint", "--strict", str(request.config.rootpath / CHART), values=values)
    assert run.returncode == 0, run.stdout


def test_the_log_folder_is_read_only_all_the_way_down_where_kubernetes_can(
    render: Callable[..., list[dict[str, Any]]],
) -> None:
    def recursive(version: str) -> bool:
        return any("recursiveReadOnly" in json.dumps(one) for one in render({}, version))

    assert [recursive(version) for version in VERSIONS[:3]] == [False, True, True]
