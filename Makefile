# Run "make" for the list of targets.

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-print-directory --warn-undefined-variables

# Versions of tools that are not part of go.mod, so that nothing of theirs
# reaches those who import this module.
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

FUZZTIME ?= 30s
FUZZSKIP ?=
BENCH    ?= .
COUNT    ?= 10
TIMEOUT  ?= 5m

# ci has the race detector look at what starts goroutines: not at what counts the
# states of models, and of the compiler only at the package generator, in short
# form. make race has everything.
RACETIMEOUT ?= 15m
RACESHORT   ?=
RACESKIP    ?= ^$$
COMPILER    ?= ./schema/... ./generator/...
OUT      := .out

# The directories of the checked-in SDKs.
SDKS = $(patsubst %/commands.yaml,%,$(wildcard generated/*/commands.yaml runtime/bench/*/commands.yaml))

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | while IFS=$$'\t' read -r t d; do printf '  %-14s %s\n' "$$t" "$$d"; done

.PHONY: demo
demo: ## run the tutorial for ten seconds, kill its server, show that nothing is lost
	@go run ./examples/tutorial/demo

.PHONY: test
test: ## run all tests
	go test -timeout $(TIMEOUT) ./...

.PHONY: race
race: ## run all tests with the race detector (needs a C compiler)
	@if ! command -v "$$(go env CC)" >/dev/null; then echo "race: not run: the race detector needs a C compiler and $$(go env CC) is not there"; \
	else set -x; CGO_ENABLED=1 go test -race -timeout $(RACETIMEOUT) $$(go list ./runtime/... ./generated/... ./examples/... | grep -vE '$(RACESKIP)'); \
	CGO_ENABLED=1 go test -race $(RACESHORT) -timeout $(RACETIMEOUT) $(COMPILER); fi

.PHONY: lint
lint: lintschemas ## gofmt, go vet, staticcheck; ipcio-gen fmt and lint on all schemas
	@bad=$$(gofmt -l .); if [[ -n $$bad ]]; then printf 'gofmt -w these files:\n%s\n' "$$bad"; exit 1; fi
	go vet ./...
	$(STATICCHECK) ./...

# The schema files under version control, and those of them that begin a schema
# which somebody may copy.
SCHEMAFILES = $(shell grep -rl --include='*.yaml' '^ipcio: ' generated generator runtime $(wildcard examples))
SCHEMAS     = $(filter %/commands.yaml,$(foreach f,$(SCHEMAFILES),$(if $(findstring /testdata/,$(f)),,$(f))))

.PHONY: lintschemas
lintschemas:
	@[[ -n "$(SCHEMAS)" ]] || { echo 'lintschemas: no schema'; exit 1; }
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; go build -o "$$tmp/ipcio-gen" ./generator/cmd/ipcio-gen; \
	bad=$$("$$tmp/ipcio-gen" fmt -l $(SCHEMAFILES)) || { printf 'ipcio-gen fmt -w these files:\n%s\n' "$$bad"; exit 1; }; \
	for f in $(SCHEMAS); do "$$tmp/ipcio-gen" lint -f "$$f"; done

.PHONY: generate
generate: ## write the SDKs under generated/ again
	go generate ./generated/...
	cd runtime/bench && go generate ./yard

