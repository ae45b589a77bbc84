# Each target sets itself up on a fresh machine: Python 3.11+ and a shell are enough.
PYTHON ?= python3
BOOTSTRAP = "$(PYTHON)" launcher/bootstrap.py

.PHONY: demo manage test journeys check bench assets pins
export RESET ARGS

demo:    ## bring everything up and print the tour; RESET=1 starts over
	@$(BOOTSTRAP) demo

manage:  ## a management command of the demo; ARGS="demo_code EMAIL"
	@$(BOOTSTRAP) manage

test:    ## every test; ARGS="-k ledger" goes to pytest
	@$(BOOTSTRAP) test

journeys: ## clients' ways through four brokerages in a real browser; ARGS="-k puertoclaro" picks one
	@RIALTO_JOURNEYS=1 ARGS="tests/journeys -p no:randomly $(ARGS)" $(BOOTSTRAP) test

check:   ## format, lint, types, import contracts, migrations, translations, templates
	@$(BOOTSTRAP) check

bench:   ## measured ratios; docs/ says what each means
	@$(BOOTSTRAP) bench

assets:  ## build the front end into static/dist
	@$(BOOTSTRAP) assets

pins:    ## compile requirements*.in to requirements*.txt with hashes
	@$(BOOTSTRAP) pins
