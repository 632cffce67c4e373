# Every target sets up what it needs in .venv, from the locked requirements, once.
PYTHON ?= python3
INSTALL = .venv/bin/pip install -qq --disable-pip-version-check --no-deps

.PHONY: retrain test kernels lint e2e faults spark audit lock clean

retrain: .venv/runtime  ## Run the main job on demo data
	.venv/bin/cinecluster retrain

# Three on two cores, as some tests wait for other processes.
WORKERS = --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: .venv/dev  ## Run the tests
	.venv/bin/pytest $(WORKERS)

KERNELS ?= Haswell

kernels: .venv/dev  ## Run the numeric tests under other kernels of OpenBLAS than the processor's own
	OPENBLAS_CORETYPE=$(KERNELS) .venv/bin/pytest $(WORKERS) tests/model tests/quality tests/engine --ignore=tests/model/test_kernels.py

lint: .venv/dev  ## Check style, types and SQL
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/sqlfluff lint sql

e2e: .venv/dev  ## Operate a real Prefect server and worker, and look at the report in Chromium
	.venv/bin/pytest $(WORKERS) tests/e2e/e2e_*.py

faults: .venv/dev  ## Kill, fill, truncate, read meanwhile
	.venv/bin/pytest tests/faults/faults_*.py

spark: .venv-spark/spark  ## Start a cluster of Spark on this machine, retrain there, kill parts of it; needs Java 17
	.venv-spark/bin/pytest tests/spark/spark_*.py

audit: .venv/dev  ## Look for known vulnerabilities in the locked requirements
	@.venv/bin/pip-audit -r requirements.lock --no-deps --disable-pip --progress-spinner off > .venv/audit.txt 2>&1; \
	if grep -qE "^Found [0-9]+ known" .venv/audit.txt; then cat .venv/audit.txt; exit 1; \
	elif grep -q "^No known vulnerabilities found" .venv/audit.txt && ! grep -q "could not be audited" .venv/audit.txt; \
	then cat .venv/audit.txt; \
	else echo "AUDIT SKIPPED, for all or some requirements the advisories cannot be reached:"; tail -n 1 .venv/audit.txt; fi

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.lock pyproject.toml
	@echo "Installing the locked requirements into .venv, once; this takes about a minute."
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/bin/python requirements-dev.lock pyproject.toml
	@echo "Installing the locked requirements for development into .venv, once; this takes a minute or two."
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-build-isolation -e .
	@touch $@ .venv/runtime

.venv-spark/spark: requirements-spark.lock pyproject.toml
	@echo "Installing the locked requirements with Spark into .venv-spark, once; this takes some minutes."
	@command -v java > /dev/null || { apt-get -qq update && apt-get -qq install -y openjdk-17-jre-headless; } > /dev/null
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	.venv-spark/bin/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## Renew the locks; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --no-strip-extras pyproject.toml --extra build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --no-strip-extras pyproject.toml --extra build --extra dev --extra baselines --extra sail \
		--extra postgresql \
		-c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --no-strip-extras pyproject.toml --extra build --extra dev --extra spark-local \
		-c requirements.lock -o requirements-spark.lock

clean:
	rm -rf .venv .venv-spark
