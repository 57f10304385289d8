# `make` lists the targets. Everything they need is installed by scripts/install-deps.sh, which is silent when all is there.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DEMO_DATA ?= frame-demo
export FRAME_TEST_PYTHON := $(CURDIR)/.build-venv/bin/python

.PHONY: help run build test lint format bench clean-data

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Build and start two federated frames on this machine (ARGS="--once", ARGS="--data DIR", …)
	@scripts/install-deps.sh build
	@swift build -c release --product frame
	@exec .build/release/frame demo $(ARGS)

build: ## Build the release binary, .build/release/frame
	@scripts/install-deps.sh build
	@swift build -c release --product frame

test: ## Run every test (FILTER=regex for some of them)
	@scripts/install-deps.sh test
	@scripts/test.sh $(FILTER)

lint: ## Check the format of the sources and the scripts
	@scripts/lint.sh

format: ## Format the sources in place
	@scripts/lint.sh --fix

bench: ## Build and run the benchmarks (Benchmarks/README.md)
	@scripts/install-deps.sh build
	@Benchmarks/run.sh $(ARGS)

clean-data: ## Delete the demo's frames: keys, logs, money
	@rm -rf -- "$(DEMO_DATA)"
