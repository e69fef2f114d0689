package process

import (
	"maps"
	"slices"
	"strconv"

	"starling/api/despatch"
)

// systemPath is where programs are looked for.
const systemPath = "/usr/local/bin:/usr/bin:/bin"

// environment is a program's whole environment: defaults, which users may
// change; what users add; and what says where it runs, which they may not.
func environment(d *despatch.Despatch, e *Executable, home, tmp string) []string {
	all := map[string]string{
		"PATH":            systemPath,
		"HOME":            home,
		"TMPDIR":          tmp,
		"LANG":            "C.UTF-8",
		"OMP_NUM_THREADS": strconv.FormatInt(max(1, d.Resources.Cores), 10),
	}
	for name, value := range e.Environment {
		all[name] = string(value)
	}
	maps.Copy(all, map[string]string{
		"STARLING_SESSION":     d.Session.UUID,
		"STARLING_ATTEMPT":     strconv.Itoa(d.Attempt),
		"STARLING_CORES":       strconv.FormatInt(d.Resources.Cores, 10),
		"STARLING_MEMORY_GIB":  strconv.FormatInt(d.Resources.Memory, 10),
		"STARLING_STORAGE_GIB": strconv.FormatInt(d.Resources.Storage, 10),
		"STARLING_GPUS":        strconv.FormatInt(d.Resources.GPUs, 10),
	})
	list := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}
