# Starling: see README.md. Go and a shell are all that these targets need.
GO ?= go

# The commit stands in the programs where git tells which it is.
STAMP := $(shell git status >/dev/null 2>&1 && echo -buildvcs=true || echo -buildvcs=false)

.PHONY: all build test demo cluster-up cluster-demo cluster-down test-docker bench soak faults fuzz lint clean

all: build

# The two programs.
build:
	$(GO) build -trimpath $(STAMP) -o bin/starling ./cmd/starling
	$(GO) build -trimpath $(STAMP) -o bin/starling-sim ./cmd/starling-sim

# Every test, with the race detector.
test:
	$(GO) test -race -timeout 20m $(TESTFLAGS) ./...

# Three sites, real requests, where they go and why, what came out and what it cost.
demo: build
	$(GO) run ./deploy/demo bin/starling deploy/examples

# Five sites in Docker, with TLS, tokens and networks of their own: see README.md. They
# stay until cluster-down, which removes the keys and the data too, unless KEEP=1.
CLUSTER := $(GO) run $(STAMP) ./deploy/cluster/control $(if $(KEEP),-keep)

cluster-up: bin/static/starling
	@$(CLUSTER) up $<

# A story with them, in which a node is killed.
cluster-demo: bin/static/starling
	@$(CLUSTER) demo $<

cluster-down:
	@$(CLUSTER) down bin/static/starling

# The tests of the whole, through sites in containers. Without an engine they fail.
test-docker:
	$(GO) test -tags docker -count=1 -timeout 15m -p 1 $(TESTFLAGS) ./deploy/test/containers ./deploy/test/upkeep

# The program as images want it.
.PHONY: bin/static/starling
bin/static/starling:
	CGO_ENABLED=0 $(GO) build -trimpath $(STAMP) -o $@ ./cmd/starling

# How fast it is on this machine; see BENCHMARKS.md for what has been measured.
bench: build
	bin/starling-sim bench

# An hour under load, on one node and on five: does all that is given come back?
DURATION ?= 1h
soak: build
	$(GO) run ./deploy/soak -duration $(DURATION) -commit "$$(git rev-parse --short HEAD 2>/dev/null)" -results deploy/soak/RESULTS.md bin/starling

# A short run of every fuzz target. Counted, not timed: when the time of a run is
# over, `go test` now and then takes its own deadline for a failure.
FUZZTIME ?= 20000x
fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$package || exit 1; \
		done; \
	done

# What .ci/run wants to be clean.
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...

# Five sites in containers that are hurt under load, and what became of the promises:
# a dozen faults, one of each important kind. RUNS=all SEED=n are all of them, as often
# as they are planned; what has been made with that seed isn't made again.
RUNS ?= short
SEED ?= 0
PARALLEL ?= 1
ifeq ($(RUNS),short)
FAULTS ?= --baseline 10s
else
FAULTS ?= --results deploy/faults/results.jsonl --table deploy/faults/RESULTS.md
endif
faults:
	$(GO) run $(STAMP) ./deploy/faults --runs $(RUNS) --seed $(SEED) --parallel $(PARALLEL) $(FAULTS)

clean:
	rm -rf bin
