package systemtest

import (
	"fmt"
	"maps"
)

// Kinds, as clients write them.
const (
	calycopis   = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"
	kindCompute = calycopis + "/compute/simple-compute-resource.yaml"
	kindVolume  = calycopis + "/volume/simple-volume-mount.yaml"
	kindStorage = calycopis + "/storage/simple-storage-resource.yaml"
	kindData    = calycopis + "/data/simple-data-resource.yaml"
	kindDocker  = calycopis + "/executable/docker-container.yaml"
	kindProcess = "urn:starling:executable:process-1.0"
)

type object = map[string]any
type list = []any

// work is what a test wants to have run. Zero values ask for nothing.
type work struct {
	command  []string // of a program
	image    string   // of a container, in which the command runs
	pause    float64  // of a simulated container, in seconds, where there is no command
	cores    int
	duration string
	start    string
	data     string // URL of a file that is read at /input
	storage  int    // GiB for what is read and written
}

// request is the request as a document.
func (w work) request() object {
	executable := object{"kind": kindProcess, "command": w.command}
	if w.command == nil {
		executable = object{"kind": kindDocker, "image": object{"locations": list{"example.org/nothing:1"}}, "command": list{w.pause, 0}}
	}
	if w.image != "" {
		executable = object{"kind": kindDocker, "image": object{"locations": list{w.image}}, "command": w.command}
	}
	compute := object{"kind": kindCompute}
	request := object{"executable": executable, "compute": compute}
	if w.cores > 0 {
		compute["cores"] = object{"min": w.cores, "max": w.cores}
	}
	if w.storage > 0 {
		request["storage"] = list{object{"kind": kindStorage, "meta": object{"name": "room"}, "size": object{"min": w.storage}}}
	}
	if w.data != "" {
		data := object{"kind": kindData, "meta": object{"name": "data"}, "location": w.data}
		if w.storage > 0 {
			data["storage"] = "room"
		}
		request["data"] = list{data}
		compute["volumes"] = list{object{"kind": kindVolume, "resource": "data", "path": "/input", "mode": "READONLY"}}
	}
	requested := object{"duration": "PT5M"}
	if w.duration != "" {
		requested["duration"] = w.duration
	}
	if w.start != "" {
		requested["start"] = w.start
	}
	request["schedule"] = object{"requested": requested}
	return request
}

// with is the request with some of its members replaced.
func (w work) with(members object) object {
	request := w.request()
	maps.Copy(request, members)
	return request
}

// sh is a program in the shell's language.
func sh(format string, values ...any) []string {
	return []string{"bash", "-c", fmt.Sprintf(format, values...)}
}
