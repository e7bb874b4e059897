# Everything from a fresh clone with Python, make and pip: each target first makes its environment, once.
# Run `make` alone to see the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help reproduce-table1 reproduce-aboudi2022 reproduce-isles2018 report test test-all lint smoke audit bench bench-peers experiment vendor-niivue clean

# Without VENV= the environment is ours: .venv, with TensorFlow for the processor or, where nvidia-smi sees a card, for
# the GPU. With VENV=path it is the user's (Colab, Kaggle, a cluster's module): its TensorFlow is kept, or its absence.
# Only the command line counts; a VENV or DATA left in the shell by something else does not change what make does.
given = $(filter command,$(origin $(1)))
option = $(if $(call given,$(1)),$(if $($(1)),$(2) '$($(1))'))

ifneq ($(if $(call given,VENV),$(filter-out .venv,$(patsubst %/,%,$(VENV)))),)
  override VENV := $(patsubst %/,%,$(VENV))
  PY = $(firstword $(wildcard $(VENV)/bin/python $(VENV)/bin/python3))
  EXTRA =
else
  override VENV := .venv
  PY = .venv/bin/python
  EXTRA := $(if $(findstring GPU,$(shell nvidia-smi -L 2>/dev/null)),[gpu],[cpu,fast])
endif
RUN_STAMP := $(VENV)/.stroke_tf-installed
DEV_STAMP := $(VENV)/.stroke_tf-dev-installed

PEERS_VENV := .venv-peers
PEERS_STAMP = $(PEERS_VENV)/.peers-installed
TORCH := torch
RUNS := results/bench/runs/x results/bench/runs/y results/bench/runs/z

help:
	@echo 'make reproduce-table1   Table 1 of the paper, row by row, with a verdict for each claim. Options:'
	@echo '     DATA=folder|manifest.csv     real scans; without it, phantoms are made on the spot'
	@echo '     PRESET=smoke|quick|paper     how much (about 1 min, 25 min, days on 2 cores)'
	@echo '     WEIGHTS=auto|imagenet|none|file.h5   what the encoder starts from'
	@echo '     FOLD=0..3|all                which of the four folds is the test'
	@echo '     VARIANTS=all|name,name       networks beside row Y: dense-unet, attention, linknet, fpn, four-sequences, 2.5-d'
	@echo '     OUT=folder                   where the results go'
	@echo 'make reproduce-aboudi2022   Table II of Aboudi 2022, a network a sequence, under every reading. Options:'
	@echo '     DATA= PRESET= WEIGHTS= OUT= as above; SEED=number of phantoms, weights and batches'
	@echo 'make reproduce-isles2018   Song 2019 on CT perfusion, in five folds, with a verdict for each claim. Options:'
	@echo '     DATA=folder|manifest.csv  PRESET=smoke|quick|paper (about 1 min, 20 min, days)  FOLD=0..4|all  OUT=folder'
	@echo 'make report             one HTML page, viewer inside, from results. Options:'
	@echo '     OUT=folder                   of the results (default results/table1-quick); DATA=real scans of the run'
	@echo 'make test               all tests but the slow ones'
	@echo 'make test-all           the slow ones too'
	@echo 'make lint               ruff, rules and format'
	@echo 'make smoke              phantoms, three planes, vote, table: the smallest whole run'
	@echo 'make audit              the printed tables of the papers against arithmetic (a second)'
	@echo 'make bench              every benchmark beside the script someone would write today (about an hour). Options:'
	@echo '     PARTS="prediction …"         some of them; OUT=folder'
	@echo 'make bench-peers        nnU-Net v2 and MONAI on the same phantom, in an environment of their own. Options:'
	@echo '     RUNS="x y z"                 three run folders; without it, those that make bench trained'
	@echo '     TORCH=torch==…               which PyTorch; PEERS_VENV=folder; PEERS=--with-slow; OUT=folder'
	@echo 'make experiment         one question answered on phantoms (9 to 25 min on 2 cores); goes on where it was killed. Options:'
	@echo '     NAME=05-planes               a folder of experiments/ with a run.py (needed); OUT=folder'
	@echo 'make vendor-niivue      another version of the viewer inside the report, for those who work on it; needs npm. NIIVUE=version'
	@echo 'make clean              removes .venv, caches and build leftovers; results stay'
	@echo 'VENV=path with any of them uses the environment there and leaves its TensorFlow as it is.'

