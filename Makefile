# Every command that people type; CI runs the same ones. `make help` lists them.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP) --require-hashes --requirement
# The checkout itself, so that its command and what it offers by entry points are found. setuptools warns of directories
# with the packages' names where somebody stands; its other warnings and its errors are shown.
INSTALL_CHECKOUT := PYTHONWARNINGS="ignore:Editable installation" $(PIP) --no-deps --no-build-isolation --editable .
# Written once the pinned packages are installed, and older than the lock file as soon as that changes.
WORKER_READY := $(VENV)/.worker-ready
ALL_READY := $(VENV)/.all-ready
TARGET ?= worker
BUILD = $(RUN) -m tests.image $(TARGET) $(if $(BASE_IMAGE),--base "$(BASE_IMAGE)")
# All that is pinned: all.txt holds what the lock files of the demo, the worker and the trainer hold.
AUDITED ?= requirements/all.txt requirements/bench.txt
WORKER_PACKAGES = $(shell sed -n 's/==.*//p' requirements/worker.txt)
# Most tests wait for Kafka: more processes than two processors. tests/side_by_side.py says what runs beside what.
TEST = $(RUN) -m pytest -n 4 --dist loadgroup
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help demo setup test test-all check docs bench image sbom audit licences lock clean

help: ## list these commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: $(WORKER_READY) ## real reviews through Kafka, two workers and Redis [REVIEWS=n] [RATE=n] [KEEP=1] [LOCAL_KAFKA=host:port]
	@$(RUN) -m deploy.local.demo $(if $(REVIEWS),--reviews "$(REVIEWS)") $(if $(RATE),--rate "$(RATE)") \
		$(if $(filter-out 0,$(KEEP)),--keep) $(if $(LOCAL_KAFKA),--kafka "$(LOCAL_KAFKA)")

setup: $(ALL_READY) ## the virtual environment .venv with everything, the trainer and the tools for development too

test: $(ALL_READY) ## all tests but the slow ones, those on real Kafka too [ARGS="-k rebalance"]
	@$(TEST) --slow=none $(ARGS)

test-all: $(ALL_READY) ## the slow ones too: image builds, benchmarks, outages of every kind
	@$(TEST) $(ARGS)

check: $(ALL_READY) ## lint, format, types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(ALL_READY) ## write anew what pages say from code and from results
	@$(RUN) -m worker.docs.build
	@$(RUN) -m tests.benchmarks.figures
	@$(RUN) -m deploy.capacity --document

bench: $(ALL_READY) ## speed and memory against baselines; results under tests/benchmarks/results [ARGS=...]
	@$(RUN) -m tests.benchmarks $(ARGS)

image: $(ALL_READY) ## an image for docker load, built without an engine, as root [TARGET=trainer] [BASE_IMAGE=...]
	@mkdir -p build
	@$(BUILD) --archive build/kafka-sentiment-$(TARGET).tar

sbom: $(ALL_READY) ## what is in it, or in one that docker saved, as CycloneDX JSON [TARGET=trainer] [BASE_IMAGE=...] [IMAGE=saved.tar]
	@mkdir -p build
	@$(if $(IMAGE),$(RUN) -m tests.image.sbom "$(IMAGE)" --output "build/$(basename $(notdir $(IMAGE:/=))).cdx.json",\
		$(BUILD) --sbom build/kafka-sentiment-$(TARGET).cdx.json)

# pip-audit ends with a traceback where the service cannot be reached; of that its last line says why.
audit: $(ALL_READY) ## known vulnerabilities of the pinned packages [ARGS="--osv-url URL"]
	@for lock in $(AUDITED); do \
		if said=$$($(RUN) -m pip_audit --requirement $$lock --disable-pip --strict --vulnerability-service osv \
			--progress-spinner off $(ARGS) 2>&1); then echo "$$lock: $$said"; continue; fi; \
		case "$$said" in \
			*Traceback*) echo "error: $$lock was not audited, for the service gives no answer" \
				"($$(echo "$$said" | tail -n 1 | cut -d : -f 1)); run it where there is a connection," \
				"or name another service: make audit ARGS=\"--osv-url URL\"" ;; \
			*) echo "$$lock: $$said" ;; \
		esac >&2; exit 1; \
	done

# The licences that are allowed stand in pyproject.toml; those of single packages here, each with the reason.
licences: $(ALL_READY) ## licences of all that a worker in production needs
	@$(RUN) -m piplicenses --packages $(filter-out certifi crc32c shtab,$(WORKER_PACKAGES)) $(ARGS)
	@# Certificates as data, used as they are published.
	@$(RUN) -m piplicenses --packages certifi --allow-only "Mozilla Public License 2.0 (MPL 2.0)"
	@# Used as it is published; the completion scripts that it writes are ours.
	@$(RUN) -m piplicenses --packages shtab --allow-only "MPL-2.0"
	@# A module of its own that anybody may replace, used as it is published.
	@$(RUN) -m piplicenses --packages crc32c --allow-only "GNU Lesser General Public License v2 or later (LGPLv2+)"

lock: ## resolve the pinned dependencies anew (needs uv)
	@command -v uv > /dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(LOCK) --upgrade --extra librdkafka --extra stores --extra tracing --extra trainer --extra local --extra dev \
		--output-file requirements/all.txt
	$(LOCK) --extra local --constraint requirements/all.txt --output-file requirements/demo.txt
	$(LOCK) --extra librdkafka --extra stores --extra tracing --constraint requirements/all.txt --output-file requirements/worker.txt
	$(LOCK) --extra trainer --extra stores --constraint requirements/all.txt --output-file requirements/trainer.txt
	$(LOCK) --upgrade --extra bench --output-file requirements/bench.txt

clean: ## remove the virtual environment, images that were built, and the caches of tools
	rm -rf $(VENV) .venv-bench build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, and $(PYTHON) is not. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) makes no virtual environment (Debian: apt install python3-venv)" >&2; \
		rm -rf $(VENV); exit 1; }

$(WORKER_READY): requirements/demo.txt pyproject.toml | $(RUN)
	@echo "Installing the worker's pinned packages into $(VENV), once ..." >&2
	@$(INSTALL) requirements/demo.txt
	@$(INSTALL_CHECKOUT)
	@touch $@

$(ALL_READY): requirements/all.txt pyproject.toml | $(RUN)
	@echo "Installing all pinned packages into $(VENV), once ..." >&2
	@$(INSTALL) requirements/all.txt
	@$(INSTALL_CHECKOUT)
	@touch $@
