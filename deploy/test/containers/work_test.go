//go:build docker

package containers

import (
	"fmt"
)

// Kinds, as clients write them.
const (
	calycopis   = "https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds"
	kindCompute = calycopis + "/compute/simple-compute-resource.yaml"
	kindVolume  = calycopis + "/volume/simple-volume-mount.yaml"
	kindStorage = calycopis + "/storage/simple-storage-resource.yaml"
	kindDocker  = calycopis + "/executable/docker-container.yaml"
	kindProcess = "urn:starling:executable:process-1.0"
)

// laboratory is the site whose executor runs containers; those of the others run
// programs.
const laboratory = "cansrc"

// shell is a request for a program in the shell's language, which may write to
// output/.
func shell(format string, values ...any) object {
	return withOutput(object{"kind": kindProcess, "command": list{"sh", "-c", fmt.Sprintf(format, values...)}})
}

// withOutput is a request with a volume to write to, under /output.
func withOutput(executable object) object {
	return object{
		"executable": executable,
		"compute": object{
			"kind": kindCompute, "cores": object{"min": 1, "max": 1}, "memory": object{"min": 1, "max": 1},
			"volumes": list{object{"kind": kindVolume, "resource": "results", "path": "/output", "mode": "READWRITE"}},
		},
		"storage":  list{object{"kind": kindStorage, "meta": object{"name": "results"}, "size": object{"min": 1}}},
		"schedule": object{"requested": object{"duration": "PT10M"}},
	}
}
