package process

import (
	"starling/api/despatch"
	"starling/node/executor/work"
)

// systemPath is where programs are looked for.
const systemPath = "/usr/local/bin:/usr/bin:/bin"

// environment is a program's whole environment.
func environment(d *despatch.Despatch, e *Executable, home, tmp string) []string {
	return work.Environment(d, map[string]string{"PATH": systemPath, "HOME": home, "TMPDIR": tmp, "LANG": "C.UTF-8"}, e.Environment)
}
