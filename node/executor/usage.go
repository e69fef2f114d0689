package executor

import (
	"strconv"
	"time"

	"starling/api/despatch"
)

// Usage is what an attempt has used, from which its resources are reported.
type Usage struct {
	Booked despatch.Capacity
	// Total is from the start of the first action to the end of the last, Run
	// what the run action took of it.
	Total, Run time.Duration
	// CPU is the processor time that the system has counted. Nil: not known.
	CPU         *time.Duration
	BytesStaged int64
	MaxRSS      int64 // bytes, of the largest process; 0: not known
}

// Resources lists them by name. What is booked is used for as long as the run
// lasts, whatever the program does with it: nobody else can have it.
func (u Usage) Resources() []despatch.Resource {
	run := u.Run.Seconds()
	resources := []despatch.Resource{
		amount("total-time", u.Total.Seconds(), "s"),
		amount("core-seconds", float64(u.Booked.Cores)*run, "s"),
		amount("memory-gib-seconds", float64(u.Booked.Memory)*run, "GiB s"),
		amount("storage-gib-seconds", float64(u.Booked.Storage)*run, "GiB s"),
		amount("gpu-seconds", float64(u.Booked.GPUs)*run, "s"),
		count("bytes-staged", u.BytesStaged),
	}
	if u.CPU != nil {
		resources = append(resources, amount("cpu-seconds", u.CPU.Seconds(), "s"))
	}
	return resources
}

// Quality lists what was measured but not used up, and so can't be summed in a
// ledger.
func (u Usage) Quality() []despatch.Quality {
	if u.MaxRSS == 0 {
		return nil
	}
	return []despatch.Quality{{ID: "max-rss", Value: float64(u.MaxRSS), Description: "bytes of memory, of the largest process"}}
}

// amount has six digits after the point, as the ledger does.
func amount(name string, value float64, unit string) despatch.Resource {
	return despatch.Resource{Name: name, Amount: despatch.Decimal(strconv.FormatFloat(value, 'f', 6, 64)), Unit: unit}
}

func count(name string, bytes int64) despatch.Resource {
	return despatch.Resource{Name: name, Amount: despatch.Decimal(strconv.FormatInt(bytes, 10)), Unit: "bytes"}
}
