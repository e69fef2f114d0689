package workload

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sixJobs(t *testing.T) []byte {
	log, err := os.ReadFile("testdata/six-jobs.swf")
	require.NoError(t, err)
	return log
}

// The starts are worked out by hand. Conservatively, when job 1 ends early at 70 the plan is job 2 at 100 and job 6 at
// 80. Job 2 can't go before job 6's slot and moves to 90; job 6 moves to 70. When it ends at 75, job 2 moves on to 80.
func TestReplayStartsJobsWhenHandAndPencilDo(t *testing.T) {
	for _, c := range []struct {
		policy         Policy
		starts         []int64
		wait, slowdown float64
	}{
		{FCFS, []int64{0, 70, 120, 120, 120, 130}, 410.0 / 6, (1 + 2.2 + 160.0/60 + 3.25 + 9 + 8.5) / 6},
		{Conservative, []int64{0, 80, 20, 130, 130, 70}, 280.0 / 6, (1 + 2.4 + 1 + 3.5 + 10 + 2.5) / 6},
		{EASY, []int64{0, 80, 20, 130, 130, 70}, 280.0 / 6, (1 + 2.4 + 1 + 3.5 + 10 + 2.5) / 6},
		{EASYSJBF, []int64{0, 80, 20, 130, 130, 70}, 280.0 / 6, (1 + 2.4 + 1 + 3.5 + 10 + 2.5) / 6},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			trace, err := Read(bytes.NewReader(sixJobs(t)))
			require.NoError(t, err)
			started := make([]int64, 6)
			got, err := Replay(trace, Options{Policy: c.policy, CPUs: Requested, Observe: func(j Job, start int64) {
				started[j.Number-1] = start
			}})
			require.NoError(t, err)
			assert.Equal(t, c.starts, started)
			assert.InDelta(t, c.wait, got.MeanWait, 1e-9)
			assert.InDelta(t, c.slowdown, got.MeanBoundedSlowdown, 1e-9)
			last := slices.Max([]int64{started[1] + 50, started[2] + 60, started[3] + 40})
			assert.Equal(t, float64(last), got.Makespan)
			assert.InDelta(t, float64(3*70+4*50+60+2*40+10+5)/float64(4*last), got.Utilisation, 1e-9)
			assert.Equal(t, int64(4), got.Procs)
		})
	}
}

func TestALogReadsTheSamePackedAndPlain(t *testing.T) {
	plain := sixJobs(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	want, err := Read(bytes.NewReader(plain))
	require.NoError(t, err)
	got, err := Read(&packed)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, Job{Line: 7, Number: 1, Submit: 0, Run: 70, AllocatedProcs: 3, RequestedProcs: 3, RequestedTime: 100}, got.Jobs[0])
}

// line writes a job's line: submit, run, allocated and requested processors, requested time.
func line(number int, f [5]int64) string {
	return fmt.Sprintf("%d %d -1 %d %d -1 -1 %d %d -1 1 1 1 1 1 1 -1 -1\n", number, f[0], f[1], f[2], f[3], f[4])
}

func TestWhatALogLacksIsStoodInFor(t *testing.T) {
	for _, c := range []struct {
		name string
		job  [5]int64
		cpus CPUs
		want task
	}{
		{"all there, requested", [5]int64{5, 60, 2, 3, 90}, Requested, task{run: 60, estimate: 90}},
		{"no requested time", [5]int64{5, 60, 2, 3, -1}, Requested, task{run: 60, estimate: 60}},
		{"ran longer than requested", [5]int64{5, 60, 2, 3, 50}, Requested, task{run: 50, estimate: 50}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace, err := Read(strings.NewReader(line(1, c.job)))
			require.NoError(t, err)
			tasks, err := prepare(trace, c.cpus, 10)
			require.NoError(t, err)
			assert.Equal(t, c.want.run, tasks[0].run)
			assert.Equal(t, c.want.estimate, tasks[0].estimate)
		})
	}
	for _, c := range []struct {
		allocated, requested int64
		cpus                 CPUs
		want                 int64
	}{{2, 3, Requested, 3}, {2, 3, Allocated, 2}, {2, -1, Requested, 2}, {-1, 3, Allocated, 3}, {2, 0, Requested, 2}} {
		trace, err := Read(strings.NewReader(line(1, [5]int64{0, 1, c.allocated, c.requested, 1})))
		require.NoError(t, err)
		tasks, err := prepare(trace, c.cpus, 10)
		require.NoError(t, err)
		assert.Equal(t, c.want, tasks[0].need.Cores, "%+v", c)
	}
}