reproduce-table1: $(RUN_STAMP)
	$(PY) -m stroke_tf.reproduce_table1 $(strip $(call option,PRESET,--preset) $(call option,DATA,--data) \
	    $(call option,WEIGHTS,--weights) $(call option,FOLD,--fold) $(call option,OUT,--out) \
	    $(call option,VARIANTS,--variants))

reproduce-aboudi2022: $(RUN_STAMP)
	$(PY) -m stroke_tf.reproduce_aboudi2022 $(strip $(call option,PRESET,--preset) $(call option,DATA,--data) \
	    $(call option,WEIGHTS,--weights) $(call option,OUT,--out) $(call option,SEED,--seed))

reproduce-isles2018: $(RUN_STAMP)
	$(PY) -m stroke_tf.reproduce_isles2018 $(strip $(call option,PRESET,--preset) $(call option,DATA,--data) \
	    $(call option,FOLD,--fold) $(call option,OUT,--out))

smoke: $(RUN_STAMP)
	$(PY) -m stroke_tf.reproduce_table1 --preset smoke $(strip $(call option,OUT,--out))

report: $(RUN_STAMP)
	$(PY) -m stroke_tf.report '$(if $(call given,OUT),$(OUT),results/table1-quick)' $(strip $(call option,DATA,--data)) --force

# As npm publishes it; the version, its SHA-256 and the licences are written beside it.
vendor-niivue: $(RUN_STAMP)
	$(PY) -m stroke_tf.reports.niivue.refresh $(if $(call given,NIIVUE),'$(NIIVUE)',$(error NIIVUE= is missing, for example: make vendor-niivue NIIVUE=0.69.0))

audit: $(RUN_STAMP)
	$(PY) -m stroke_tf.audit

test: $(DEV_STAMP)
	$(PY) -m pytest

test-all: $(DEV_STAMP)
	$(PY) -m pytest -m ''

lint: $(DEV_STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

bench: $(DEV_STAMP)
	$(PY) experiments/benchmarks/bench.py --out '$(if $(call given,OUT),$(OUT),results/bench)' \
	    $(if $(call given,PARTS),--only $(PARTS))

bench-peers: $(DEV_STAMP) $(PEERS_STAMP)
	$(if $(call given,RUNS),,$(PY) experiments/benchmarks/trained_networks.py results/bench)
	$(PEERS_VENV)/bin/python experiments/benchmarks/peers/peers.py --python $(PY) --runs $(RUNS) \
	    --out '$(if $(call given,OUT),$(OUT),results/bench-peers)' $(PEERS)

experiment: $(RUN_STAMP)
	$(if $(call given,NAME),,$(error NAME= is missing, for example: make experiment NAME=05-planes))
	$(PY) 'experiments/$(NAME)/run.py' $(call option,OUT,--out)

clean:
	rm -rf .venv .venv-peers build dist stroke_tf.egg-info .pytest_cache .ruff_cache
	find stroke_tf tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make an installation happen once, and again when setup.cfg asks for something else.
$(RUN_STAMP): setup.cfg pyproject.toml | $(VENV)/bin
	$(PY) -m pip install --disable-pip-version-check -e '.$(EXTRA)'
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(PY) -m pip install --disable-pip-version-check -e '.[dev]'
	@touch $@

# torch first and by itself, so that the build that was asked for is not replaced by what nnU-Net would choose.
$(PEERS_STAMP): experiments/benchmarks/peers/requirements.txt | $(VENV)/bin
	$(PY) -m venv '$(PEERS_VENV)'
	$(PEERS_VENV)/bin/pip install --disable-pip-version-check '$(TORCH)'
	$(PEERS_VENV)/bin/pip install --disable-pip-version-check '$(TORCH)' -r $<
	@touch $@

# TensorFlow decides the range of Pythons. A python3 outside it is passed over for a neighbour inside it.
.venv/bin:
	@for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	        echo "$$python -m venv .venv"; \
	        "$$python" -m venv .venv && exit 0; \
	        rm -rf .venv; \
	        echo 'error: .venv could not be made (see above). On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; \
	    fi; \
	done; \
	echo 'error: no Python from 3.10 to 3.13 found as python3, python3.13, ... python3.10. Install one,' >&2; \
	echo '       or name an environment that has one: make VENV=path' >&2; exit 1

ifneq ($(VENV),.venv)
$(VENV)/bin:
	@echo "error: VENV=$(VENV): no environment there (no bin/ folder). Make it with: python3 -m venv $(VENV)" >&2; exit 1
endif
