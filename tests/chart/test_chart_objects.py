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


@pytest.mark.parametrize("word", ["123", "true", "1e3", "2026-01-01"])
def test_names_that_are_numbers_or_truths_in_yaml_are_names(
    word: str, render: Callable[..., list[dict[str, Any]]]
) -> None:
    names = {"nameOverride": word, "secrets": {word: "x"}, "networkPolicy": {"enabled": True}}
    for values in (names, names | {"mode": "cronjob", "nodes": [word]}):
        for one in render(values, name=word, namespace=word):
            kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
            metadata = one["metadata"]
            assert (metadata["namespace"], metadata["labels"]["app"]) == (word, word)
            assert metadata["name"] in {word, f"{word}-settings", f"{word}-secrets", f"{word}-test"}
            assert one["kind"] != "Secret" or list(one["data"]) == [word]


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
