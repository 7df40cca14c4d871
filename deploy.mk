# Prefect on one machine: `make server`, then `make deploy` once, and `make worker`; each in its own terminal or service.
# Included by the Makefile, whose target `setup` makes $(VENV).

VENV ?= .venv
PORT ?= 4200
PREFECT_HOME ?= $(CURDIR)/data/warehouse/prefect
DEPLOYMENTS ?= prefect.yaml
SERVER = http://127.0.0.1:$(PORT)

server deploy worker: export PREFECT_HOME := $(PREFECT_HOME)
server deploy worker: export DO_NOT_TRACK := 1
server deploy worker: export PREFECT_SERVER_ANALYTICS_ENABLED := false
# a city's proxy has no business on this machine's own addresses
server deploy worker: export NO_PROXY := 127.0.0.1,localhost
server deploy worker: export no_proxy := 127.0.0.1,localhost
# looking every five minutes leaves 100 000 runs a year: their history goes after 90 days, the releases stay
server: export PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED := events,flow_runs
deploy worker: export PREFECT_API_URL := $(SERVER)/api

WAIT_FOR_SERVER = for second in $$(seq 120); do \
	$(VENV)/bin/python -c "import urllib.request as u; u.urlopen('$(SERVER)/api/health', timeout=5)" 2>/dev/null && exit 0; \
	[ $$second = 1 ] && echo "Waiting for the server at $(SERVER) (\`make server\` in another terminal)"; sleep 1; \
	done; echo "No Prefect server at $(SERVER): start it with \`make server PORT=$(PORT)\`" >&2; exit 1

.PHONY: server deploy worker

server: setup  ## Start Prefect's server with its UI on this machine (PORT=4200)
	@mkdir -p "$(PREFECT_HOME)"
	@echo "Prefect's server and its UI: $(SERVER) (stop it with Ctrl-C; its database is in $(PREFECT_HOME))"
	@exec $(VENV)/bin/prefect server start --host 127.0.0.1 --port $(PORT)

deploy: setup  ## Bring the deployments of prefect.yaml to the server
	@mkdir -p "$(PREFECT_HOME)"
	@$(WAIT_FOR_SERVER)
	@$(VENV)/bin/prefect work-pool inspect barometer >/dev/null 2>&1 \
		|| { echo "Creating the work pool barometer"; $(VENV)/bin/prefect work-pool create barometer --type process; }
	@echo "One run at a time in the pool"
	@$(VENV)/bin/prefect work-pool set-concurrency-limit barometer 1
	@echo "Deploying what $(DEPLOYMENTS) lists"
	@$(VENV)/bin/prefect --no-prompt deploy --all --prefect-file "$(DEPLOYMENTS)"

worker: setup  ## Run what is due; stays until Ctrl-C
	@mkdir -p "$(PREFECT_HOME)"
	@$(WAIT_FOR_SERVER)
	@echo "A worker runs what is due (stop it with Ctrl-C; runs: $(SERVER)/runs)"
	@exec $(VENV)/bin/prefect worker start --pool barometer --type process --name "barometer on $$(hostname)"
