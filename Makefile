# Thin: each target is one command. `make demo` and `make test` are all a newcomer needs.
.PHONY: setup demo test test-pages test-ocr test-docker test-api-fuzz lint security sbom chaos bench bench-coder lock clean

MADE_FROM := pyproject.toml $(wildcard requirements/*.txt) $(wildcard tools/*.py tools/*.sh)

LEXICON := src/chartcoder/coding/artefact
LEXICON_FROM := $(shell find src/chartcoder/coding -name '*.py' -o -name '*.tsv' -o -path '*/official_release/*')

setup: .venv/.complete $(LEXICON)/.complete  ## .venv with everything, so that .venv/bin/chartcoder runs

.venv/.complete: $(MADE_FROM)
	tools/setup.sh

$(LEXICON)/.complete: .venv/.complete $(LEXICON_FROM)
	.venv/bin/python -m chartcoder.coding.machine_code
	.venv/bin/python -m chartcoder.coding.build
	touch $@

demo: setup  ## the whole pipeline on the embedded cloud, on the sample charts (CHARTS=DIR for your own)
	.venv/bin/chartcoder up $(if $(CHARTS),--charts $(CHARTS)) $(if $(ONCE),--once)

test: setup  ## every test; PYTEST="-k worker" picks some
	.venv/bin/python -m pytest --numprocesses auto --dist loadfile $(PYTEST)

test-pages: setup  ## the review pages in a real Chromium (Debian's package chromium)
	.venv/bin/python -m pytest $(or $(PYTEST),tests/pages)

test-ocr: setup .ocr/.complete  ## scanned pages; needs Debian's package tesseract-ocr
	PYTHONPATH=.ocr .venv/bin/python -m pytest $(or $(PYTEST),tests/ocr)

.ocr/.complete: .venv/.complete requirements/ocr.txt
	.venv/bin/uv pip install --quiet --target .ocr --no-deps --require-hashes --requirement requirements/ocr.txt
	touch $@

test-docker: setup  ## what runs in a Docker engine: the images, sam local, instances that are containers
	.venv/bin/python -m pytest --timeout 1500 --durations 10 $(or $(PYTEST),tests/docker)

test-api-fuzz: setup .fuzz/.complete  ## the API under requests made from its own document; SECONDS=600 for ten minutes
	.venv/bin/python -m tools.fuzz --seconds $(or $(SECONDS),120)

.fuzz/.complete: requirements/bootstrap.txt requirements/fuzz.txt
	python3 -m venv .fuzz
	.fuzz/bin/pip install --quiet --require-hashes --requirement requirements/bootstrap.txt
	.fuzz/bin/uv pip sync --quiet --python .fuzz/bin/python --require-hashes requirements/fuzz.txt
	touch $@

lint: setup  ## what CI lints, and nothing else
	tools/lint.sh

security: setup .security/.complete  ## the rule sets over template, playbooks, images and code; tools/security/exceptions.yaml
	.venv/bin/python -m tools.security

.security/.complete: requirements/bootstrap.txt requirements/security.txt tools/security/package-lock.json tools/security/setup.sh
	tools/security/setup.sh

sbom: setup .security/.complete  ## dist/sbom/: a CycloneDX list of what each image is made of
	.venv/bin/python -m tools.security.sbom

chaos: setup  ## faults while runs go on, and whether every promise held; SEED=1 CHARTS=5000 FAULTS=200 ARGS="--report chaos.json"
	.venv/bin/python -m embedded.chaos --seed $(or $(SEED),1) --charts $(or $(CHARTS),5000) --faults $(or $(FAULTS),200) $(ARGS)

bench: setup  ## what the pipeline costs over the pure coding; bench/ has more, each with --help
	.venv/bin/python -m bench.pipeline

bench-coder: setup  ## how fast the coder is on one core, beside stock medspaCy; CHARTS=DIR_OR_JSONL for your own
	.venv/bin/python -m bench.coder_throughput $(if $(CHARTS),--charts $(CHARTS))

lock:  ## write requirements/*.txt anew from pyproject.toml
	PATH="$(CURDIR)/.venv/bin:$$PATH" tools/lock.sh

clean:
	rm -rf .venv .security .fuzz .ocr tools/security/node_modules .aws-sam .chartcoder src/chartcoder/coding/artefact
