package ivoa

import "strings"

// Schema is the base of every kind that ExecutionBroker 1.0 defines.
const Schema = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"

// ShortKind is what people call a kind: docker-container, process, simple-data.
// It is for them alone; several kinds may share one.
func ShortKind(kind string) string {
	name := kind[strings.LastIndexAny(kind, "/:")+1:]
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), "-resource")
	if i := strings.LastIndexByte(name, '-'); i > 0 && strings.Trim(name[i:], "-.0123456789") == "" {
		name = name[:i] // its version
	}
	return name
}

// Executables.
const (
	KindDockerContainer      = Schema + "/executable/docker-container.yaml"
	KindSingularityContainer = Schema + "/executable/singularity-container.yaml"
	KindJupyterNotebook      = Schema + "/executable/jupyter-notebook.yaml"
	// KindProcess is ours: a program of the node itself, with its arguments.
	KindProcess = "urn:starling:executable:process-1.0"
	// KindSequence is ours: a user's own list of actions, handed to the executor as it stands.
	KindSequence = "urn:starling:executable:sequence-1.0"
)

// Timings, which are our own.
const (
	KindFlexibleTiming        = "urn:starling:timing:flexible-1.0"
	KindFixedTiming           = "urn:starling:timing:fixed-1.0"
	KindMonitorTiming         = "urn:starling:timing:monitor-1.0"
	KindMinimumIntervalTiming = "urn:starling:timing:minimum-interval-1.0"
	KindEphemerisTiming       = "urn:starling:timing:ephemeris-1.0"
)

// Compute, storage and volumes.
const (
	KindSimpleCompute = Schema + "/compute/simple-compute-resource.yaml"
	KindSimpleStorage = Schema + "/storage/simple-storage-resource.yaml"
	KindSimpleVolume  = Schema + "/volume/simple-volume-mount.yaml"
)

// Data resources.
const (
	KindSimpleData = Schema + "/data/simple-data-resource.yaml"
	KindS3Data     = Schema + "/data/S3-data-resource.yaml"
	KindRucioData  = Schema + "/data/rucio-data-resource.yaml"
	KindIvoaData   = Schema + "/data/ivoa-data-resource.yaml"
	KindSkaoData   = Schema + "/data/skao-data-resource.yaml"
)

// Sessions and offer sets. The schema's mappings name no kind for an offer set;
// this is the one that the reference implementation writes.
const (
	KindSimpleSession    = Schema + "/session/simple-execution-session.yaml"
	KindScheduledSession = Schema + "/session/scheduled-execution-session.yaml"
	KindOfferSet         = Schema + "/offerset/execution-offerset.yaml"
)

// Costs and metrics, and the types of each in use.
const (
	KindFloatCost   = Schema + "/costs/simple-minmax-float-cost.yaml"
	KindFloatMetric = Schema + "/metrics/simple-minmax-float-metric.yaml"

	CostMonetary = "urn:ivoa:calycopis:cost:monetary"
	CostEnergy   = "urn:ivoa:calycopis:cost:energy"
	CostCarbon   = "urn:ivoa:calycopis:cost:carbon"

	MetricComputePerformance = "urn:ivoa:calycopis:metric:compute-performance"
	MetricIOThroughput       = "urn:ivoa:calycopis:metric:io-throughput"
)

// Options, which a service offers, and the updates that take them up.
const (
	KindStringValueOption  = "uri:string-value-option"
	KindEnumValueOption    = "uri:enum-value-option"
	KindIntegerValueOption = "uri:integer-value-option"
	KindIntegerDeltaOption = "uri:integer-delta-option"

	KindStringValueUpdate  = "uri:string-value-update"
	KindEnumValueUpdate    = "uri:enum-value-update"
	KindIntegerValueUpdate = "uri:integer-value-update"
	KindIntegerDeltaUpdate = "uri:integer-delta-update"
)

// Connectors. Their kinds are open: the schema maps none.
const (
	KindDockerStdout = Schema + "/executable/docker-container-stdout-get.yaml"
	KindDockerStderr = Schema + "/executable/docker-container-stderr-get.yaml"
)
