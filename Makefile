# Every target works from a clean clone: each first updates the Python environment, which takes no time when nothing changed.
.PHONY: help up test drills proof lint demo client faults bench fuzz migrate lock clean

python := .venv/bin/python
WORKERS ?= 3
pytest = $(python) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
drills := tests/deploy tests/faults tests/e2e tests/bench/test_runs.py
lock := uv pip compile --universal --python-version 3.11 --generate-hashes --quiet

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

up: ## Run everything on this machine until Ctrl-C; the data stays
	@./aftersale up

test: ## Test rules, services and screens, on real servers that it starts itself (TESTS=path for some, WORKERS=0 for one process)
	@deploy/bootstrap.sh --tests
	$(pytest) $(or $(TESTS),$(addprefix --ignore=,$(drills)))

drills: ## Test whole systems: up from nothing, whole lives, provisioning, kill -9 at every crash point, faults under load, short benchmarks
	@deploy/bootstrap.sh --tests
	$(pytest) $(drills)

proof: ## Test the tests: mutants, crash points, attacks, fuzz, long faults (ONLY=mutants/p1; what passed for a commit is not run again)
	@deploy/bootstrap.sh --tests
	$(python) -m tests.proof $(if $(ONLY),--only '$(ONLY)')

lint: ## Check format, lint, types, borders between services, dependencies, tidiness
	@deploy/bootstrap.sh
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy .
	.venv/bin/lint-imports
	$(python) -m deptry .
	$(python) -m pytest -q tests/test_tidy.py

demo: ## Play one order's life on what `make up` runs
	@./aftersale demo

client: ## Build the Python client as a wheel (OUT=folder, by default dist)
	@deploy/bootstrap.sh
	@$(python) -m deploy.local.client_wheel $(or $(OUT),dist)

faults: ## Break everything under load, and count lost and duplicated writes (SEED=1 FAULTS=60 WRITES=10000 REPORT=file)
	@deploy/bootstrap.sh --tests
	$(python) -m tests.faults.load --seed $(or $(SEED),1) --faults $(or $(FAULTS),60) --writes $(or $(WRITES),10000) $(if $(REPORT),--report $(REPORT))

bench: ## Measure throughput against the limits of this machine (OUT=folder for JSON, SVG and Markdown; ONLY=writes, webhooks or pages; ANYWAY=1 on a busy machine)
	@deploy/bootstrap.sh --tests
	$(python) -m tests.bench $(if $(OUT),--out $(OUT)) $(if $(ONLY),--only $(ONLY)) $(if $(ANYWAY),--anyway)

fuzz: ## Call every route with everything that its OpenAPI document allows, and more (CASES=200 for each; writes docs/fuzz-table.md)
	@deploy/bootstrap.sh --tests
	AFTERSALE_SCHEMATHESIS_CASES=$(or $(CASES),200) AFTERSALE_SCHEMATHESIS_TABLE=docs/fuzz-table.md $(python) -m pytest tests/services/test_schemathesis.py

migrate: ## Migrate every schema to head
	@./aftersale migrate

lock: ## Resolve the dependencies again into requirements.lock, and uv itself into deploy/uv.lock
	@deploy/bootstrap.sh
	PATH="$$PWD/.tools/bin:$$PATH" $(lock) --upgrade pyproject.toml --group dev -o requirements.lock
	echo uv | PATH="$$PWD/.tools/bin:$$PATH" $(lock) --upgrade - -o deploy/uv.lock

clean: ## Remove everything that was built; with DATA=1 also the data of `make up`
	rm -rf .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@if [ -n "$(DATA)" ] && [ -e .aftersale ]; then data=$$(readlink -f .aftersale); rm -rf "$$data" .aftersale; echo "removed $$data"; fi
