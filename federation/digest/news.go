package digest

import "starling/scheduling"

// News reports whether a digest says something else than one that was made earlier,
// for others to choose by: that some of a resource is free where none was, or the
// other way, that the amounts differ by more than one part in 32 of what there is, or
// the counts by more than one in eight. Smaller changes are told with the next.
func (f Fast) News(before Fast, earlier scheduling.Span) bool {
	switch {
	case f.Capacity != before.Capacity, f.Largest != before.Largest, f.Closed != before.Closed, f.Slow != before.Slow:
		return true
	case apart(f.Free, before.Free, f.Capacity):
		return true
	case far(f.Queue, before.Queue), far(f.Running, before.Running), far(f.Executors, before.Executors):
		return true
	case (len(f.Profile) == 0) != (len(before.Profile) == 0):
		return true
	}
	// Both are step functions: where they differ, they do so where one has a step.
	for _, p := range f.Profile {
		if apart(p.Free, before.At(p.After+earlier), f.Largest) {
			return true
		}
	}
	for _, p := range before.Profile {
		if p.After >= earlier && apart(p.Free, f.At(p.After-earlier), f.Largest) {
			return true
		}
	}
	return false
}

// At is what the profile says of a moment after the digest was made; nothing where
// there is no profile.
func (f Fast) At(after scheduling.Span) (free scheduling.Resources) {
	for i, p := range f.Profile {
		if i > 0 && p.After > after {
			break
		}
		free = p.Free
	}
	return free
}

// apart reports whether amounts differ enough of what there is to be worth a word.
func apart(a, b, of scheduling.Resources) bool {
	whole := amounts(of)
	were := amounts(b)
	for i, is := range amounts(a) {
		was := were[i]
		if (is <= 0) != (was <= 0) || 32*max(is-was, was-is) > whole[i] {
			return true
		}
	}
	return false
}

// far reports whether counts differ enough.
func far(a, b int) bool { return (a == 0) != (b == 0) || 8*max(a-b, b-a) > max(a, b) }
