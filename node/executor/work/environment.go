package work

import (
	"maps"
	"slices"
	"strconv"

	"starling/api/despatch"
)

// Environment is what a program finds in its environment: defaults, which users
// may change; what users add; and what says where it runs, which they may not.
func Environment(d *despatch.Despatch, defaults map[string]string, own map[string]Text) []string {
	all := map[string]string{"OMP_NUM_THREADS": strconv.FormatInt(max(1, d.Resources.Cores), 10)}
	maps.Copy(all, defaults)
	for name, value := range own {
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