# The flags that the directive of an SDK gives to ipcio-gen generate.
GENFLAGS = flags=$$(sed -n 's|^//go:generate go tool ipcio-gen generate *||p' "$$sdk"/*.go)

.PHONY: checkgenerate
checkgenerate: ## fail if an SDK is not what the generator writes today
	@[[ -n "$(SDKS)" ]] || { echo 'checkgenerate: no generated/*/commands.yaml'; exit 1; }
	@for sdk in $(SDKS); do echo "ipcio-gen verify: $$sdk"; $(GENFLAGS); (cd "$$sdk" && go tool ipcio-gen verify $$flags); done
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; go build -o "$$tmp/ipcio-gen" ./generator/cmd/ipcio-gen; \
	for sdk in $(SDKS); do \
		cp -R "$$sdk" "$$tmp/sdk"; rm -f "$$tmp"/sdk/*.ipcio.go "$$tmp"/sdk/*_ipcio_test.go; \
		$(GENFLAGS); (cd "$$tmp/sdk" && ../ipcio-gen generate $$flags); \
		diff -ru "$$sdk" "$$tmp/sdk" || { echo "$$sdk is not what the generator writes: run make generate"; exit 1; }; \
		rm -rf "$$tmp/sdk"; \
	done

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME each (30s)
	@targets=$$(grep -rEo --include='*_test.go' --exclude='$(FUZZSKIP)' --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]*' . | sort | sed -E 's#/[^/]*:func # #'); \
	[[ -n $$targets ]] || { echo 'fuzz: no targets'; exit 1; }; \
	tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; found=$$(go env GOCACHE)/fuzz; built=; \
	while read -r dir name; do echo "fuzz: $$dir $$name $(FUZZTIME)"; \
		if [[ $$dir != "$$built" ]]; then go test -c -fuzz . -o "$$tmp/fuzz.test" "$$dir"; built=$$dir; pkg=$$(go list "$$dir"); fi; \
		(cd "$$dir" && "$$tmp/fuzz.test" -test.run '^$$' -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir "$$found/$$pkg" 2>&1) | \
			{ grep -v '^fuzz: elapsed' || true; }; \
	done <<<"$$targets"

.PHONY: bench
bench: ## run the benchmarks COUNT times (10) into .out/bench.txt, for benchstat
	@mkdir -p $(OUT)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -timeout 60m ./... | tee $(OUT)/bench.txt

.PHONY: budgets
budgets: ## measure what generated code costs: lines and compile time for a payload, generating 1,000 and 2,000 commands, encoding and decoding
	go test -run Budget -v ./generator
	go test -run '^$$' -bench Budget -benchtime 3x -timeout 30m ./generator
	go test -run '^$$' -bench 'Encode|Decode|Ratio' -benchmem -count 6 ./runtime/codec

.PHONY: benchonce
benchonce: ## run every benchmark once, so that none rots
	go test -run '^$$' -bench . -benchtime 1x -timeout $(TIMEOUT) ./...

# The contestants of bench-peers are a module of their own.
ROUNDS ?= 7
PEERS  ?=

.PHONY: bench-peers
bench-peers: ## measure against other stacks (ROUNDS=7, PEERS='-work w1 -only limit-raw,ipcio'); about 40 minutes
	cd runtime/bench && go run . -rounds $(ROUNDS) $(PEERS)

.PHONY: peersonce
peersonce: ## vet the module of bench-peers and run ipcio's workloads for a moment
	cd runtime/bench && go vet ./... && go run . -rounds 1 -ms 20 -warm 20 -sizes 0,65536 -fan 10 -idle 50 -only limit-raw,ipcio

.PHONY: cover
cover: ## measure what the tests reach: .out/coverage.html
	@mkdir -p $(OUT)
	go test -timeout $(TIMEOUT) -coverpkg ./schema/...,./generator/...,./runtime/... -coverprofile $(OUT)/coverage.out ./...
	go tool cover -html $(OUT)/coverage.out -o $(OUT)/coverage.html
	@go tool cover -func $(OUT)/coverage.out | tail -n 1

.PHONY: cross
cross: ## build for the other systems, vet for a 32-bit one
	GOOS=darwin GOARCH=arm64 go build ./...
	GOOS=freebsd GOARCH=amd64 go build ./...
	GOOS=windows GOARCH=amd64 go build ./...
	GOOS=linux GOARCH=386 go vet ./...

# The targets below run for minutes or hours and enter what they did into
# runtime/RELIABILITY.md. Another SEED gives other cases.
LEDGER := go run ./runtime/internal/ledger
SEED   ?= 1
PAIRS  ?= 1000000

.PHONY: proofpairs
proofpairs: ## compare PAIRS (1000000) versions of schemas with brute force
	$(LEDGER) -name 'Compatibility: verdicts against brute force' -repeat 'make proofpairs PAIRS=$(PAIRS) SEED=$(SEED)' -- \
		go test -v -count=1 -timeout 24h -run '^TestCompareAgainstBruteForce$$' ./schema -compat.pairs=$(PAIRS) -compat.seed=$(SEED)

SCHEMAS ?= 200
INPUTS  ?= 1000

.PHONY: proofcompiled
proofcompiled: ## compare the compiled decoders of SCHEMAS (200) random schemas with the interpreter
	$(LEDGER) -name 'Compiled decoders against the interpreter' -repeat 'make proofcompiled SCHEMAS=$(SCHEMAS) INPUTS=$(INPUTS) SEED=$(SEED)' -- \
		go test -v -count=1 -timeout 24h -run '^TestInterpreterAgainstCompiled$$' ./generator \
		-oracle.schemas=$(SCHEMAS) -oracle.inputs=$(INPUTS) -oracle.seed=$(SEED)

RANDOM ?= 100000
VET    ?= 1000
TIME   ?= 0

.PHONY: proofschemas
proofschemas: ## check the Go of RANDOM (100000) random schemas with go/types, of VET (1000) with go vet
	$(LEDGER) -name 'Random schemas become Go' -repeat 'make proofschemas RANDOM=$(RANDOM) VET=$(VET) TIME=$(TIME) SEED=$(SEED)' -- \
		env GOGC=400 go test -v -count=1 -timeout 48h -run '^TestRandomSchemas(TypeCheck|Vet)$$' ./generator \
		-typecheck.schemas=$(RANDOM) -typecheck.seed=$(SEED) -typecheck.time=$(TIME) -vet.schemas=$(VET) -seed=$(SEED)

TEXTS ?= 10000000

.PHONY: prooftexts
prooftexts: ## read TEXTS (10000000) damaged schemas, for TIME at most
	$(LEDGER) -name 'Damaged schema texts' -repeat 'make prooftexts TEXTS=$(TEXTS) TIME=$(TIME) SEED=$(SEED)' -- \
		env GOGC=400 go test -v -count=1 -timeout 48h -run '^TestDamagedTexts$$' ./generator -texts=$(TEXTS) -texts.time=$(TIME) -texts.seed=$(SEED) -texts.every=1000

MUTANTS ?= 0

# MUTATE breaks the generator in small ways, one at a time: each must be noticed
# by a test that takes no time, or by one of those that take some.
MUTATE = go run ./runtime/internal/mutate -package ./generator -data -known generator/testdata/survivors.txt -timeout 1m \
	-quick '-test.short -test.skip=Fuzz|Random|SamplesMeet|SamplesOf|Source|Budget|Damaged|Contract|PartsAre|Misuse' \
	-thorough '-test.short -test.skip=Budget|Source -typecheck.schemas=400 -texts=600 -texts.every=2 -checked=60'

.PHONY: proofmutants
proofmutants: ## break the generator in every small way, or in MUTANTS of them, and see that its tests notice
	$(LEDGER) -name 'Mutants of the generator' -repeat 'make proofmutants MUTANTS=$(MUTANTS) SEED=$(SEED)' -- \
		$(MUTATE) -sample $(MUTANTS) -seed $(SEED)

CRASHES ?= 1000

.PHONY: proofcrash
proofcrash: ## kill ipcio-gen CRASHES times (1000) while it writes files
	$(LEDGER) -name 'ipcio-gen is killed' -repeat 'make proofcrash CRASHES=$(CRASHES)' -- \
		go test -v -count=1 -timeout 24h -run '^TestKilled$$' ./generator/cmd/ipcio-gen -crash.kills=$(CRASHES)

EXECUTIONS ?= 100000000

.PHONY: proofdecode
proofdecode: ## compare generated decoders with fxamacker/cbor over EXECUTIONS (100000000) messages, for TIME at most
	$(LEDGER) -name 'Generated decoders against fxamacker/cbor' -repeat 'make proofdecode EXECUTIONS=$(EXECUTIONS) TIME=$(TIME) SEED=$(SEED)' -- \
		go test -v -count=1 -timeout 48h -run '^TestDifferential$$' ./generated/everything \
		-differential.executions=$(EXECUTIONS) -differential.time=$(TIME) -differential.seed=$(SEED)

STATES ?= 20000000

.PHONY: model
model: ## enumerate the states of the delivery protocol, also those of the large configurations (8 GiB of memory)
	$(LEDGER) -name 'Model of the delivery protocol' -repeat 'make model STATES=$(STATES)' -- \
		go test -v -count=1 -timeout 24h -parallel 2 ./runtime/internal/model -model.big -model.states=$(STATES)

SEEDS ?= 1000000

.PHONY: simulate
simulate: ## play SEEDS (1000000) histories of a domain, for TIME at most; SEED is the first
	$(LEDGER) -name 'Simulation of domains' -repeat 'make simulate SEEDS=$(SEEDS) TIME=$(TIME) SEED=$(SEED)' -- \
		go test -v -count=1 -timeout 48h -run '^TestSimulation$$' ./runtime/internal/session \
		-session.seeds=$(SEEDS) -session.time=$(TIME) -session.first=$(SEED)

.PHONY: mutants
mutants: ## break package session in every small way, or in MUTANTS of them, and see that its tests notice
	$(LEDGER) -name 'Mutants of package session' -repeat 'make mutants MUTANTS=$(MUTANTS) SEED=$(SEED)' -- \
		go run ./runtime/internal/mutate -package ./runtime/internal/session -known runtime/internal/session/testdata/survivors.txt \
		-sample $(MUTANTS) -seed $(SEED) -timeout 10m -quick '-session.seeds=100 -session.durable=300 -test.skip=Fuzz|TestHostilePeer|TestDefectsThatWereFound|TestBroadcastWindowBeyondTheLog' \
		-thorough '-session.seeds=3000 -test.skip=Fuzz'

# The storms: servers and clients as processes, under fire. They need Linux.
STORM     := go run ./runtime/internal/storm/cmd/storm
KILLS     ?= 1000
MESSAGES  ?= 1000000
LOSSES    ?= 100000
STOPS     ?= 100
LONGSTOPS ?= 10
CONNECTS  ?= 100000
RETURNING ?= 5000

.PHONY: storm-server
storm-server: ## kill the server KILLS times (1000) under load, until MESSAGES (1000000) were accepted
	$(LEDGER) -name 'Storm: the server is killed' -repeat 'make storm-server KILLS=$(KILLS) MESSAGES=$(MESSAGES) SEED=$(SEED)' -- \
		$(STORM) server -kills $(KILLS) -messages $(MESSAGES) -seed $(SEED)

.PHONY: storm-cut
storm-cut: ## end LOSSES connections (100000) in every way, in one life of the server
	$(LEDGER) -name 'Storm: connections are lost' -repeat 'make storm-cut LOSSES=$(LOSSES) SEED=$(SEED)' -- \
		$(STORM) cut -losses $(LOSSES) -seed $(SEED)

.PHONY: storm-durable
storm-durable: KILLS = 2000
storm-durable: ## kill a client with a durable outbox KILLS times (2000: 1000 with either outbox), now and then the server with it
	$(LEDGER) -name 'Storm: the client with a durable outbox is killed' -repeat 'make storm-durable KILLS=$(KILLS) SEED=$(SEED)' -- \
		go test -v -count=1 -timeout 24h -run '^TestStormDurable$$' ./runtime/outbox -outbox.kills=$(KILLS) -outbox.seed=$(SEED)

LOSSES_OF_POWER ?= 10000

.PHONY: storm-power
storm-power: ## have the power go off LOSSES_OF_POWER times (10000) under an outbox; flip a bit of each byte of one
	$(LEDGER) -name 'Outbox: the power goes off, bits flip' -repeat 'make storm-power LOSSES_OF_POWER=$(LOSSES_OF_POWER)' -- \
		go test -v -count=1 -timeout 24h -run '^(TestPowerLoss|TestEveryByte.*|TestFaults)$$' ./runtime/outbox -outbox.power=$(LOSSES_OF_POWER)

.PHONY: storm-bytes
storm-bytes: ## cut a connection behind every byte of a conversation, in each direction of each lane, new and resuming
	$(LEDGER) -name 'Storm: a cut behind every byte' -repeat 'make storm-bytes' -- \
		go test -v -count=1 -timeout 24h -run '^TestCutAtEveryByte$$' ./runtime/internal/storm -storm.every=1

.PHONY: storm-clients
storm-clients: ## kill processes with clients KILLS times (1000), then as often/3 together with the server
	$(LEDGER) -name 'Storm: clients are killed' -repeat 'make storm-clients KILLS=$(KILLS) SEED=$(SEED)' -- \
		$(STORM) clients -kills $(KILLS) -seed $(SEED)
	$(LEDGER) -name 'Storm: clients and the server are killed' -repeat 'make storm-clients KILLS=$(KILLS) SEED=$(SEED)' -- \
		$(STORM) clients -kills $$(($(KILLS)/3)) -both $$(($(KILLS)/3)) -seed $(SEED)

.PHONY: storm-stop
storm-stop: ## stop processes STOPS times (100), LONGSTOPS (10) of them for 20 s; then 100 of 1,000 while there are broadcasts
	$(LEDGER) -name 'Storm: processes are stopped' -repeat 'make storm-stop STOPS=$(STOPS) LONGSTOPS=$(LONGSTOPS) SEED=$(SEED)' -- \
		$(STORM) stop -stops $(STOPS) -long $(LONGSTOPS) -seed $(SEED)
	$(LEDGER) -name 'Storm: broadcasts to some that are stopped' -repeat 'make storm-stop STOPS=$(STOPS) LONGSTOPS=$(LONGSTOPS) SEED=$(SEED)' -- \
		$(STORM) broadcast -clients 900 -stopped 100 -seed $(SEED)

.PHONY: storm-fds
storm-fds: ## no descriptors left; then RETURNING clients (5000) that come back to a server all at once
	$(LEDGER) -name 'Storm: no descriptors' -repeat 'make storm-fds RETURNING=$(RETURNING)' -- $(STORM) descriptors
	$(LEDGER) -name 'Storm: all clients come back at once' -repeat 'make storm-fds RETURNING=$(RETURNING)' -- $(STORM) return -clients $(RETURNING)

.PHONY: storm-leaks
storm-leaks: ## CONNECTS clients (100000) come and go, as many calls are cancelled: nothing is left
	$(LEDGER) -name 'Storm: nothing is left' -repeat 'make storm-leaks CONNECTS=$(CONNECTS)' -- \
		$(STORM) leak -connects $(CONNECTS) -cancels $(CONNECTS)

# Faults that have no storm of their own: number, package, test and, if it has
# others than -faults.share, flags. SHARE is how much of the figures is reached.
SHARE ?= 1
FAULT ?=
define FAULTS
10 ./runtime/ipcio TestResumeWithMuchOnBothSides
14 ./runtime/ipcio TestFaultSchedules
15 ./runtime/ipcio TestFaultEndAtEveryCall
20 ./runtime/ipcio TestFaultPanics
21 ./runtime/ipcio TestFaultStuckHandler
22 ./runtime/ipcio TestFaultReentrance
24 ./runtime/internal/session TestFaultNames
26 ./runtime/ipcio TestFaultOldTimers
27 ./runtime/ipcio TestFaultVirtualDay
28 ./runtime/internal/sock TestRace.* -race.time=3m
29 ./runtime/internal/sock TestCloseLeavesTheSuccessor -successions=1000
33 ./runtime/internal/session TestFaultAcks
35 ./runtime/ipcio TestFaultFullQueues
36 ./runtime/internal/session TestFaultCalls
38 -race ./runtime/ipcio TestFaultStartAndEndAtOnce
endef
export FAULTS

.PHONY: faults
faults: ## reach the figures of the faults that have no storm, or SHARE (1) of them; FAULT=36 is one of them
	@failed=''; while read -r n pkg test more; do \
		race=''; if [[ $$pkg == -race ]]; then race=-race; read -r pkg test more <<<"$$test $$more"; fi; \
		[[ -z "$(FAULT)" || "$(FAULT)" == "$$n" ]] || continue; \
		$(LEDGER) -name "Fault $$n" -repeat "make faults FAULT=$$n SHARE=$(SHARE) SEED=$(SEED)" -- \
			go test $$race -v -count=1 -timeout 48h -run "^$$test\$$" $$pkg $${more:--faults.share=$(SHARE) -faults.seed=$(SEED)} </dev/null || failed+=" $$n"; \
	done <<<"$$FAULTS"; [[ -z $$failed ]] || { echo "faults:$$failed"; exit 1; }

# EXPORTNODE is made anew when the list of packages changes.
EXPORTNODE := $(abspath $(OUT))/exportcheck

.PHONY: exportcheck
exportcheck: ## have the parsers of others read the exports (needs npm)
	@if ! command -v npm >/dev/null; then echo 'exportcheck: not run: npm is not there'; \
	else set -x; mkdir -p $(EXPORTNODE); \
	cmp -s generator/export/testdata/package.json $(EXPORTNODE)/package.json || { \
		cp generator/export/testdata/package.json $(EXPORTNODE)/; (cd $(EXPORTNODE) && npm install --no-audit --no-fund --no-package-lock --silent); }; \
	EXPORT_NODE_PATH=$(EXPORTNODE)/node_modules go test -count 1 -run '^TestOthers$$' ./generator/export; fi

# The steps of ci, in order: what fails soonest goes first.
CISTEPS := lint checkgenerate test cisimulate cimutants exportcheck cirace cifuzz benchonce peersonce demo cross

.PHONY: cisimulate
cisimulate:
	go test -v -count=1 -run '^TestSimulation$$' ./runtime/internal/session -session.seeds=20000 -session.reach

.PHONY: cimutants
cimutants:
	$(MUTATE) -sample 30

.PHONY: cifuzz
cifuzz:
	@$(MAKE) fuzz FUZZTIME=3s FUZZSKIP='*_ipcio_test.go'
	go test -run '^$$' -fuzz '^FuzzDifferential$$' -fuzztime 57s ./generated/everything

.PHONY: cirace
cirace:
	@$(MAKE) race RACESHORT=-short COMPILER=./generator RACESKIP='/internal/(model|readrole)$$$$'

.PHONY: ci
ci: ## everything that must hold before a merge, with the time each step took
	@report=''; total=$$SECONDS; \
	for step in $(CISTEPS); do \
		echo "==> $$step"; start=$$SECONDS; \
		$(MAKE) "$$step" || { echo "==> $$step: FAILED after $$((SECONDS-start)) s"; exit 1; }; \
		report+=$$(printf '  %-14s %4d s' "$$step" "$$((SECONDS-start))")$$'\n'; \
	done; \
	printf '==> ci: passed in %d s\n%s' "$$((SECONDS-total))" "$$report"
