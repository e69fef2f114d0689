package node

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/store"
	"starling/scheduling"
)

// Storage is ephemeral, and ends with its session but for what its executor
// keeps as output; or its schedule asks that it be available beyond the
// session's end, and then it is kept until then, and its data with it.

// wanted is a storage resource that a request asks for.
type wanted struct {
	place       int    // in the walk
	path        string // in the request, for messages
	name        string
	least, most int64 // GiB
	// lifetime is how long it is to be available, from when the session is;
	// until is an instant instead. Zero: as long as the session.
	lifetime time.Duration
	until    time.Time
	kept     bool        // it is to outlive the session
	existing *store.Kept // that is to be used again; nil: it is new
}

// beyond is how long it is to be kept after a session that ends at an instant
// and was available for a while; 0: not.
func (w wanted) beyond(session time.Duration, end time.Time) time.Duration {
	if !w.until.IsZero() {
		return max(0, w.until.Sub(end))
	}
	return max(0, w.lifetime-session)
}

// lifetimes reads how long storage is to be available: schedule.available of
// each. Its duration counts from when the session is available, or from its own
// start where it has one.
func (r *reader) lifetimes() error {
	for i := range r.storages {
		w := &r.storages[i]
		if w.existing != nil {
			r.keep(w)
			r.beginBefore(wall(w.existing.Until), w)
		}
		schedule := r.components[w.place].(living).Life().Schedule
		if schedule == nil || schedule.Available == nil {
			continue
		}
		path := w.path + "/schedule/available"
		if err := w.read(*schedule.Available, path); err != nil {
			return err
		}
		if w.lifetime < 0 {
			r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must be more than nothing", "path", path+"/duration", "value", schedule.Available.Duration)
			continue
		}
		session := time.Duration(r.demand.Duration) * time.Millisecond
		beyond := w.beyond(session, r.now.Add(session))
		if beyond > r.offers.MaxStorageLifetime {
			r.objectHere(ivoa.MessageResourceLimit, "{path} reaches {value} beyond the session's end: this site keeps storage for {limit} at most", "path", path,
				"value", ivoa.FormatDuration(beyond), "limit", ivoa.FormatDuration(r.offers.MaxStorageLifetime))
		}
		if beyond > 0 && !w.kept {
			r.keep(w)
		}
	}
	return nil
}

// beginBefore bounds when the session may begin.
func (r *reader) beginBefore(end time.Time, w *wanted) {
	latest := scheduling.InstantOf(end)
	if r.demand.Start == (scheduling.StartInterval{}) {
		r.demand.Start = scheduling.StartInterval{Earliest: scheduling.InstantOf(r.now), Latest: latest}
	}
	r.demand.Start.Latest = min(r.demand.Start.Latest, latest)
	if r.demand.Start.Latest < r.demand.Start.Earliest {
		r.object(ivoa.MessageResourceLimit, "{path}: storage {uuid} is released at {end}, before the session would begin", "path", w.path,
			"uuid", w.existing.ID.String(), "end", ivoa.FormatInstant(end))
	}
}

// read reads a schedule's step. What is no duration or interval at all is a
// Problem.
func (w *wanted) read(step ivoa.StartDuration, path string) (err error) {
	if step.Duration != "" {
		if w.lifetime, err = ivoa.ParseDuration(step.Duration); err != nil {
			return &Problem{Code: CodeInvalid, Field: path + "/duration", Detail: err.Error()}
		}
	}
	if step.Start == "" {
		return nil
	}
	interval, err := ivoa.ParseInterval(step.Start)
	if err != nil {
		return &Problem{Code: CodeInvalid, Field: path + "/start", Detail: err.Error()}
	}
	w.until = interval.End
	if step.Duration != "" {
		w.until = interval.Start.Add(w.lifetime)
	}
	return nil
}

