package bench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// resident is what a process has in memory, in MB: its own, and pages of files that it has mapped.
type resident struct{ anonymous, files float64 }

// resident reads what the kernel tells of the node's memory.
func (n *node) resident() (resident, error) {
	f, err := os.Open("/proc/" + strconv.Itoa(n.Pid()) + "/status")
	if err != nil {
		return resident{}, err
	}
	defer f.Close()
	var r resident
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kibibytes, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return r, err
		}
		switch fields[0] {
		case "RssAnon:":
			r.anonymous = kibibytes * 1024 / 1e6
		case "RssFile:":
			r.files = kibibytes * 1024 / 1e6
		}
	}
	return r, lines.Err()
}

// tick is the unit in which the kernel counts a process's time: a hundredth of a second on every Linux there is.
const tick = 10 * time.Millisecond

// processorTime is how long the node's process has run so far. Unlike the clock's time it is not longer on a machine
// that others use too.
func (n *node) processorTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(n.Pid()) + "/stat")
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may hold anything; state is the first field behind it, utime and stime the 12th and 13th.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells too little of process %d", n.Pid())
	}
	ticks := int64(0)
	for _, field := range fields[11:13] {
		t, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += t
	}
	return time.Duration(ticks) * tick, nil
}
