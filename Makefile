.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: help demo test lint format pictures torture fuzz clean

help:  ## list the targets
	@grep -hE '^[a-z0-9_-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## *' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.installed  ## generate documents, train, predict, score, report: everything in a few minutes
	$(BIN)/munseo demo demo

test: $(VENV)/.installed-test lint  ## lint, check types, run the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-test  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test  ## let ruff fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: $(VENV)/.installed-test  ## take new pictures of the web page for README.md (needs Chromium)
	MUNSEO_PICTURES=docs/images $(BIN)/python -m pytest -q tests/ui/test_ui_browser.py

torture: $(VENV)/.installed-test  ## an hour of killed runs, edited runs, hostile files and planted errors (DATA=data/rvl5 for the doctor)
	$(BIN)/python benchmarks/torture_training.py --kills 25
	$(BIN)/python benchmarks/torture_training.py --kills 6 --settings folds,ema,patience --moments ending
	$(BIN)/python benchmarks/torture_resume.py
	MUNSEO_TORTURE=1 $(BIN)/python -m pytest -q tests/hostile tests/service tests/training/test_start_checks.py
	$(if $(DATA),$(BIN)/python benchmarks/doctor.py $(DATA))

fuzz: $(VENV)/.installed-test  ## fourteen minutes of coverage-guided fuzzing: images, PDFs, tables, run folders
	$(BIN)/python -m pip install --progress-bar off -c constraints.txt -e '.[fuzz]'
	$(BIN)/python fuzz/image_decoder.py -max_total_time=300
	$(BIN)/python fuzz/pdf_pages.py -max_total_time=120
	$(BIN)/python fuzz/table_file.py -max_total_time=120
	$(BIN)/python fuzz/run_folder.py -max_total_time=300

clean:  ## remove the virtual environment and caches (runs and data stay)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Munseo needs Python 3.11 or newer; set PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar off -c constraints.txt -e '.[openvino]'
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar off -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.installed