// keep asks for an executor that keeps storage, and looks whether this can be
// kept: one volume mounts it, and it holds no other.
func (r *reader) keep(w *wanted) {
	w.kept = true
	r.dataKinds = addOnce(r.dataKinds, despatch.KindKeptStorage)
	var mounted []string
	for _, v := range r.request.Compute.Mounted().Volumes {
		if v, ok := v.(*ivoa.SimpleVolumeMount); ok && v.Resource == placeRef(w.place) {
			mounted = append(mounted, strings.TrimRight(v.Path, "/"))
		}
	}
	if len(mounted) != 1 {
		r.object(ivoa.MessageInvalidValue, "{path} is to be kept after the session's end, so that one volume must mount it; {count} do",
			"path", w.path, "count", strconv.Itoa(len(mounted)))
		return
	}
	for i, v := range r.request.Compute.Mounted().Volumes {
		v, ok := v.(*ivoa.SimpleVolumeMount)
		if ok && v.Resource != placeRef(w.place) && (strings.HasPrefix(v.Path, mounted[0]+"/") || strings.HasPrefix(mounted[0], strings.TrimRight(v.Path, "/")+"/")) {
			r.object(ivoa.MessageInvalidValue, "{path} lies around or within {other}, where storage is mounted that is to be kept: mount it beside",
				"path", fmt.Sprintf("/compute/volumes/%d/path", i), "other", mounted[0])
		}
	}
}

// storagesOf is what an offer says of each storage resource that was asked for:
// its definite size, and how long it is kept. The ids are the components'.
func storagesOf(q *question, s *store.Session) []store.Storage {
	if len(q.storages) == 0 {
		return nil
	}
	end := wall(s.Plan.Start + s.Plan.Preparing + s.Plan.Duration)
	least, most := make([]int64, len(q.storages)), make([]int64, len(q.storages))
	for i, w := range q.storages {
		least[i], most[i] = w.least, w.most
	}
	sizes := sizesOf(s.Plan.Storage, least, most)
	all := make([]store.Storage, len(q.storages))
	for i, w := range q.storages {
		all[i] = store.Storage{ID: s.Components[w.place], Name: w.name, Size: sizes[i]}
		if w.existing != nil {
			all[i].Existing, all[i].KeepUntil = true, w.existing.Until
		}
		switch beyond := w.beyond(time.Duration(s.Plan.Duration)*time.Millisecond, end); {
		case beyond == 0:
		case w.until.IsZero():
			all[i].Keep = beyond.Milliseconds()
		default:
			all[i].KeepUntil = max(all[i].KeepUntil, w.until.UnixMilli())
		}
	}
	return all
}

// sizesOf gives each storage resource a definite size: the least that was asked
// for, and to the first ones what was booked beyond that, up to the most.
func sizesOf(booked int64, least, most []int64) []int64 {
	sizes := make([]int64, len(least))
	for i := range least {
		booked -= least[i]
	}
	for i := range least {
		extra := max(0, min(booked, most[i]-least[i]))
		booked -= extra
		sizes[i] = least[i] + extra
	}
	return sizes
}

// despatchedStorage is a session's storage as its executor hears of it.
func despatchedStorage(s *store.Session) []despatch.Storage {
	var all []despatch.Storage
	for _, st := range s.Storage {
		told := despatch.Storage{
			ID: st.ID.String(), Name: st.Name, Size: st.Size, Existing: st.Existing, KeepSeconds: (st.Keep + 999) / 1000,
		}
		if st.KeepUntil > 0 {
			told.KeepUntil = wall(st.KeepUntil)
		}
		all = append(all, told)
	}
	return all
}

// fillStorage gives each storage resource its definite size, its phase and its
// schedule. Storage that is kept is AVAILABLE after the session's end, and
// COMPLETED when it has been released.
func fillStorage(view *ivoa.Session, s *store.Session) {
	next := 0
	for _, c := range view.Storage {
		c, ok := c.(*ivoa.SimpleStorageResource)
		if !ok || next == len(s.Storage) {
			continue
		}
		st := s.Storage[next]
		next++
		c.Size = ivoa.Exactly(st.Size)
		c.Schedule = schedule(s)
		begin := s.Plan.Start + s.Plan.Preparing
		release := max(st.Lasts(begin+s.Plan.Duration), begin+s.Plan.Duration)
		c.Schedule.Available.Duration = duration(release - begin)
		if st.Until > 0 {
			release = st.Until
			c.Phase = ivoa.LifecycleAvailable
			if st.Released {
				c.Phase = ivoa.LifecycleCompleted
			}
		}
		c.Schedule.Releasing.Start = ivoa.FormatInstant(wall(release))
	}
}
