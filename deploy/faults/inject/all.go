package inject

import "slices"

// All is every fault that there is, in the order of the table: a family adds its line.
func All() []Fault {
	return slices.Concat(
		kills(),
		stops(),
		pauses(),
		partitions(),
		links(),
		members(),
		disks(),
		stores(),
		clocks(),
		wipes(),
		majorities(),
		keys(),
		hostile(),
		retries(),
	)
}
