package main

import "fmt"

// measure is something that a node must give back.
type measure struct {
	name string
	of   func(sample) int64
	// A node may have so much more than its level at the end, of it and on top of it.
	share float64
	slack int64
	text  func(int64) string
}

func number(n int64) string { return fmt.Sprint(n) }

// measures are all that is judged. What is in use after a collection is the truth about
// memory; what the process has of the kernel follows it, late and in large steps.
func measures() []measure {
	return []measure{
		{"live heap", func(s sample) int64 { return s.Live }, 0.25, 8 << 20, mib},
		{"anonymous memory", func(s sample) int64 { return s.Anonymous }, 0.5, 48 << 20, mib},
		{"goroutines", func(s sample) int64 { return s.Goroutines }, 0, 15, number},
		{"open files", func(s sample) int64 { return s.Files }, 0, 15, number},
	}
}

// allowed is the most that a node may have whose level is so high.
func (m measure) allowed(level int64) int64 { return level + int64(m.share*float64(level)) + m.slack }

// findLeaks compares what each node has at the end with its level, and looks for what
// has grown steadily.
func (s *soak) findLeaks() (leaks []string) {
	for _, node := range s.nodes {
		for _, m := range measures() {
			level, final := s.told(m, s.level[node.Name]), s.told(m, s.final[node.Name])
			if final > m.allowed(level) {
				leaks = append(leaks, fmt.Sprintf("%s of %d: %s was %s, and is %s at the end; at most %s are allowed",
					node.Name, s.size, m.name, m.text(level), m.text(final), m.text(m.allowed(level))))
			}
			if rise := s.rise(node.Name, m); rise > m.allowed(level)-level {
				leaks = append(leaks, fmt.Sprintf("%s of %d: %s rose by %s during the load, by the fitted line; at most %s are allowed",
					node.Name, s.size, m.name, m.text(rise), m.text(m.allowed(level)-level)))
			}
		}
	}
	return leaks
}

// told is what a sample tells of a measure, whoever leads: from a leader so much is taken
// off as the leader had more than the others on average when the level was taken. It
// keeps a connection to each of them, and the lead may move meanwhile.
func (s *soak) told(m measure, one sample) int64 {
	if !one.Leads || m.share > 0 { // memory doesn't move with the lead
		return m.of(one)
	}
	var leads, follow, followers int64
	for _, at := range s.level {
		if at.Leads {
			leads = m.of(at)
			continue
		}
		follow, followers = follow+m.of(at), followers+1
	}
	if leads == 0 || followers == 0 {
		return m.of(one)
	}
	return m.of(one) - max(0, leads-follow/followers)
}

// rise is by how much the line rises that is fitted through a node's samples, from the
// end of the load's first tenth, in which connections are opened and caches filled.
func (s *soak) rise(node string, m measure) int64 {
	var x, y []float64
	for _, one := range s.samples {
		if one.Node == node && one.After > s.duration/10 {
			x, y = append(x, one.After.Seconds()), append(y, float64(s.told(m, one)))
		}
	}
	if len(x) < 3 {
		return 0
	}
	return int64(slope(x, y) * (x[len(x)-1] - x[0]))
}

// slope is that of the line with the least squares.
func slope(x, y []float64) float64 {
	var meanX, meanY float64
	for i := range x {
		meanX += x[i] / float64(len(x))
		meanY += y[i] / float64(len(y))
	}
	var above, below float64
	for i := range x {
		above += (x[i] - meanX) * (y[i] - meanY)
		below += (x[i] - meanX) * (x[i] - meanX)
	}
	if below == 0 {
		return 0
	}
	return above / below
}
