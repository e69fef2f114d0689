package node

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/store"
)

// The ids of the actions of a sequence. Those that stage data and those that
// the user wrote herself are numbered from 1.
const (
	stagePrefix  = "stage-"
	actionPrefix = "action-"
	runID        = "run"
)

// Bounds of a user's own sequence.
const (
	maxActions     = 1000
	maxActionBytes = 64 << 10
	maxActionDepth = 16
	maxActionKind  = 200 // bytes
)

// ownActions is how many actions of her own a user has written; 0 where the
// executable is to be run as a whole.
func ownActions(e ivoa.Executable) int {
	if own, ok := e.(*ivoa.Sequence); ok {
		return len(own.Actions)
	}
	return 0
}

// sequence looks whether a user's own actions can be handed to an executor.
func (r *reader) sequence(own *ivoa.Sequence) {
	const path = "/executable/actions"
	switch n := len(own.Actions); {
	case n == 0:
		r.object(ivoa.MessageMissingRequiredValue, "{path} is missing: list the actions to perform", "path", path)
	case n > maxActions:
		r.object(ivoa.MessageResourceLimit, "{path} has {count} actions; one session takes at most {limit}",
			"path", path, "count", strconv.Itoa(n), "limit", strconv.Itoa(maxActions))
		return
	}
	for i, action := range own.Actions {
		if why := checkAction(action); why != "" {
			r.object(ivoa.MessageInvalidValue, "{path}: {reason}", "path", path+"/"+strconv.Itoa(i), "reason", why)
		}
	}
}

// checkAction says what is wrong with a user's own action; "" if nothing is.
func checkAction(action ivoa.Raw) string {
	if len(action) > maxActionBytes {
		return fmt.Sprintf("the action has %d bytes; at most %d are handed over", len(action), maxActionBytes)
	}
	if len(action) == 0 || action[0] != '{' {
		return "an action is an object, with a kind if the executor wants one"
	}
	if depth := depthOf(action); depth > maxActionDepth {
		return fmt.Sprintf("the action is nested %d deep; at most %d are handed over", depth, maxActionDepth)
	}
	kind, err := kindOf(action)
	switch {
	case err != nil:
		return "the action's kind must be text"
	case len(kind) > maxActionKind:
		return fmt.Sprintf("the action's kind has %d bytes; at most %d are handed over", len(kind), maxActionKind)
	case slices.Contains([]string{despatch.ActionStageData, despatch.ActionRun, despatch.ActionSave, despatch.ActionRelease}, kind):
		return fmt.Sprintf("the kind %q is the broker's own; an executor would take the action for the broker's", kind)
	}
	return ""
}

// kindOf is the kind that an action gives itself, ActionOwn where it gives none.
func kindOf(action ivoa.Raw) (string, error) {
	var has struct {
		Kind *string `json:"kind"`
	}
	if err := json.Unmarshal(action, &has); err != nil {
		return "", err
	}
	if has.Kind == nil || *has.Kind == "" {
		return despatch.ActionOwn, nil
	}
	return *has.Kind, nil
}

// depthOf is how deep a JSON value is nested: 1 for an object of scalars.
func depthOf(value ivoa.Raw) (deepest int) {
	decoder := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return deepest
		}
		deepest = max(deepest, decoder.StackDepth())
	}
}

// sequenceOf is what an executor has to do for a session, in order.
func sequenceOf(s *store.Session, request *ivoa.ExecutionRequest) ([]despatch.Action, error) {
	volumes, mounts := volumesOf(s, request)
	sequence := stagingOf(s, request, mounts)
	main, err := mainOf(request.Executable, volumes)
	if err != nil {
		return nil, err
	}
	return append(append(sequence, main...),
		despatch.Action{ID: "save", Kind: despatch.ActionSave},
		despatch.Action{ID: "release", Kind: despatch.ActionRelease},
	), nil
}

// volumesOf lists the volumes of a request, and which resource is mounted where.
func volumesOf(s *store.Session, request *ivoa.ExecutionRequest) (volumes []despatch.Volume, mounts map[string]*ivoa.SimpleVolumeMount) {
	mounts = map[string]*ivoa.SimpleVolumeMount{}
	for _, v := range request.Compute.Mounted().Volumes {
		if v, ok := v.(*ivoa.SimpleVolumeMount); ok {
			mounts[v.Resource] = v
			volume := despatch.Volume{Path: v.Path, Mode: string(v.Mode), Name: v.Name()}
			if id := resolve(v.Resource, s.Components); slices.ContainsFunc(s.Storage, func(st store.Storage) bool { return st.ID.String() == id }) {
				volume.Storage = id
			}
			volumes = append(volumes, volume)
		}
	}
	return volumes, mounts
}

// stagingOf is an action for each data resource.
func stagingOf(s *store.Session, request *ivoa.ExecutionRequest, mounts map[string]*ivoa.SimpleVolumeMount) []despatch.Action {
	var staging []despatch.Action
	for i, c := range walk(&request.Components) {
		d, ok := c.(ivoa.DataResource)
		if !ok {
			continue
		}
		stage := &despatch.Stage{Data: s.Components[i].String(), Name: d.Base().Name(), Kind: d.Base().Kind, Bytes: dataBytes(d)}
		if simple, ok := d.(*ivoa.SimpleDataResource); ok {
			content, _ := ivoa.ParseContent(simple.Location)
			stage.Location, stage.SHA256 = content.Location, content.SHA256
		} else if n := len(staging); n < len(s.Staging) {
			stage.Location, stage.SHA256 = s.Staging[n].Location, sha256Of(d)
		}
		// Data are mounted themselves, or lie in storage that is.
		mount := mounts[placeRef(i)]
		if mount == nil {
			mount = mounts[d.Place().Storage]
		}
		if mount != nil {
			stage.Path, stage.Mode = mount.Path, string(mount.Mode)
		}
		staging = append(staging, despatch.Action{ID: stagePrefix + strconv.Itoa(len(staging)+1), Kind: despatch.ActionStageData, Stage: stage})
	}
	return staging
}

// mainOf is what everything else of a sequence is there for: the executable to
// run, or the actions that the user wrote herself, as they stand.
func mainOf(executable ivoa.Executable, volumes []despatch.Volume) ([]despatch.Action, error) {
	own, ok := executable.(*ivoa.Sequence)
	if !ok {
		encoded, err := ivoa.Encode(ivoa.JSON, executable)
		if err != nil {
			return nil, err
		}
		return []despatch.Action{{ID: runID, Kind: despatch.ActionRun, Run: &despatch.Run{Executable: jsontext.Value(encoded), Volumes: volumes}}}, nil
	}
	var actions []despatch.Action
	for i, value := range own.Actions {
		kind, err := kindOf(value)
		if err != nil {
			return nil, fmt.Errorf("action %d: %w", i+1, err)
		}
		actions = append(actions, despatch.Action{ID: actionPrefix + strconv.Itoa(i+1), Kind: kind, Value: jsontext.Value(value)})
	}
	return actions, nil
}

// isMain reports whether an action is one that the session is there for, and
// whether it is the last of those.
func isMain(s *store.Session, id string) (main, last bool) {
	if s.Actions == 0 {
		return id == runID, id == runID
	}
	number, own := strings.CutPrefix(id, actionPrefix)
	return own, own && number == strconv.Itoa(s.Actions)
}
