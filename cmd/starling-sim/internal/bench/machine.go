package bench

import (
	"bufio"
	"os"
	"runtime"
	"strings"
	"time"
)

// Machine is where the figures were measured.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	Go         string  `json:"go"`
	Kernel     string  `json:"kernel"`
	FileSystem string  `json:"fileSystem"` // of the data directories
	Fsync      float64 `json:"fsync"`      // ms, the median of 4 KiB appended and made durable
}

// machine looks at this machine.
func (l *lab) machine() (Machine, error) {
	fsync, err := l.fsync()
	if err != nil {
		return Machine{}, err
	}
	return Machine{
		CPU: processor(), Cores: runtime.GOMAXPROCS(0), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: firstLine("/proc/sys/kernel/osrelease"), FileSystem: fileSystem(l.dir()), Fsync: millis(fsync),
	}, nil
}

func (l *lab) dir() string {
	if l.Dir != "" {
		return l.Dir
	}
	return os.TempDir()
}

// processor is the model of this machine's processor, where the kernel tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, model, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// fsyncs is how many are measured: enough for a median, few enough for a slow disk.
const fsyncs = 200

// fsync measures how long it takes to append 4 KiB and to make them durable, as a median.
func (l *lab) fsync() (time.Duration, error) {
	f, err := l.flusher()
	if err != nil {
		return 0, err
	}
	defer f.close()
	var p pace
	for range fsyncs {
		if err := p.add(f.flush); err != nil {
			return 0, err
		}
	}
	return p.percentile(50), nil
}

// flusher appends to a file of its own, 4 KiB and a flush at a time.
type flusher struct {
	file *os.File
	page []byte
}

func (l *lab) flusher() (*flusher, error) {
	f, err := os.CreateTemp(l.dir(), "starling-fsync-")
	return &flusher{f, make([]byte, 4096)}, err
}

func (f *flusher) flush() error {
	if _, err := f.file.Write(f.page); err != nil {
		return err
	}
	return datasync(f.file)
}

func (f *flusher) close() {
	f.file.Close()
	os.Remove(f.file.Name())
}
