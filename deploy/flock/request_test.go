package flock

// Kinds, as clients write them.
const (
	calycopis   = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"
	kindCompute = calycopis + "/compute/simple-compute-resource.yaml"
	kindDocker  = calycopis + "/executable/docker-container.yaml"
)

type (
	object = map[string]any
	list   = []any
)

// work is what a test wants to have run: a container that is simulated.
type work struct {
	cores    int
	seconds  float64 // that it takes
	duration string  // that it is booked for; default five minutes
	start    string  // the interval in which to begin
}

// request is the request as a document.
func (w work) request() object {
	requested := object{"duration": "PT5M"}
	if w.duration != "" {
		requested["duration"] = w.duration
	}
	if w.start != "" {
		requested["start"] = w.start
	}
	cores := max(w.cores, 1)
	return object{
		"executable": object{"kind": kindDocker, "image": object{"locations": list{"example.org/nothing:1"}}, "command": list{w.seconds, 0}},
		"compute":    object{"kind": kindCompute, "cores": object{"min": cores, "max": cores}},
		"schedule":   object{"requested": requested},
	}
}

func phaseUpdate(phase string) object {
	return object{"kind": "uri:enum-value-update", "path": "/phase", "value": phase}
}
