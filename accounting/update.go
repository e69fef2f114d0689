package accounting

import "fmt"

func (c RecordUpdates) apply(s *state) (Result, error) {
	h, err := s.attempt(c.Ref)
	if err != nil {
		return Result{}, err
	}
	result := Result{Late: h.Phase.Terminal()}
	changed := false
	for _, u := range c.Updates {
		known, wrote, err := s.record(h, u)
		if err != nil {
			return Result{}, err
		}
		changed = changed || wrote
		if known {
			result.Duplicates++
			continue
		}
		result.Accepted++
	}
	result.Duplicate = result.Accepted == 0 && result.Duplicates > 0
	if !changed {
		return result, nil
	}
	return result, s.putAttempt(h)
}

// record adds one update. It reports whether its key was known already, and
// whether the head changed. Keys are remembered of what is kept: the rest is of
// no effect, and could be any number.
func (s *state) record(h *attemptHead, u Update) (known, changed bool, err error) {
	if u.Type == Heartbeat {
		return false, h.beat(), nil
	}
	ref, _ := uuidBytes(string(h.HistoryRef))
	seen := append(key(tagUpdateKey, ref), u.Key...)
	if s.has(seen) {
		return true, false, nil
	}
	if h.Phase.Terminal() {
		changed, err = s.note(h, seen, Note{Time: u.at(), Text: fmt.Sprintf("late report %s: %s", u.Key, u.Type)})
		return false, changed, err
	}
	h.wake(u)
	if u.Type == ProgressMade {
		h.Progress = u.Progress // the latest counts; a repetition does no harm
		return false, true, nil
	}
	if h.Kept[u.Type] >= keptUpdates[u.Type] {
		return false, true, s.drop(h, u)
	}
	s.put(seen, present)
	if h.Kept == nil {
		h.Kept = make(map[UpdateType]int, len(keptUpdates))
	}
	h.Kept[u.Type]++
	h.Rows++
	return false, true, s.putJSON(numberedKey(tagUpdate, ref, h.Rows), u)
}

// at is when the update was known, by the best clock there is.
func (u Update) at() Instant {
	if u.Recorded != 0 {
		return u.Recorded
	}
	return u.Time
}

// wake takes a report of the lease's holder for a sign of work: the attempt
// runs, also if it had been given up.
func (h *attemptHead) wake(u Update) {
	h.Phase = Running
	if h.Started == 0 {
		h.Started = u.at()
	}
	h.Updated = max(h.Updated, u.at())
}

// beat is a sign of life only.
func (h *attemptHead) beat() (changed bool) {
	if h.Phase != Stalled {
		return false
	}
	h.Phase = Running
	if h.Started == 0 {
		h.Phase = Despatched
	}
	return true
}

// drop turns away an update of a type of which the entry has its fill. Only the
// first makes a note.
func (s *state) drop(h *attemptHead, u Update) error {
	limit := keptUpdates[u.Type]
	if h.Kept[u.Type] > limit {
		return nil
	}
	h.Kept[u.Type] = limit + 1
	text := fmt.Sprintf("further reports of type %s are not kept: the limit is %d", u.Type, limit)
	_, err := s.note(h, nil, Note{Time: u.at(), Text: text})
	return err
}

func (c AddNote) apply(s *state) (Result, error) {
	h, err := s.attempt(c.Ref)
	if err != nil {
		return Result{}, err
	}
	ref, _ := uuidBytes(string(c.Ref))
	seen := append(key(tagUpdateKey, ref), c.Key...)
	if s.has(seen) {
		return Result{Duplicate: true}, nil
	}
	changed, err := s.note(h, seen, Note{Time: c.Time, Text: c.Text})
	if err != nil || !changed {
		return Result{}, err
	}
	return Result{}, s.putAttempt(h)
}

// note keeps a note in a row of its own, and the key it came with, if any. The
// last that fits says that it is the last.
func (s *state) note(h *attemptHead, seen []byte, n Note) (changed bool, err error) {
	if h.NoteRows >= maxNotes {
		return false, nil
	}
	h.NoteRows++
	if h.NoteRows == maxNotes {
		n.Text = "further notes are not kept"
	}
	if seen != nil {
		s.put(seen, present)
	}
	ref, _ := uuidBytes(string(h.HistoryRef))
	return true, s.putJSON(numberedKey(tagNote, ref, uint64(h.NoteRows)), n)
}