func TestBadLogsAreRefusedByLine(t *testing.T) {
	good := line(1, [5]int64{0, 1, 1, 1, 1})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(bytes.Repeat([]byte(good), 1000))
	_ = w.Close()
	cut := packed.String()[:packed.Len()-20]
	damaged := []byte(packed.String())
	damaged[len(damaged)-6] ^= 0xff
	for _, c := range []struct{ name, log, want string }{
		{"empty", "", "no jobs in 1 lines"},
		{"comments only", ";a\n;b\n", "no jobs"},
		{"too few fields", good + "1 2 3\n", "line 2: 3 fields instead of 18"},
		{"too many fields", strings.TrimSpace(good) + " 7\n", "line 1: 19 fields instead of 18"},
		{"garbage", good + good + "hello\n", `line 3: field 1: "hello" is not a number`},
		{"a fraction of a processor", strings.Replace(good, " 1 ", " 1.5 ", 1), "line 1: field 4"},
		{"not finite", strings.Replace(good, " 1 ", " NaN ", 1), "line 1: field 4"},
		{"huge", line(1, [5]int64{0, 1 << 60, 1, 1, 1}), "line 1: field 4: 1152921504606846976 is out of range"},
		{"negative", line(1, [5]int64{0, -2, 1, 1, 1}), "line 1: field 4: -2 is out of range"},
		{"never submitted", line(1, [5]int64{-1, 1, 1, 1, 1}), "line 1: field 2"},
		{"an endless line", good + strings.Repeat("1 ", 1<<20), "line 2: longer than 65536 bytes"},
		{"gzip cut short", cut, "cut short"},
		{"gzip damaged", string(damaged), "damaged"},
		{"gzip's header alone", "\x1f\x8b", "cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.log))
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestReplaysThatCannotBeAreRefused(t *testing.T) {
	header := "; MaxProcs: 4\n"
	all := Options{Policy: FCFS, CPUs: Requested}
	for _, c := range []struct {
		name, log string
		options   Options
		want      string
	}{
		{"a job larger than the machine", header + line(1, [5]int64{0, 1, 1, 1, 1}) + line(2, [5]int64{0, 1, 5, 5, 1}), all,
			"line 3: job 2 needs 5 processors, the machine has 4"},
		{"no processors", header + line(1, [5]int64{0, 1, -1, -1, 1}), all, "line 2: job 1 has no processors"},
		{"nothing ran", header + line(1, [5]int64{0, -1, 1, 1, 1}), all, "none of the 1 jobs has a run time"},
		{"no machine", line(1, [5]int64{0, 1, 1, 1, 1}), all, "how many processors"},
		{"unknown policy", header + line(1, [5]int64{0, 1, 1, 1, 1}), Options{Policy: "lifo", CPUs: Requested}, `unknown policy "lifo"`},
		{"unknown processors", header + line(1, [5]int64{0, 1, 1, 1, 1}), Options{Policy: FCFS, CPUs: "all"}, `"all": requested or allocated`},
		{"negative machine", header + line(1, [5]int64{0, 1, 1, 1, 1}), Options{Policy: FCFS, CPUs: Requested, Procs: -1}, "-1 processors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace, err := Read(strings.NewReader(c.log))
			require.NoError(t, err)
			_, err = Replay(trace, c.options)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// Whatever the log and the policy, every job starts once, not before it arrives, and never more run than the machine
// has processors. With FCFS, jobs start in the order of their arrival.
func TestReplayNeverOverloadsTheMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log strings.Builder
		log.WriteString("; MaxProcs: 8\n")
		for i := range rapid.IntRange(1, 30).Draw(t, "jobs") {
			log.WriteString(line(i+1, [5]int64{
				rapid.Int64Range(0, 60).Draw(t, "submit"), rapid.Int64Range(0, 20).Draw(t, "run"),
				rapid.Int64Range(1, 8).Draw(t, "allocated"), rapid.Int64Range(-1, 8).Draw(t, "requested"),
				rapid.Int64Range(-1, 30).Draw(t, "time"),
			}))
		}
		trace, err := Read(strings.NewReader(log.String()))
		require.NoError(t, err)
		o := Options{Policy: rapid.SampledFrom(Policies()).Draw(t, "policy"), CPUs: Allocated}
		usage, seen, lastStart := map[int64]int64{}, map[int64]bool{}, int64(0)
		var order []Job
		o.Observe = func(j Job, start int64) {
			require.False(t, seen[j.Number], "started twice")
			seen[j.Number] = true
			require.GreaterOrEqual(t, start, j.Submit)
			require.GreaterOrEqual(t, start, lastStart)
			lastStart = start
			order = append(order, j)
			run := j.Run
			if j.RequestedTime > 0 {
				run = min(run, j.RequestedTime)
			}
			for at := start; at < start+run; at++ {
				usage[at] += j.AllocatedProcs
				require.LessOrEqual(t, usage[at], int64(8))
			}
		}
		result, err := Replay(trace, o)
		if err != nil {
			require.ErrorContains(t, err, "none of the")
			return
		}
		require.Len(t, seen, result.Jobs)
		if o.Policy == FCFS {
			require.True(t, slices.IsSortedFunc(order, func(a, b Job) int { return int(a.Submit - b.Submit) }))
		}
	})
}

func BenchmarkReplay(b *testing.B) {
	trace := kth(b)
	for _, policy := range Policies() {
		b.Run(string(policy), func(b *testing.B) {
			for b.Loop() {
				if _, err := Replay(trace, Options{Policy: policy, CPUs: Allocated}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(trace.Jobs))*float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}
